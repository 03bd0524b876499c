import assert from 'node:assert/strict';
import { button, said } from './dashboard.mjs';
import { AWAY, web } from './harness.mjs';
import { becomes, seen } from './wait.mjs';

const test = web(import.meta.url);
/** Of a large file, a thousand tasks are sent at a time. */
const SLOWLY = 20_000;

/** A todo.txt with so many lines, of which 3 in 100 cannot be taken: it, how many can, and the numbers of those that cannot. */
function manyLines(number) {
  const isRubbish = (at) => at % 33 === 0;
  const rubbish = `due:2031-13-45 ${'x'.repeat(300)}`;
  const lines = Array.from({ length: number }, (_, at) => (isRubbish(at) ? rubbish : `Task ${at} due:2031-01-01`));
  const refused = lines.flatMap((_, at) => (isRubbish(at) ? [at + 1] : []));
  return { text: lines.join('\n'), good: number - refused.length, refused };
}

/** Chooses a file in the settings. */
async function choose(page, name, text) {
  await page.getByRole('link', { name: 'Settings', exact: true }).click();
  await page.getByLabel('File', { exact: true }).setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
}

test('A file is shown before anything is written, and brought over once', async (scene) => {
  const user = await scene.someone();
  const page = await scene.device(user);
  const file = '(A) Call Mum +family due:2031-01-01\nx 2029-01-02 Buy milk @shop\n';
  await choose(page, 'todo.txt', file);
  await seen(page.getByRole('region', { name: 'Preview of the import' }).getByText('Call Mum'));
  assert.deepEqual(await scene.api(user).tasks(), []);
  await button(page, 'Import 2 tasks').click();
  await seen(said(page, /2 tasks imported/));
  await becomes(async () => (await scene.api(user).titles()).sort(), ['Buy milk', 'Call Mum']);
  await choose(page, 'todo.txt', file);
  await button(page, 'Import 2 tasks').click();
  await seen(said(page, /2 were there already/));
});

test('50,000 lines with rubbish among them: each that cannot be taken is named', async (scene) => {
  const user = await scene.someone();
  const page = await scene.device(user);
  const { text, good, refused } = manyLines(50_000);
  await choose(page, 'many.txt', text);
  await seen(button(page, `Import ${good} tasks`), SLOWLY);
  await seen(page.getByRole('heading', { name: `${refused.length} lines cannot be taken` }));
  await seen(page.getByRole('list', { name: 'Refused lines' }).getByText('Line 1:', { exact: true }));
});

// What 5,000 take in some seconds, 50,000 take in half a minute: nobody waits for that at each run.
test('5,000 lines with rubbish among them are sent, break off, and are sent again: each task is there once', async (scene) => {
  const user = await scene.someone();
  const page = await scene.device(user);
  const { text, good, refused } = manyLines(5_000);
  let letGo;
  const held = new Promise((resolve) => (letGo = resolve));
  let parts = 0;
  await page.route('**/api/import?*', async (route) => {
    if (++parts === 3) {
      await held;
      return route.abort('connectionreset');
    }
    return route.continue();
  });
  await choose(page, 'many.txt', text);
  await button(page, `Import ${good} tasks`).click();
  await seen(page.getByText(`2000 of ${good} sent`), SLOWLY);
  assert.equal(await page.getByRole('progressbar').evaluate((progress) => progress.position), 2_000 / good);
  letGo();
  await seen(said(page, /2000 tasks came over; import the file again for the rest/));
  for (const [created, already] of [[good - 2_000, 2_000], [0, good]]) {
    await choose(page, 'many.txt', text);
    await button(page, `Import ${good} tasks`).click();
    await seen(said(page, new RegExp(`^${created} tasks imported; ${already} were there already`)), SLOWLY);
    await seen(page.getByRole('heading', { name: `${refused.length} lines cannot be taken` }));
    await seen(page.getByRole('link', { name: `All ${good}`, exact: true }), SLOWLY);
  }
  const titles = await everyTitle(scene.api(user));
  assert.deepEqual([titles.length, new Set(titles).size], [good, good]);
}, { complains: AWAY });

test('Each line that cannot be taken is named, before the import and after', async (scene) => {
  const page = await scene.device(await scene.someone());
  const { text } = manyLines(34);
  const [rubbish, good] = text.split('\n');
  const named = async () => {
    const said = await page.getByRole('list', { name: 'Refused lines' }).getByRole('listitem').allInnerTexts();
    return said.map((line) => Number(/^Line (\d+):/.exec(line)[1]));
  };
  const lines = Array.from({ length: 300 }, (_, at) => at + 2);
  await choose(page, 'many.txt', [good, ...lines.map(() => rubbish)].join('\n'));
  await seen(button(page, 'Import 1 task'));
  assert.deepEqual(await named(), lines);
  await button(page, 'Import 1 task').click();
  await seen(said(page, /1 task imported/));
  assert.deepEqual(await named(), lines);
});

test('A file that is not what it is said to be gives a sentence', async (scene) => {
  const page = await scene.device(await scene.someone());
  await page.getByRole('link', { name: 'Settings', exact: true }).click();
  await page.getByRole('combobox', { name: 'Format', exact: true }).selectOption({ label: 'iCalendar (VTODO)' });
  await choose(page, 'calendar.ics', 'TYPE,CONTENT,PRIORITY\ntask,Bread,4\n');
  await seen(said(page, /iCalendar/));
});

/** Page after page. @param {import('./host.mjs').Api} api */
async function everyTitle(api) {
  const titles = [];
  for (let cursor = ''; cursor !== null; ) {
    const page = await api.get(`/api/todos?limit=200${cursor && `&cursor=${cursor}`}`);
    titles.push(...page.items.map((task) => task.title));
    cursor = page.next_cursor ?? null;
  }
  return titles;
}
