// What a browser does that it should not: it keeps nothing, or its clock is wrong.

import assert from 'node:assert/strict';
import { add, button, list, newTask, offline, task } from './dashboard.mjs';
import { AWAY, web } from './harness.mjs';
import { becomes, gone, seen } from './wait.mjs';

const test = web(import.meta.url);
const options = { complains: AWAY };
const BACK = 15_000;
const DAY = 86_400_000;
const KEEPS_NOTHING = /keeps nothing just now: leave the page open/;

/** The ways in which a full disk shows: writing is refused at once, or what was written is taken back. */
const FULL = {
  'refuses to write': (page) =>
    page.addInitScript(() => {
      IDBObjectStore.prototype.put = () => {
        throw new DOMException('The disk is full.', 'QuotaExceededError');
      };
    }),
  'takes back what was written': async (page) => {
    const session = await page.context().newCDPSession(page);
    await session.send('Storage.overrideQuotaForOrigin', { origin: new URL(page.url()).origin, quotaSize: 1 });
  },
};

/** A device whose browser keeps nothing, and whose server is away. */
async function fullAndAway(scene, fill) {
  const user = await scene.someone();
  const api = scene.api(user);
  await api.add('Call mum');
  const wire = await scene.wire();
  const page = await scene.device(user, { at: wire.url });
  await fill(page);
  await page.reload();
  await seen(task(page, 'Call mum'));
  await becomes(() => wire.streams.open, 1);
  wire.cut();
  await seen(offline(page), BACK);
  return { api, wire, page };
}

for (const [what, fill] of Object.entries(FULL)) {
  test(`A full disk that ${what}: the page says so, goes on, and sends what was done`, async (scene) => {
    const { api, wire, page } = await fullAndAway(scene, fill);
    await add(page, 'Buy milk');
    await seen(page.getByText(KEEPS_NOTHING));
    await seen(task(page, 'Buy milk', false));
    await task(page, 'Call mum').click();
    await seen(task(page, 'Call mum', true));
    wire.mend();
    const onTheServer = async () => (await api.tasks()).map(({ title, completed }) => [title, completed]);
    await becomes(onTheServer, [['Buy milk', false], ['Call mum', true]], BACK);
    await gone(offline(page), BACK);
  }, options);
}

test('Where nothing is kept, what was deleted can still be brought back', async (scene) => {
  const { api, wire, page } = await fullAndAway(scene, FULL['refuses to write']);
  await button(page, 'Delete Call mum').click();
  await seen(page.getByText(KEEPS_NOTHING));
  await button(page, 'Undo').click();
  wire.mend();
  await seen(task(page, 'Call mum'));
  await gone(offline(page), BACK);
  assert.deepEqual(await api.titles(), ['Call mum']);
}, options);

test('Where nothing can be kept, what is done is sent at once all the same', async (scene) => {
  const user = await scene.someone();
  const page = await scene.device(user);
  await FULL['refuses to write'](page);
  await page.reload();
  await add(page, 'Call mum');
  await task(page, 'Call mum', false).click();
  await becomes(async () => (await scene.api(user).tasks()).map(({ title, completed }) => [title, completed]), [['Call mum', true]]);
  await seen(task(page, 'Call mum', true));
});

/** The day so many days from today, at the server, at this time. */
const day = (days, time) => `${new Date(Date.now() + days * DAY).toISOString().slice(0, 10)}T${time}Z`;

/** A device whose clock is wrong by so much. */
async function wrongBy(scene, user, milliseconds) {
  const page = await scene.device(user);
  await page.addInitScript((milliseconds) => {
    const now = Date.now;
    Date.now = () => now() + milliseconds;
  }, milliseconds);
  await page.reload();
  await seen(newTask(page));
  return page;
}

for (const [where, milliseconds] of [['ahead', DAY], ['behind', -DAY]]) {
  test(`A clock that is a day ${where} moves neither "Today" nor what is overdue`, async (scene) => {
    const user = await scene.someone();
    const api = scene.api(user);
    const due = { 'Call mum': day(-1, '12:00:00'), 'Buy milk': day(0, '23:59:59'), 'Water plants': day(1, '12:00:00') };
    for (const [title, due_date] of Object.entries(due)) await api.add({ title, due_date, reminder_minutes: null });
    const page = await wrongBy(scene, user, milliseconds);
    await seen(list(page).getByText('Yesterday 12:00'));
    await seen(list(page).getByText('Today 23:59'));
    await seen(list(page).getByText('Tomorrow 12:00'));
    await page.getByRole('link', { name: /^Today 2$/ }).click();
    await seen(page.getByRole('heading', { name: 'Overdue', exact: true }));
    await becomes(() => list(page).getByRole('checkbox').evaluateAll((tasks) => tasks.map((task) => task.ariaLabel)), ['Call mum', 'Buy milk']);
    await add(page, 'Bake bread tomorrow 18:00');
    await becomes(async () => (await api.tasks())[0].due_date, day(1, '18:00:00'));
  });
}

test('In a file, too, "tomorrow" is the day after the server\'s today', async (scene) => {
  const user = await scene.someone();
  const page = await wrongBy(scene, user, DAY);
  await page.getByRole('link', { name: 'Settings', exact: true }).click();
  const text = 'TYPE,CONTENT,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DATE,DATE_LANG,TIMEZONE\ntask,Bake bread,4,1,,,tomorrow 18:00,en,UTC\n';
  await page.getByLabel('File', { exact: true }).setInputFiles({ name: 'inbox.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
  await seen(page.getByRole('region', { name: 'Preview of the import' }).getByText('Tomorrow 18:00'));
});
