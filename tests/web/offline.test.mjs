import assert from 'node:assert/strict';
import { add, newTask, offline, said, signInRegion, task } from './dashboard.mjs';
import { AWAY, REFUSED, web } from './harness.mjs';
import { becomes, gone, pause, seen } from './wait.mjs';

const test = web(import.meta.url);
const options = { complains: AWAY };
/** A page waits a little longer with each try. */
const BACK = 15_000;

/** A device behind a wire, with one task. */
async function behindAWire(scene) {
  const user = await scene.someone();
  const api = scene.api(user);
  await api.add('Call mum');
  const wire = await scene.wire();
  const page = await scene.device(user, { at: wire.url });
  await seen(task(page, 'Call mum'));
  await becomes(() => wire.streams.open, 1);
  return { api, wire, page };
}

test('What is done while the server is away is shown, waits, and is sent once', async (scene) => {
  const user = await scene.someone();
  await scene.api(user).add('Call mum');
  const page = await scene.device(user);
  await seen(task(page, 'Call mum'));
  await scene.host.stop();
  await seen(offline(page), BACK);
  await add(page, 'Buy milk');
  await task(page, 'Call mum').click();
  await seen(task(page, 'Buy milk', false));
  await seen(task(page, 'Call mum', true));
  await seen(offline(page));
  await scene.host.start();
  await gone(offline(page), BACK);
  const onTheServer = async () => (await scene.api(user).tasks()).map(({ title, completed }) => [title, completed]);
  await becomes(onTheServer, [['Buy milk', false], ['Call mum', true]]);
  await seen(task(page, 'Buy milk', false));
  await seen(task(page, 'Call mum', true));
}, options);

test('A task that waits can be completed before the server knows it', async (scene) => {
  const { api, wire, page } = await behindAWire(scene);
  wire.cut();
  await seen(offline(page), BACK);
  await add(page, 'Buy milk');
  await task(page, 'Buy milk', false).click();
  await seen(task(page, 'Buy milk', true));
  wire.mend();
  const bought = async () => (await api.tasks()).filter(({ title }) => title === 'Buy milk').map((task) => task.completed);
  await becomes(bought, [true], BACK);
}, options);

test('What waits survives a reload', async (scene) => {
  const { api, wire, page } = await behindAWire(scene);
  wire.cut();
  await seen(offline(page), BACK);
  await add(page, 'Buy milk');
  await seen(task(page, 'Buy milk'));
  await page.goto('about:blank');
  wire.mend();
  await page.goto(wire.url);
  await seen(task(page, 'Buy milk'));
  await becomes(api.titles, ['Buy milk', 'Call mum'], BACK);
}, options);

test('What arrived, and whose answer was lost, is not done twice', async (scene) => {
  const { api, wire, page } = await behindAWire(scene);
  wire.loseAnswers();
  await add(page, 'Buy milk');
  await becomes(() => wire.lost > 0, true);
  // The stream may show it beside the one that waits: until the answer, nobody can know that they are one.
  await seen(task(page, 'Buy milk').first());
  wire.mend();
  await becomes(api.titles, ['Buy milk', 'Call mum'], BACK);
  // A second one would come with the next try.
  await pause(3_000);
  assert.deepEqual(await api.titles(), ['Buy milk', 'Call mum']);
  await becomes(() => task(page, 'Buy milk').count(), 1);
}, options);

test('failure_14: a dropped connection resumes without a reload, and nobody storms the server', async (scene) => {
  const { api, wire, page } = await behindAWire(scene);
  await page.evaluate(() => (window.unchanged = true));
  wire.cut();
  await seen(offline(page), BACK);
  for (const number of [1, 2, 3]) await api.add(`Missed ${number}`);
  await pause(4_000);
  assert.ok(wire.knocks <= 20, `${wire.knocks} tries within five seconds`);
  wire.mend();
  for (const number of [1, 2, 3]) await seen(task(page, `Missed ${number}`), BACK);
  await gone(offline(page), BACK);
  await api.add('Afterwards');
  await seen(task(page, 'Afterwards'));
  assert.equal(await page.evaluate(() => window.unchanged), true, 'it was reloaded');
  assert.equal(wire.streams.open, 1);
}, options);

test('A restart of the server is no more than a moment', async (scene) => {
  const user = await scene.someone();
  const page = await scene.device(user);
  await seen(newTask(page));
  await scene.host.stop();
  await scene.host.start();
  await scene.api(user).add('Afterwards');
  await seen(task(page, 'Afterwards'), BACK);
  await gone(offline(page));
}, options);

test('A session that is ended elsewhere leads back to "Sign in"', async (scene) => {
  const page = await scene.device(await scene.someone());
  await seen(newTask(page));
  const [session] = await page.context().cookies();
  await scene.api({ token: session.value }).post('/api/auth/sign-out');
  await seen(signInRegion(page), BACK);
  await gone(newTask(page));
  await seen(said(page, /the session has ended/));
}, { complains: [...AWAY, ...REFUSED] });
