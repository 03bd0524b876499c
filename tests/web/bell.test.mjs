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

/** What the browser says outside of the page, where the person has allowed it, is kept on the page. */
async function listening(scene, user) {
  const first = await scene.device(user);
  const context = first.context();
  await context.grantPermissions(['notifications'], { origin: scene.host.url });
  await context.addInitScript(() => {
    window.announced = [];
    window.Notification = class extends Notification {
      constructor(title, options) {
        super(title, options);
        window.announced.push(title);
      }
    };
  });
  await first.reload();
  await seen(bell(first));
  return first;
}

const announced = async (...pages) => (await Promise.all(pages.map((page) => page.evaluate(() => window.announced)))).flat();

test('Where the browser may say so, a reminder that falls due is said outside of the page', async (scene) => {
  const user = await scene.someone();
  const page = await listening(scene, user);
  await scene.api(user).add({ title: 'Call mum', ...overdueIn(1_500) });
  await becomes(() => announced(page), ['Call mum']);
  await seen(bell(page, 1));
});

test('Of two tabs, one says so', async (scene) => {
  const user = await scene.someone();
  const first = await listening(scene, user);
  const second = await scene.tab(first.context());
  await seen(bell(second));
  await scene.api(user).add({ title: 'Call mum', ...overdueIn(-1_000) });
  await Promise.all([seen(bell(first, 1)), seen(bell(second, 1))]);
  await becomes(() => announced(first, second), ['Call mum']);
  await scene.api(user).add({ title: 'Buy milk', ...overdueIn(-1_000) });
  await Promise.all([seen(bell(first, 2)), seen(bell(second, 2))]);
  await becomes(() => announced(first, second), ['Call mum', 'Buy milk']);
});

test('Two reminders that fall due together are both said', async (scene) => {
  const user = await scene.someone();
  const page = await listening(scene, user);
  const due = overdueIn(2_000);
  for (const title of ['Call mum', 'Buy milk']) await scene.api(user).add({ title, ...due });
  await seen(bell(page, 2));
  await becomes(async () => (await announced(page)).sort(), ['Buy milk', 'Call mum']);
});
