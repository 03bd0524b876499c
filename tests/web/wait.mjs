// Waiting for what a page or the host is about to show.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

export const LIVE = 2_000;
const PATIENCE = 10_000;

/** @param {import('playwright-core').Locator} locator */
export const seen = (locator, timeout = PATIENCE) => locator.waitFor({ state: 'visible', timeout });

/** @param {import('playwright-core').Locator} locator */
export const gone = (locator, timeout = PATIENCE) => locator.waitFor({ state: 'hidden', timeout });

/**
 * Until what is read equals this.
 * @template T
 * @param {() => Promise<T> | T} read
 * @param {T} expected
 */
export async function becomes(read, expected, timeout = PATIENCE) {
  await holds(async () => assert.deepEqual(await read(), expected), timeout);
}

/**
 * Until this no longer throws.
 * @param {() => Promise<unknown> | unknown} check
 */
export async function holds(check, timeout = PATIENCE) {
  const end = Date.now() + timeout;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    await pause(50);
  }
}

export { pause };
