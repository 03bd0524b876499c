import assert from 'node:assert/strict';
import axeCore from 'axe-core';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa'];

/**
 * No violation of WCAG 2.0 to 2.2, A and AA.
 * @param {import('playwright-core').Page} page
 * @param {string} state what the page shows, for the message
 */
export async function axe(page, state) {
  const { violations, passes } = await run(page);
  assert.ok(passes.length > 0, `${state}: axe checked nothing`);
  assert.deepEqual(violations.map(told), [], state);
}

/** Over the debugging protocol, which the page's policy does not bind. */
async function run(page) {
  const session = await page.context().newCDPSession(page);
  const options = { runOnly: { type: 'tag', values: TAGS }, resultTypes: ['violations'] };
  const expression = `${axeCore.source}; axe.run(document, ${JSON.stringify(options)})`;
  const answer = await session.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
  await session.detach();
  assert.equal(answer.exceptionDetails, undefined, answer.exceptionDetails?.exception?.description);
  return answer.result.value;
}

const told = ({ id, help, nodes }) => `${id} (${help}): ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join('; ')}`;
