import assert from 'node:assert/strict';
import { button, dialog, edit, list, newTask, offline, task, textbox } from './dashboard.mjs';
import { AWAY, REFUSED, web } from './harness.mjs';
import { becomes, gone, seen } from './wait.mjs';

const test = web(import.meta.url);

const DUE = '2030-05-04T18:30:00Z';
/** A page waits a little longer with each try. */
const BACK = 15_000;

test('Several tasks are chosen, completed together, and opened again by one "Undo"', async (scene) => {
  const user = await scene.someone();
  const page = await scene.device(user);
  const api = scene.api(user);
  for (const title of ['Bread', 'Milk', 'Tea']) await api.add(title);
  await seen(task(page, 'Tea', false));
  await button(page, 'Select').click();
  for (const title of ['Bread', 'Tea']) await button(page, `Select ${title}`).click();
  await seen(page.getByText('2 selected'));
  await button(page.getByRole('group', { name: 'Selected tasks' }), 'Complete').click();
  const completed = async () => (await api.tasks()).filter((task) => task.completed).map((task) => task.title).sort();
  await becomes(completed, ['Bread', 'Tea']);
  await button(page, 'Undo').click();
  await becomes(completed, []);
});

test('A snoozed task says until when', async (scene) => {
  const user = await scene.someone();
  const page = await scene.device(user);
  await scene.api(user).add('Call mum');
  await button(page, 'Snooze Call mum').click();
  await page.getByRole('button', { name: /^Tomorrow/ }).click();
  await seen(list(page).getByText(/snoozed until Tomorrow 09:00/));
  await becomes(async () => (await scene.api(user).tasks())[0].snoozed_until !== null, true);
});

test('A task that is dropped on "Upcoming" is due tomorrow, at its time of day', async (scene) => {
  const user = await scene.someone();
  const page = await scene.device(user);
  await scene.api(user).add({ title: 'Call mum', due_date: DUE });
  await seen(task(page, 'Call mum'));
  await list(page).getByRole('listitem').first().dragTo(page.getByRole('link', { name: /^Upcoming/ }));
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  await becomes(async () => (await scene.api(user).tasks())[0].due_date, `${tomorrow}T18:30:00Z`);
});

test('Keys go through the list and do things to tasks', async (scene) => {
  const user = await scene.someone();
  const page = await scene.device(user);
  const api = scene.api(user);
  for (const title of ['Third', 'Second', 'First']) await api.add(title);
  await seen(task(page, 'First', false));
  for (const key of ['j', 'j', 'c']) await page.keyboard.press(key);
  await becomes(async () => (await api.tasks()).find((task) => task.completed)?.title, 'Second');
  await page.keyboard.press('z');
  await becomes(async () => (await api.tasks()).filter((task) => task.completed), []);
  await page.keyboard.press('n');
  await page.keyboard.type('Fourth');
  await page.keyboard.press('Enter');
  await seen(task(page, 'Fourth'));
  await page.keyboard.press('Escape');
  assert.equal(await newTask(page).inputValue(), '');
});

test('Two who change one field see both, and neither is lost', async (scene) => {
  const user = await scene.someone();
  const page = await scene.device(user);
  const api = scene.api(user);
  const made = await api.add('Bread');
  await edit(page, 'Bread');
  await textbox(dialog(page), 'Title').fill('Rye bread');
  await api.change(made, { title: 'White bread' });
  await seen(page.locator('.tasks').getByText('White bread'));
  await button(dialog(page), 'Save').click();
  const collision = page.getByRole('dialog', { name: 'This task was changed meanwhile' });
  await seen(collision.getByText('Rye bread'));
  await seen(collision.getByText('White bread'));
  await collision.getByRole('radio', { name: /^Yours/ }).check();
  await button(collision, 'Save').click();
  await gone(collision);
  await becomes(api.titles, ['Rye bread']);
});

test('Two who changed one field are told when the dialog that is open is closed: what is typed there stays', async (scene) => {
  const user = await scene.someone();
  const api = scene.api(user);
  const [bread, tea] = [await api.add('Bread'), await api.add('Tea')];
  const wire = await scene.wire();
  const page = await scene.device(user, { at: wire.url });
  await seen(task(page, 'Tea'));
  await becomes(() => wire.streams.open, 1);
  wire.cut();
  await seen(offline(page), BACK);
  await textbox(await edit(page, 'Bread'), 'Title').fill('Rye bread');
  await button(dialog(page), 'Save').click();
  await textbox(await edit(page, 'Tea'), 'Title').fill('Half a thought');
  await api.change(bread, { title: 'White bread' });
  await api.change(tea, { priority: 'high' });
  const compared = page.waitForResponse((answer) => answer.status() === 412).then(() => page.waitForResponse(`**/api/todos/${bread.id}`));
  wire.mend();
  await compared;
  await gone(offline(page), BACK);
  assert.equal(await textbox(dialog(page), 'Title').inputValue(), 'Half a thought');
  await button(dialog(page), 'Save').click();
  const collision = page.getByRole('dialog', { name: 'This task was changed meanwhile' });
  await seen(collision);
  await button(collision, 'Save').click();
  await becomes(async () => (await api.titles()).sort(), ['Half a thought', 'Rye bread']);
}, { complains: [...AWAY, ...REFUSED] });

test('The history of a task can be read', async (scene) => {
  const user = await scene.someone();
  const page = await scene.device(user);
  const api = scene.api(user);
  const made = await api.add({ title: 'Bread', due_date: DUE });
  await api.change(made, { due_date: '2030-05-06T18:30:00Z' });
  await edit(page, 'Bread');
  await seen(dialog(page).getByText('due date moved from 4 May 2030 18:30 to 6 May 2030 18:30'));
});
