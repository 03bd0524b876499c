import assert from 'node:assert/strict';
import { add, bell, button, dialog, edit, combobox, listed, newTask, said, search, status, task, textbox } from './dashboard.mjs';
import { web } from './harness.mjs';
import { becomes, gone, seen } from './wait.mjs';

const test = web(import.meta.url);
/** Chromium alone needs seconds to draw as much. */
const SLOWLY = 20_000;

test('Quick add understands the rule, the due date, the tag and the priority', async (scene) => {
  const user = await scene.someone();
  const page = await scene.device(user);
  await add(page, 'Water plants every 2 days 18:00 #home !high');
  await seen(task(page, 'Water plants', false));
  await becomes(scene.api(user).titles, ['Water plants']);
  const [made] = await scene.api(user).tasks();
  assert.equal(made.recurrence.rrule, 'FREQ=DAILY;INTERVAL=2');
  assert.match(made.due_date, /T18:00:00/);
  assert.deepEqual([made.tags, made.priority], [['home'], 'high']);
  assert.equal(await newTask(page).inputValue(), '');
});

test('A checked task is completed, an unchecked one open again', async (scene) => {
  const user = await scene.someone();
  const page = await scene.device(user);
  const completed = async () => (await scene.api(user).tasks())[0].completed;
  await add(page, 'Call mum');
  await task(page, 'Call mum', false).click();
  await seen(task(page, 'Call mum', true));
  await becomes(completed, true);
  await task(page, 'Call mum', true).click();
  await seen(task(page, 'Call mum', false));
  await becomes(completed, false);
});

test('A completed recurring task leaves the next one', async (scene) => {
  const user = await scene.someone();
  const page = await scene.device(user);
  await scene.api(user).add({ title: 'Water plants', due_date: soon(), recurrence: { frequency: 'daily', interval: 1 } });
  await task(page, 'Water plants', false).click();
  await seen(task(page, 'Water plants', true));
  await seen(task(page, 'Water plants', false));
});

test('The dialog changes title, priority, due date and rule', async (scene) => {
  const user = await scene.someone();
  await scene.api(user).add('Cal mum');
  const page = await scene.device(user);
  const fields = await edit(page, 'Cal mum');
  await textbox(fields, 'Title').fill('Call mum');
  await combobox(fields, 'Priority').selectOption('High');
  await fields.getByLabel('Due', { exact: true }).fill('2030-05-04T18:30');
  await combobox(fields, 'Repeat').selectOption('Weekly');
  await button(fields, 'Save').click();
  await gone(dialog(page));
  await seen(task(page, 'Call mum'));
  await becomes(scene.api(user).titles, ['Call mum']);
  const [changed] = await scene.api(user).tasks();
  assert.equal(changed.priority, 'high');
  assert.equal(Date.parse(changed.due_date), Date.parse('2030-05-04T18:30:00Z'));
  assert.match(changed.recurrence.rrule, /^FREQ=WEEKLY/);
});

test('The dialog makes rules of weekdays, of a place in the month and with an end, and says the dates that follow', async (scene) => {
  const user = await scene.someone();
  await scene.api(user).add({ title: 'Swim', due_date: '2030-05-03T16:00:00Z' });
  const page = await scene.device(user);
  const [now, rule] = [async () => (await scene.api(user).tasks())[0], async () => (await now()).recurrence?.rrule];
  const next = () => dialog(page).getByRole('list', { name: 'Next dates', exact: true }).getByRole('listitem').allTextContents();

  let fields = await edit(page, 'Swim');
  await combobox(fields, 'Repeat').selectOption('Weekly');
  await fields.getByRole('checkbox', { name: 'Monday', exact: true }).check();
  await fields.getByRole('checkbox', { name: 'Friday', exact: true }).check();
  await combobox(fields, 'Ends').selectOption('After so many times');
  await fields.getByLabel('Times', { exact: true }).fill('3');
  await becomes(next, ['6 May 2030 16:00', '10 May 2030 16:00']);
  await button(fields, 'Save').click();
  await becomes(rule, 'FREQ=WEEKLY;BYDAY=MO,FR;COUNT=3');

  // What was chosen is there again, and can be another.
  await gone(dialog(page));
  await becomes(async () => (await now()).version > 1, true);
  fields = await edit(page, 'Swim');
  assert.ok(await fields.getByRole('checkbox', { name: 'Friday', exact: true }).isChecked());
  await combobox(fields, 'Repeat').selectOption('Monthly');
  await combobox(fields, 'On').selectOption('The first Friday');
  await combobox(fields, 'Ends').selectOption('On a day');
  await fields.getByLabel('Last day', { exact: true }).fill('2030-07-31');
  await becomes(next, ['7 Jun 2030 16:00', '5 Jul 2030 16:00']);
  await button(fields, 'Save').click();
  await becomes(rule, 'FREQ=MONTHLY;BYDAY=1FR;UNTIL=20300731');
});

test('A series that cannot be is said to be none, and nothing is lost', async (scene) => {
  const user = await scene.someone();
  await scene.api(user).add({ title: 'Swim', due_date: '2030-05-03T16:00:00Z' });
  const page = await scene.device(user);
  const fields = await edit(page, 'Swim');
  await textbox(fields, 'Title').fill('Swim far');
  await combobox(fields, 'Repeat').selectOption('Daily');
  await combobox(fields, 'Ends').selectOption('On a day');
  await fields.getByLabel('Last day', { exact: true }).fill('2030-05-02');
  await button(fields, 'Save').click();
  await seen(fields.getByRole('alert').filter({ hasText: 'before the due date' }));
  assert.equal(await textbox(fields, 'Title').inputValue(), 'Swim far');
});

