// What a browser test has: a host, Chromium, a fresh context for each test, and a failure for whatever the page complains of.

import { mkdirSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, test as register } from 'node:test';
import { chromium } from 'playwright-core';
import { ARGS, CHROMIUM } from './browser.mjs';
import { Api, Host } from './host.mjs';
import { Wire } from './wire.mjs';

const ARTEFACTS = process.env.WEB_ARTEFACTS ?? join(tmpdir(), 'tidings-web');
const LONGEST_TEST = 60_000;
/** Not the zone of new accounts, which is UTC: a page that shows the browser's zone is found out. */
const ZONE = 'Europe/Berlin';

/** What Chromium itself writes to the console where the server refuses or is away. */
export const REFUSED = [/Failed to load resource: .* status of 4\d\d/];
export const AWAY = [
  /net::ERR_(CONNECTION_(REFUSED|RESET|CLOSED)|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED)/,
  /Failed to load resource: .* status of 503/,
];

/**
 * @typedef {import('playwright-core').Page} Page
 * @typedef {import('playwright-core').BrowserContextOptions} ContextOptions
 * @typedef {import('./host.mjs').User} User
 */

const missing = !existsSync(CHROMIUM);
if (missing) {
  if (process.env.IT_REQUIRE_ALL === '1') throw new Error(`Chromium is missing${CHROMIUM && `: ${CHROMIUM}`}`);
  console.log('skipped: Chromium is missing');
}

/**
 * Starts a host and a browser for the tests of one file.
 * @param {string} file its `import.meta.url`
 */
export function web(file) {
  const name = basename(new URL(file).pathname, '.test.mjs');
  const shared = {};
  if (!missing) {
    before(async () => {
      shared.host = await Host.start();
      shared.browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
    });
    after(async () => {
      await shared.browser?.close();
      await shared.host?.end();
    });
  }

  /**
   * @param {string} promise
   * @param {(scene: Scene) => Promise<void>} check
   * @param {{ complains?: RegExp[] }} [options] what the page may complain of
   */
  return function test(promise, check, { complains = [] } = {}) {
    register(promise, { skip: missing && 'Chromium is missing', timeout: LONGEST_TEST }, async () => {
      // A test that failed in between may have left it stopped.
      if (!shared.host.runs) await shared.host.start();
      const scene = new Scene(shared.host, shared.browser, complains);
      try {
        await check(scene);
      } catch (error) {
        throw scene.explained(error);
      } finally {
        await scene.end(`${name}-${slug(promise)}`);
      }
      scene.assertQuiet();
    });
  };
}

const slug = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '').slice(0, 80);

/** One test's users, devices and complaints. */
export class Scene {
  /** @type {import('playwright-core').BrowserContext[]} */
  #contexts = [];
  /** @type {Wire[]} */
  #wires = [];
  /** What the pages complained of so far, expected or not. @type {string[]} */
  complaints = [];
  #expected;

  /** @param {Host} host @param {import('playwright-core').Browser} browser @param {RegExp[]} expected */
  constructor(host, browser, expected) {
    this.host = host;
    this.browser = browser;
    this.#expected = expected;
  }

  /** The API as this user. @param {User} user */
  api = (user) => new Api(this.host, user.token);

  someone = () => this.host.someone();

  /** A wire to the host, for a device that is given its address. */
  async wire() {
    const wire = await Wire.lay(this.host.url);
    this.#wires.push(wire);
    return wire;
  }

  /**
   * A browser nobody has used, on the dashboard.
   * @param {ContextOptions & { at?: string }} [options]
   */
  async stranger({ at = this.host.url, ...options } = {}) {
    return this.tab(await this.#context(options), at);
  }

  /**
   * A browser in which this user is signed in, on the dashboard.
   * @param {User} user
   * @param {ContextOptions & { at?: string }} [options]
   */
  async device(user, { at = this.host.url, ...options } = {}) {
    const context = await this.#context(options);
    const session = { name: 'tidings_session', value: await this.host.session(user), url: at };
    await context.addCookies([{ ...session, httpOnly: true, sameSite: 'Lax' }]);
    return this.tab(context, at);
  }

  /** One more tab. @param {import('playwright-core').BrowserContext} context */
  async tab(context, at = this.host.url) {
    const page = await context.newPage();
    await page.goto(at);
    return page;
  }

  /** @param {ContextOptions} options */
  async #context(options) {
    const context = await this.browser.newContext({ timezoneId: ZONE, reducedMotion: 'reduce', ...options });
    context.setDefaultTimeout(10_000);
    await context.addInitScript(() => {
      addEventListener('securitypolicyviolation', (event) => {
        console.error(`policy: ${event.effectiveDirective} forbids ${event.blockedURI}`);
      });
    });
    context.on('weberror', (error) => this.complaints.push(`page error: ${error.error()}`));
    context.on('console', (message) => message.type() === 'error' && this.complaints.push(message.text()));
    context.on('dialog', (dialog) => this.#answer(dialog));
    this.#contexts.push(context);
    return context;
  }

  /** @param {import('playwright-core').Dialog} dialog */
  #answer(dialog) {
    if (dialog.type() !== 'beforeunload') this.complaints.push(`dialog: ${dialog.message()}`);
    return dialog.accept();
  }

  /** @param {string} name of the pictures */
  async end(name) {
    mkdirSync(ARTEFACTS, { recursive: true });
    const pages = this.#contexts.flatMap((context) => context.pages());
    for (const [index, page] of pages.entries()) {
      const path = join(ARTEFACTS, index ? `${name}-${index + 1}.png` : `${name}.png`);
      // A page that hangs has no picture; why the test failed matters more.
      await page.screenshot({ path, timeout: 5_000 }).catch(() => {});
    }
    await Promise.all(this.#contexts.map((context) => context.close()));
    this.#wires.forEach((wire) => wire.close());
  }

  assertQuiet() {
    const unexpected = this.#unexpected();
    if (unexpected.length) throw new Error(`the page complains:\n${unexpected.join('\n')}`);
  }

  /** With what the page complained of before, which is often the reason. @param {Error} error */
  explained(error) {
    const unexpected = this.#unexpected();
    if (unexpected.length) error.message += `\n\nthe page had complained:\n${unexpected.join('\n')}`;
    return error;
  }

  #unexpected() {
    return this.complaints.filter((text) => !this.#expected.some((pattern) => pattern.test(text)));
  }
}
