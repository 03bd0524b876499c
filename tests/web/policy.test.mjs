import assert from 'node:assert/strict';
import { add, newTask, task } from './dashboard.mjs';
import { web } from './harness.mjs';
import { seen } from './wait.mjs';

const test = web(import.meta.url);

/** @param {string} header */
const directives = (header) => new Map(header.split(';').map((part) => part.trim().split(/\s+/)).map(([name, ...values]) => [name, values]));

/** What a signed-in page asks for, to the last byte. */
async function asked(scene) {
  const page = await scene.device(await scene.someone());
  const urls = [];
  page.on('request', (request) => urls.push(request.url()));
  await page.reload();
  await add(page, 'Call mum');
  await seen(task(page, 'Call mum'));
  return urls.map((url) => new URL(url));
}

/** @param {URL} url @param {string} encoding @param {Record<string, string>} [headers] */
const fetched = (url, encoding, headers) => fetch(url, { headers: { 'accept-encoding': encoding, ...headers } });

async function assets(scene) {
  const found = (await asked(scene)).filter(({ pathname }) => /\.(js|css|wasm)$/.test(pathname));
  const kinds = new Set(found.map(({ pathname }) => pathname.split('.').at(-1)));
  assert.ok(kinds.has('js') && kinds.has('wasm'), `of the page only ${[...kinds]} was seen`);
  return found;
}

test('The policy allows no inline script and no eval', async ({ host }) => {
  const header = (await fetch(host.url)).headers.get('content-security-policy');
  assert.ok(header, 'there is no policy');
  const policy = directives(header);
  const values = [...policy.values()].flat();
  assert.ok(!values.includes("'unsafe-inline'") && !values.includes("'unsafe-eval'"), header);
  assert.ok(policy.has('default-src') || policy.has('script-src'), header);
  assert.ok(!values.some((value) => /^(\*|https?:)/.test(value)), `${header}: another origin`);
});

test('The page asks nobody but its own server, and no address holds a token', async (scene) => {
  for (const url of await asked(scene)) {
    if (['data:', 'blob:'].includes(url.protocol)) continue;
    assert.equal(url.origin, scene.host.url, url.href);
    assert.doesNotMatch(url.href, /eyJ/, 'a token in an address');
  }
});

test('Assets are kept for good and known by their ETag', async (scene) => {
  for (const url of await assets(scene)) {
    const { headers } = await fetched(url, 'identity');
    assert.match(headers.get('cache-control') ?? '', /immutable/, url.pathname);
    const etag = headers.get('etag');
    assert.ok(etag, `${url.pathname} has no ETag`);
    const again = await fetched(url, 'identity', { 'if-none-match': etag });
    assert.equal(again.status, 304, url.pathname);
    assert.equal((await again.arrayBuffer()).byteLength, 0);
  }
});

test('The page itself is asked for anew each time', async ({ host }) => {
  const { headers } = await fetch(host.url);
  assert.doesNotMatch(headers.get('cache-control') ?? '', /immutable|max-age=[1-9]/);
});

test('Assets are compressed in the way the browser knows', async (scene) => {
  for (const url of await assets(scene)) {
    for (const [accepts, is] of [['br', 'br'], ['gzip', 'gzip'], ['gzip, deflate, br', 'br'], ['identity', null]]) {
      const { status, headers } = await fetched(url, accepts);
      assert.deepEqual([status, headers.get('content-encoding')], [200, is], `${url.pathname} for ${accepts}`);
      assert.match(headers.get('vary') ?? '', /accept-encoding/i, url.pathname);
    }
  }
});
