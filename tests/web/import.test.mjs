import assert from 'node:assert/strict';
import { button, said } from './dashboard.mjs';
import { web } from './harness.mjs';
import { becomes, seen } from './wait.mjs';

const test = web(import.meta.url);

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
  const rubbish = `due:2031-13-45 ${'x'.repeat(300)}`;
  const lines = Array.from({ length: 50_000 }, (_, at) => (at % 33 === 0 ? rubbish : `Task ${at} due:2031-01-01`));
  await choose(page, 'many.txt', lines.join('\n'));
  await seen(button(page, 'Import 48484 tasks'), 20_000);
  await seen(page.getByRole('heading', { name: '1516 lines cannot be taken' }));
  await seen(page.getByRole('list', { name: 'Refused lines' }).getByText('Line 1:', { exact: true }));
});

test('A file that is not what it is said to be gives a sentence', async (scene) => {
  const page = await scene.device(await scene.someone());
  await page.getByRole('link', { name: 'Settings', exact: true }).click();
  await page.getByRole('combobox', { name: 'Format', exact: true }).selectOption({ label: 'iCalendar (VTODO)' });
  await choose(page, 'calendar.ics', 'TYPE,CONTENT,PRIORITY\ntask,Bread,4\n');
  await seen(said(page, /iCalendar/));
});
