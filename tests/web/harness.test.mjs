// The harness notices what it is there to notice, on a page under the strictest policy.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { after, before } from 'node:test';
import { axe } from './axe.mjs';
import { web } from './harness.mjs';
import { becomes } from './wait.mjs';

const test = web(import.meta.url);
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "require-trusted-types-for 'script'",
].join('; ');
const page = (body) =>
  `<!doctype html><html lang="en"><title>Page</title><link rel="icon" href="data:,"><main><h1>Page</h1>${body}</main>`;
const BODIES = { '/good': page('<p>Good</p>'), '/nameless': page('<input>'), '/inline': page('<script>window.ran = true</script>') };

const server = http.createServer((request, response) => {
  const body = BODIES[request.url];
  response.writeHead(body ? 200 : 404, { 'content-type': 'text/html', 'content-security-policy': POLICY });
  response.end(body);
});
let url = '';
before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${server.address().port}`;
});
after(() => server.close());

const COMPLAINTS = { complains: [/policy|Trusted/i, /page error: .*deliberate/, /^deliberate$/, /dialog: deliberate/] };
/** Fails unless what was done would fail a test that expects nothing. @param {import('./harness.mjs').Scene} scene */
const complained = (scene, text) => becomes(() => scene.complaints.some((complaint) => text.test(complaint)), true);

test('axe runs under the policy', async (scene) => {
  await axe(await scene.stranger({ at: `${url}/good` }), 'a good page');
});

test('axe finds a field without a name', async (scene) => {
  const nameless = await scene.stranger({ at: `${url}/nameless` });
  await assert.rejects(axe(nameless, 'a nameless field'), /label/);
});

test('An inline script is a complaint', async (scene) => {
  const inline = await scene.stranger({ at: `${url}/inline` });
  await complained(scene, /^policy: script-src-elem/);
  assert.equal(await inline.evaluate(() => window.ran), undefined);
}, COMPLAINTS);

test('A page error, a console error and a dialog are complaints', async (scene) => {
  const good = await scene.stranger({ at: `${url}/good` });
  await good.evaluate(() => {
    console.error('deliberate');
    alert('deliberate');
    setTimeout(() => {
      throw new Error('deliberate');
    });
  });
  await complained(scene, /^deliberate$/);
  await complained(scene, /^dialog: deliberate/);
  await complained(scene, /^page error: .*deliberate/);
}, COMPLAINTS);

test('A host that was stopped comes back on its port, with its data', async (scene) => {
  const user = await scene.someone();
  const before = scene.host.url;
  await scene.api(user).add('Call mum');
  await scene.host.stop();
  await assert.rejects(scene.api(user).titles());
  await scene.host.start();
  assert.deepEqual([scene.host.url, await scene.api(user).titles()], [before, ['Call mum']]);
});

test('A wire carries, cuts, loses answers and mends', async (scene) => {
  const wire = await scene.wire();
  const ask = (method) => fetch(`${wire.url}/api/auth/sign-out`, { method }).then((answer) => answer.status);
  const before = await ask('GET');
  wire.cut();
  await assert.rejects(ask('GET'));
  assert.ok(wire.knocks > 0);
  wire.mend();
  wire.loseAnswers();
  await assert.rejects(ask('POST'));
  assert.equal(wire.lost, 1);
  wire.mend();
  assert.equal(await ask('GET'), before);
});
