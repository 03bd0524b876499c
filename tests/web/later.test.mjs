// The page comes in two parts: what is done before the second is there waits for it. And the time zones, which the first part asks the browser for.

import assert from 'node:assert/strict';
import { add, list, newTask, task } from './dashboard.mjs';
import { AWAY, web } from './harness.mjs';
import { becomes, gone, seen } from './wait.mjs';

const test = web(import.meta.url);
const LATER = '**/assets/later.*';
const BACK = 15_000;

/** A device whose second part comes when it is let go. */
async function withoutLater(scene, user, answer = (route) => route.continue()) {
  const page = await scene.device(user);
  // All of it is there once.
  await page.locator('[aria-label="Understood"]').waitFor({ state: 'attached' });
  let letGo;
  const held = new Promise((resolve) => (letGo = resolve));
  await page.route(LATER, async (route) => {
    await held;
    return answer(route);
  });
  await page.reload();
  await seen(newTask(page));
  return { page, letGo };
}

test('What is done before all of the page is there is shown, and sent when it is', async (scene) => {
  const user = await scene.someone();
  const api = scene.api(user);
  await api.add('Call mum');
  const { page, letGo } = await withoutLater(scene, user);
  await task(page, 'Call mum', false).click();
  await seen(task(page, 'Call mum', true));
  await add(page, 'Buy milk #home');
  assert.deepEqual(await api.titles(), ['Call mum']);
  letGo();
  await seen(task(page, 'Buy milk', false));
  assert.equal(await newTask(page).inputValue(), '');
  const onTheServer = async () => (await api.tasks()).map(({ title, completed, tags }) => [title, completed, tags]);
  await becomes(onTheServer, [['Buy milk', false, ['home']], ['Call mum', true, []]]);
});

test('A part of the page that does not come is asked for again, and the page says so meanwhile', async (scene) => {
  const user = await scene.someone();
  let refused = 0;
  const { page, letGo } = await withoutLater(scene, user, (route) => (++refused > 1 ? route.continue() : route.abort('connectionreset')));
  const said = page.getByRole('status').filter({ hasText: 'A part of the page has not come' });
  letGo();
  await seen(said);
  await add(page, 'Buy milk');
  await seen(task(page, 'Buy milk'), BACK);
  await gone(said);
}, { complains: [...AWAY, /Failed to fetch/] });

test('Clocks show the time of the zone that is preferred, across their changes', async (scene) => {
  const user = await scene.someone();
  const api = scene.api(user);
  await api.put('/api/preferences', { time_zone: 'Europe/Berlin' });
  const shown = {
    '2030-01-15T08:00:00Z': '15 Jan 2030 09:00',
    '2030-03-31T00:59:00Z': '31 Mar 2030 01:59',
    '2030-03-31T01:00:00Z': '31 Mar 2030 03:00',
    '2030-07-15T08:00:00Z': '15 Jul 2030 10:00',
    '2030-10-27T00:30:00Z': '27 Oct 2030 02:30',
    '2030-10-27T01:30:00Z': '27 Oct 2030 02:30',
    '2030-10-27T23:30:00Z': '28 Oct 2030 00:30',
  };
  for (const due_date of Object.keys(shown)) await api.add({ title: due_date, due_date });
  const page = await scene.device(user);
  for (const [due_date, said] of Object.entries(shown)) {
    await seen(list(page).getByRole('listitem').filter({ hasText: due_date }).getByText(said, { exact: true }));
  }
});
