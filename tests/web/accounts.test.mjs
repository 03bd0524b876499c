import assert from 'node:assert/strict';
import { add, button, edit, enter, newTask, offline, said, show, signInRegion, task, textbox, view } from './dashboard.mjs';
import { AWAY, REFUSED, web } from './harness.mjs';
import { becomes, gone, seen } from './wait.mjs';

const test = web(import.meta.url);
/** Whoever has no session is refused, and Chromium says so. */
const options = { complains: REFUSED };
/** A page waits a little longer with each try. */
const BACK = 15_000;

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
  assert.equal(await said(page, /session has ended/).count(), 0);
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

test('A new password signs every other device out, and this one stays', async (scene) => {
  const user = await scene.someone();
  const [here, there] = [await scene.device(user), await scene.stranger()];
  await enter(there, 'Sign in', user);
  await seen(newTask(there));
  await show(here, 'Settings');
  const change = async (current, next) => {
    await textbox(here, 'Current password').fill(current);
    await textbox(here, 'New password').fill(next);
    await button(here, 'Change password').click();
  };
  await change('not this one', 'staple battery');
  await seen(said(here, /This is not the current password/));
  await seen(newTask(there));
  await change(user.password, 'staple battery');
  await seen(here.getByText(/The password is changed/));
  await seen(signInRegion(there));
  await enter(there, 'Sign in', user);
  await seen(said(there, /password/i));
  await enter(there, 'Sign in', { ...user, password: 'staple battery' });
  await seen(newTask(there));
  await here.reload();
  await seen(view(here, 'Settings'));
}, options);

test('A token comes with what a client of agents reads, and it works until it is revoked', async (scene) => {
  const page = await scene.device(await scene.someone());
  await show(page, 'Settings');
  await textbox(page, 'Name of a new token').fill('My agent');
  await button(page, 'Create token').click();
  const example = page.getByLabel('An AI agent (MCP)', { exact: true });
  await seen(example);
  const { url, headers } = JSON.parse(await example.textContent()).mcpServers.tidings;
  assert.equal(url, new URL('/mcp', page.url()).href);
  const list = async () => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    const answer = await fetch(url, { method: 'POST', headers: { ...headers, 'Content-Type': 'application/json' }, body });
    return [answer.status, await answer.json()];
  };
  const [status, { result }] = await list();
  assert.deepEqual([status, result.tools.length], [200, 10]);
  await button(page, 'Revoke My agent').click();
  await gone(button(page, 'Revoke My agent'));
  assert.equal((await list())[0], 401);
});

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

/** Two tabs of one browser, with a task. */
async function twoTabs(scene) {
  const user = await scene.someone();
  await scene.api(user).add('Call mum');
  const first = await scene.device(user);
  const tabs = [first, await scene.tab(first.context())];
  for (const tab of tabs) await seen(task(tab, 'Call mum'));
  return { user, tabs };
}

/** Both are at the door, and have no dialog left; both can go in again, and hear of what happens. */
async function outAndInAgain(scene, user, tabs) {
  for (const tab of tabs) {
    await seen(signInRegion(tab));
    await gone(newTask(tab));
    assert.equal(await tab.getByRole('dialog').count(), 0);
  }
  for (const tab of tabs) {
    await enter(tab, 'Sign in', user);
    await seen(task(tab, 'Call mum'));
  }
  await scene.api(user).add('Afterwards');
  for (const tab of tabs) await seen(task(tab, 'Afterwards'));
}

test('Two tabs that sign out at the same time are both out, and can sign in again', async (scene) => {
  const { user, tabs } = await twoTabs(scene);
  // Neither is answered before both have asked: the first to be out would take the other's button away.
  let [asked, letGo] = [0];
  const bothHave = new Promise((resolve) => (letGo = resolve));
  await tabs[0].context().route('**/api/auth/sign-out', async (route) => {
    if (++asked === tabs.length) letGo();
    await bothHave;
    return route.continue();
  });
  await Promise.all(tabs.map((tab) => button(tab, 'Sign out').click()));
  await outAndInAgain(scene, user, tabs);
}, options);

test('A tab that signs out takes the other with it, whatever dialog it has open', async (scene) => {
  const { user, tabs } = await twoTabs(scene);
  const [first, second] = tabs;
  await textbox(await edit(second, 'Call mum'), 'Title').fill('Call dad');
  await button(first, 'Sign out').click();
  await outAndInAgain(scene, user, tabs);
}, options);

test('An account that is deleted elsewhere leads back to "Sign in"', async (scene) => {
  const user = await scene.someone();
  const page = await scene.device(user);
  await seen(newTask(page));
  await scene.api(user).delete('/api/account', { password: user.password });
  await seen(signInRegion(page), BACK);
  await gone(newTask(page));
  await enter(page, 'Sign in', user);
  await seen(said(page, /password/i));
}, options);

test('What was not sent when the session ended is sent once the same person is back, and never as another', async (scene) => {
  const [ada, bob] = [await scene.someone(), await scene.someone()];
  const wire = await scene.wire();
  const page = await scene.device(ada, { at: wire.url });
  await becomes(() => wire.streams.open, 1);
  wire.cut();
  await seen(offline(page), BACK);
  await add(page, 'Call mum');
  const [session] = await page.context().cookies();
  await scene.api({ token: session.value }).post('/api/auth/sign-out');
  wire.mend();
  await seen(signInRegion(page), BACK);
  await enter(page, 'Sign in', bob);
  await seen(page.getByText(bob.email));
  await button(page, 'Sign out').click();
  await enter(page, 'Sign in', ada);
  await seen(task(page, 'Call mum'));
  await becomes(scene.api(ada).titles, ['Call mum']);
  assert.deepEqual(await scene.api(bob).titles(), []);
}, { complains: [...AWAY, ...REFUSED] });
