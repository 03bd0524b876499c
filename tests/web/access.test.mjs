import assert from 'node:assert/strict';
import { axe } from './axe.mjs';
import { HELP, VIEWS, add, bell, button, edit, newTask, notices, said, show, signInRegion, task, textbox, view } from './dashboard.mjs';
import { REFUSED, web } from './harness.mjs';
import { becomes, gone, seen } from './wait.mjs';

const test = web(import.meta.url);
const PHONE = { viewport: { width: 360, height: 740 } };

/** One of each: urgent, overdue, recurring, completed, long. */
async function severalTasks(api) {
  const due_date = new Date(Date.now() - 60_000).toISOString();
  await api.add({ title: 'Call mum', due_date, priority: 'high', tags: ['family'], reminder_minutes: null });
  await api.add({ title: 'Water plants', due_date: '2040-01-01T18:00:00Z', recurrence: { frequency: 'daily', interval: 2 } });
  await api.complete(await api.add({ title: 'Buy milk', priority: 'low' }));
  await api.add({ title: 'x'.repeat(255), description: 'y'.repeat(500), tags: ['z'.repeat(50)] });
}

async function deviceWithTasks(scene, options) {
  const user = await scene.someone();
  await severalTasks(scene.api(user));
  const page = await scene.device(user, options);
  await seen(task(page, 'Call mum'));
  await seen(bell(page, 1));
  return page;
}

const focused = (locator) => locator.evaluate((element) => element === document.activeElement);
const width = (page) => page.evaluate(() => document.documentElement.scrollWidth);

/** In both schemes. @param {import('playwright-core').Page} page @param {string} state */
async function axeInBoth(page, state) {
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    await page.emulateMedia({ colorScheme });
    await axe(page, `${state}, ${colorScheme}`);
  }
}

test('axe finds nothing: sign in', async (scene) => {
  const page = await scene.stranger();
  await seen(signInRegion(page));
  await axeInBoth(page, 'sign in');
}, { complains: REFUSED });

test('axe finds nothing: no tasks yet', async (scene) => {
  const page = await scene.device(await scene.someone());
  await seen(bell(page));
  await axeInBoth(page, 'empty');
});

test('axe finds nothing: list, quick add, dialog, bell', async (scene) => {
  const page = await deviceWithTasks(scene);
  await axeInBoth(page, 'list');
  await newTask(page).fill('Water plants every 2 days 18:00 #home !high');
  await axeInBoth(page, 'quick add');
  await edit(page, 'Water plants');
  await axeInBoth(page, 'dialog');
  await page.keyboard.press('Escape');
  await bell(page, 1).click();
  await seen(notices(page));
  await axeInBoth(page, 'bell');
});

for (const name of VIEWS) {
  test(`axe finds nothing: ${name}`, async (scene) => {
    const page = await deviceWithTasks(scene);
    await show(page, name);
    await axeInBoth(page, name);
  });
}

test('The keyboard alone adds, completes and deletes a task', async (scene) => {
  const user = await scene.someone();
  const page = await scene.device(user);
  await seen(newTask(page));
  await tabTo(page, newTask(page));
  await page.keyboard.type('Call mum');
  await page.keyboard.press('Enter');
  await seen(task(page, 'Call mum', false));
  await tabTo(page, task(page, 'Call mum'));
  await page.keyboard.press('Space');
  await seen(task(page, 'Call mum', true));
  await tabTo(page, button(page, 'Delete Call mum'));
  await page.keyboard.press('Enter');
  await becomes(scene.api(user).titles, []);
});

test('Escape closes the bell and the choice of a snooze, and gives the focus back', async (scene) => {
  const page = await deviceWithTasks(scene);
  const choices = page.getByRole('group', { name: 'Snooze', exact: true });
  for (const [opener, opened] of [[bell(page, 1), notices(page).first()], [button(page, 'Snooze Call mum'), choices]]) {
    await opener.focus();
    await page.keyboard.press('Enter');
    await seen(opened);
    await page.keyboard.press('Escape');
    await gone(opened);
    assert.ok(await focused(opener), 'the focus is elsewhere');
  }
});

test('"?" opens the help, except where it is typed', async (scene) => {
  const page = await scene.device(await scene.someone());
  await newTask(page).pressSequentially('Why?');
  assert.equal(await newTask(page).inputValue(), 'Why?');
  assert.equal(await view(page, HELP).count(), 0);
  await button(page, 'Sign out').focus();
  await page.keyboard.press('?');
  await seen(view(page, HELP));
});

test('360 pixels are wide enough: sign in', async (scene) => {
  const page = await scene.stranger(PHONE);
  await seen(signInRegion(page));
  assert.ok((await width(page)) <= 360, `${await width(page)} pixels`);
}, { complains: REFUSED });

test('360 pixels are wide enough: list, dialog, bell', async (scene) => {
  const page = await deviceWithTasks(scene, PHONE);
  await add(page, 'One more');
  await seen(task(page, 'One more'));
  assert.ok((await width(page)) <= 360, `list: ${await width(page)} pixels`);
  await edit(page, 'Call mum');
  assert.ok((await width(page)) <= 360, `dialog: ${await width(page)} pixels`);
  await page.keyboard.press('Escape');
  await bell(page, 1).click();
  await seen(notices(page));
  assert.ok((await width(page)) <= 360, `bell: ${await width(page)} pixels`);
});

test('On a phone, "More" closes once it has led somewhere', async (scene) => {
  const page = await deviceWithTasks(scene, PHONE);
  for (const name of VIEWS) {
    await button(page, 'More').click();
    await show(page, name);
    await page.keyboard.press('Escape');
    await gone(button(page, 'Sign out'));
  }
});

test('On a phone, what is wrong with a task is said in sight', async (scene) => {
  const page = await deviceWithTasks(scene, PHONE);
  const fields = await edit(page, 'Call mum');
  await textbox(fields, 'Title').fill('');
  await button(fields, 'Save').click();
  const problem = said(fields, /A task needs a title/);
  await seen(problem);
  assert.ok(await isUncovered(problem), 'it is out of sight');
});

/** Whether its middle is in the window, with nothing above it. @param {import('playwright-core').Locator} locator */
const isUncovered = (locator) =>
  locator.evaluate((element) => {
    const { left, right, top, bottom } = element.getBoundingClientRect();
    return element.contains(document.elementFromPoint((left + right) / 2, (top + bottom) / 2));
  });

/** @param {import('playwright-core').Page} page @param {import('playwright-core').Locator} goal */
async function tabTo(page, goal) {
  for (let presses = 0; presses < 40; presses += 1) {
    if (await focused(goal)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail('Tab does not lead there');
}