test('What is changed in a dialog that was open before the server had made the task is not lost', async (scene) => {
  const user = await scene.someone();
  const api = scene.api(user);
  const page = await scene.device(user);
  let letGo;
  const held = new Promise((resolve) => (letGo = resolve));
  await page.route('**/api/todos', async (route) => {
    if (route.request().method() === 'POST') await held;
    return route.continue();
  });
  await add(page, 'Cal mum');
  const fields = await edit(page, 'Cal mum');
  await textbox(fields, 'Title').fill('Call mum');
  letGo();
  await becomes(api.titles, ['Cal mum']);
  await gone(page.getByText('not sent yet'));
  await button(fields, 'Save').click();
  await becomes(api.titles, ['Call mum']);
  await seen(task(page, 'Call mum'));
});

test('Tags that are known are offered where one is typed', async (scene) => {
  const user = await scene.someone();
  await scene.api(user).add({ title: 'Water plants', tags: ['home', 'garden'] });
  const page = await scene.device(user);
  await seen(task(page, 'Water plants'));
  await newTask(page).fill('Mow the lawn #GA');
  await button(page, 'Add #garden').click();
  assert.equal(await newTask(page).inputValue(), 'Mow the lawn #garden ');
  await page.keyboard.press('Enter');
  await seen(task(page, 'Mow the lawn'));
  const fields = await edit(page, 'Mow the lawn');
  await textbox(fields, 'Tags').fill('garden, h');
  await button(fields, 'Add #home').click();
  await button(fields, 'Save').click();
  const tags = async () => (await scene.api(user).tasks()).find((one) => one.title === 'Mow the lawn').tags;
  await becomes(tags, ['garden', 'home']);
});

test('Escape closes the dialog, changes nothing and gives the focus back', async (scene) => {
  const user = await scene.someone();
  await scene.api(user).add('Call mum');
  const page = await scene.device(user);
  await textbox(await edit(page, 'Call mum'), 'Title').fill('Call dad');
  await page.keyboard.press('Escape');
  await gone(dialog(page));
  await becomes(() => button(page, 'Edit Call mum').evaluate((opener) => opener === document.activeElement), true);
  assert.deepEqual(await scene.api(user).titles(), ['Call mum']);
});

test('Undo brings a deleted task back', async (scene) => {
  const user = await scene.someone();
  const made = await scene.api(user).add('Call mum');
  const page = await scene.device(user);
  await button(page, 'Delete Call mum').click();
  await gone(task(page, 'Call mum'));
  await becomes(scene.api(user).titles, []);
  await button(page, 'Undo').click();
  await seen(task(page, 'Call mum', false));
  await becomes(async () => (await scene.api(user).tasks()).map((task) => task.id), [made.id]);
});

test('Search and status are in the address and survive a reload', async (scene) => {
  const user = await scene.someone();
  const api = scene.api(user);
  await api.add('Buy milk');
  await api.complete(await api.add('Boil milk'));
  await api.add('Buy bread');
  const page = await scene.device(user);
  await search(page).fill('milk');
  await gone(task(page, 'Buy bread'));
  await status(page).selectOption('Open');
  await gone(task(page, 'Boil milk'));
  await becomes(() => /milk/.test(page.url()) && /open/i.test(page.url()), true);
  await page.reload();
  await seen(task(page, 'Buy milk'));
  assert.equal(await listed(page), 1);
  assert.equal(await search(page).inputValue(), 'milk');
  await status(page).selectOption('Completed');
  await seen(task(page, 'Boil milk'));
});

for (const title of ['<img src=x onerror=alert(1)>', 'שלום עולם', 'abc \u202Edef', 'javascript:alert(1)']) {
  test(`A title is text and nothing else: ${JSON.stringify(title)}`, async (scene) => {
    const user = await scene.someone();
    const page = await scene.device(user);
    const asked = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await scene.api(user).add(title);
    await seen(task(page, title, false));
    assert.equal(await textbox(await edit(page, title), 'Title').inputValue(), title);
    assert.ok(!asked.includes('/x'), 'the title asked for a picture');
  });
}

test('5 MB in "New task" give a sentence, and the page goes on', async (scene) => {
  const user = await scene.someone();
  const page = await scene.device(user);
  await newTask(page).focus();
  await page.keyboard.insertText('long '.repeat(1_000_000));
  await button(page, 'Add').click({ timeout: SLOWLY });
  await seen(said(page, /long|at most|characters/i), SLOWLY);
  await add(page, 'Call mum');
  await seen(task(page, 'Call mum'));
  await seen(bell(page));
  await becomes(scene.api(user).titles, ['Call mum']);
});

test('5 MB that are pasted into "Description" give a sentence, stay there, and the page goes on', async (scene) => {
  const user = await scene.someone();
  const api = scene.api(user);
  await api.add({ title: 'Call mum', description: 'About Sunday' });
  const page = await scene.device(user);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.evaluate(() => navigator.clipboard.writeText(' and so on'.repeat(500_000)));
  const description = textbox(await edit(page, 'Call mum'), 'Description');
  await description.press('Control+End');
  await page.keyboard.press('Control+V');
  await button(dialog(page), 'Save').click({ timeout: SLOWLY });
  await seen(said(dialog(page), /at most 2,000 characters/), SLOWLY);
  assert.equal(await description.evaluate((field) => field.value.length), 'About Sunday'.length + 5_000_000);
  await page.keyboard.press('Escape');
  await gone(dialog(page), SLOWLY);
  await add(page, 'Buy milk');
  const onTheServer = async () => (await api.tasks()).map(({ title, description }) => [title, description]);
  await becomes(onTheServer, [['Buy milk', null], ['Call mum', 'About Sunday']]);
});

const soon = () => new Date(Date.now() + 3_600_000).toISOString();
