import assert from 'node:assert/strict';
import { button, enter, newTask, said, signInRegion } from './dashboard.mjs';
import { REFUSED, web } from './harness.mjs';
import { gone, seen } from './wait.mjs';

const test = web(import.meta.url);
/** Whoever has no session is refused, and Chromium says so. */
const options = { complains: REFUSED };

test('Signing up leads to the tasks', async (scene) => {
  const page = await scene.stranger();
  await enter(page, 'Sign up', { email: 'ada@example.org', password: 'correct horse battery' });
  await seen(newTask(page));
  await gone(signInRegion(page));
}, options);

test('An address that is taken is said to be', async (scene) => {
  const page = await scene.stranger();
  await enter(page, 'Sign up', await scene.someone());
  await seen(said(page, /\w+ \w+/));
  await seen(signInRegion(page));
}, options);

test('Signing out leads to "Sign in", and signing in back to the tasks', async (scene) => {
  const user = await scene.someone();
  const page = await scene.device(user);
  await button(page, 'Sign out').click();
  await seen(signInRegion(page));
  await gone(newTask(page));
  await enter(page, 'Sign in', user);
  await seen(newTask(page));
}, options);

test('Signing out lasts', async (scene) => {
  const page = await scene.device(await scene.someone());
  await button(page, 'Sign out').click();
  await seen(signInRegion(page));
  await page.reload();
  await seen(signInRegion(page));
}, options);

test('A wrong password is said to be wrong, and can be mended', async (scene) => {
  const user = await scene.someone();
  const page = await scene.stranger();
  await enter(page, 'Sign in', { ...user, password: 'wrong horse battery' });
  await seen(said(page, /password/i));
  await enter(page, 'Sign in', user);
  await seen(newTask(page));
}, options);

test('A reload keeps the session', async (scene) => {
  const page = await scene.device(await scene.someone());
  await seen(newTask(page));
  await page.reload();
  await seen(newTask(page));
});

test('No script can read the session', async (scene) => {
  const user = await scene.someone();
  const page = await scene.stranger();
  await enter(page, 'Sign in', user);
  await seen(newTask(page));
  const [session] = await page.context().cookies();
  assert.deepEqual([session.name, session.httpOnly, session.sameSite], ['tidings_session', true, 'Lax']);
  const readable = await page.evaluate(() => document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage }));
  assert.ok(!readable.includes('tidings_session') && !readable.includes(session.value), readable);
}, options);
