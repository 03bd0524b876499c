import assert from 'node:assert/strict';
import { bell, button, dialog, newTask, notices, textbox } from './dashboard.mjs';
import { web } from './harness.mjs';
import { becomes, seen } from './wait.mjs';

const test = web(import.meta.url);
const overdueIn = (milliseconds) => ({ due_date: new Date(Date.now() + milliseconds).toISOString(), reminder_minutes: null });

test('A task that falls due rings the bell, on a page that is open', async (scene) => {
  const user = await scene.someone();
  const page = await scene.device(user);
  await seen(bell(page));
  await scene.api(user).add({ title: 'Call mum', ...overdueIn(1_500) });
  await seen(bell(page, 1));
  await scene.api(user).add({ title: 'Buy milk', ...overdueIn(-1_000) });
  await seen(bell(page, 2));
});

test('The bell lists what fell due, and "Mark all read" silences it everywhere', async (scene) => {
  const user = await scene.someone();
  await scene.api(user).add({ title: 'Call mum', ...overdueIn(-1_000) });
  const page = await scene.device(user);
  await bell(page, 1).click();
  await seen(notices(page).filter({ hasText: 'Call mum' }));
  await button(page, 'Mark all read').click();
  await seen(bell(page));
  await becomes(async () => (await scene.api(user).get('/api/notifications/unread-count')).count, 0);
  await page.reload();
  await seen(newTask(page));
  await seen(bell(page));
});

test("A notice's link, opened anywhere, leads to its task", async (scene) => {
  const user = await scene.someone();
  const made = await scene.api(user).add('Call mum');
  const page = await scene.device(user);
  await page.goto(`${scene.host.url}/?task=${made.id}`);
  await seen(dialog(page));
  assert.equal(await textbox(dialog(page), 'Title').inputValue(), 'Call mum');
});
