// Pictures of every place and state, to be looked at: three widths, light and dark. They are no part of the repository.
//   IT_BINARY=target/release/tidings node tests/web/shots.mjs <folder> [<a stylesheet to try> [<picture>…]]

import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { ARGS, CHROMIUM } from './browser.mjs';
import { HELP, add, bell, button, edit, newTask, notices, offline, signInRegion, task, textbox, view } from './dashboard.mjs';
import { Api, Host } from './host.mjs';
import { Wire } from './wire.mjs';
import { seen } from './wait.mjs';

const [folder, style, ...only] = process.argv.slice(2);
if (!folder) throw new Error('name the folder that the pictures are to be in');
mkdirSync(folder, { recursive: true });

const SIZES = [{ width: 360, height: 740 }, { width: 768, height: 1024 }, { width: 1440, height: 900 }];
const DAY = 86_400_000;
const at = (days, time) => `${new Date(Date.now() + days * DAY).toISOString().slice(0, 10)}T${time}:00Z`;

/** What somebody has who uses it. */
async function fill(api) {
  for (const [number, title] of ['Pay rent', 'Cut the hedge', 'Renew the passport', 'Read chapter 4'].entries()) {
    await api.complete(await api.add({ title, tags: number % 2 ? ['home'] : [] }));
  }
  const long = 'Write down everything that the landlord promised about the cellar, the heating and the window that does not close';
  const description = 'Bring the card.\n\nAsk about the crown, and whether the X-ray of March is enough.';
  const tasks = [
    { title: 'Call mum', due_date: at(-1, '18:00'), priority: 'high', tags: ['family'] },
    { title: 'Return the books', due_date: at(-3, '10:00'), reminder_minutes: null },
    { title: 'Water plants', due_date: at(0, '23:30'), tags: ['home'], recurrence: { frequency: 'daily', interval: 2 } },
    { title: 'Buy milk, bread and 2 kg of potatoes', due_date: at(0, '23:45'), priority: 'low', tags: ['shop', 'home', 'weekend', 'cheap'] },
    { title: 'Dentist', due_date: at(1, '09:30'), priority: 'high', description },
    { title: long, due_date: at(4, '12:00'), tags: ['home'] },
    { title: 'לקנות חלב (milk)', due_date: at(2, '08:00') },
    { title: 'Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenreinigung', due_date: at(40, '12:00') },
    { title: 'An idea without a date' },
  ];
  for (const task of tasks) await api.add(task);
  const [dentist] = (await api.tasks()).filter((task) => task.title === 'Dentist');
  await api.change(dentist, { due_date: at(2, '11:15'), priority: 'medium', title: 'Dentist, Dr. Okafor' });
  await api.change(dentist, { tags: ['health'] });
}

const IMPORT = ['(A) Call Mum +family due:2031-01-01', 'x 2029-01-02 Buy milk @shop', 'Water plants due:2031-01-01 rec:2d', 'due:2031-13-45'].join('\n');
const place = (name) => (page) => page.getByRole('link', { name: new RegExp(`^${name}`) }).filter({ visible: true }).click();

/** By the name of the picture: how to come there from the list. "More" is what narrow windows have. */
const STATES = {
  all: () => {},
  'all-hover': (page) => page.locator('.row .text').nth(1).hover(),
  today: place('Today'),
  upcoming: place('Upcoming'),
  completed: place('Completed'),
  tag: (page) => page.goto(new URL('/tag/home', page.url()).href),
  search: (page) => page.goto(new URL('/?q=milk', page.url()).href),
  'nothing-found': (page) => page.getByRole('searchbox').fill('zebra'),
  statistics: more('Statistics'),
  settings: more('Settings'),
  'settings-end': async (page) => {
    await more('Settings')(page);
    await button(page, 'Delete account').scrollIntoViewIfNeeded();
  },
  token: async (page) => {
    await more('Settings')(page);
    await textbox(page, 'Name of a new token').fill('A script');
    await button(page, 'Create token').click();
    await seen(page.getByText(/is made\. Copy it now/));
    return () => button(page, 'Revoke A script').click();
  },
  'import-preview': async (page) => {
    await more('Settings')(page);
    await page.getByLabel('File', { exact: true }).setInputFiles({ name: 'todo.txt', mimeType: 'text/plain', buffer: Buffer.from(IMPORT) });
    await button(page, 'Import 3 tasks').scrollIntoViewIfNeeded();
  },
  help: async (page) => {
    await more(HELP)(page);
    await seen(view(page, HELP));
  },
  more: async (page) => {
    if (await button(page, 'More').isVisible()) await button(page, 'More').click();
  },
  dialog: (page) => edit(page, 'Dentist, Dr. Okafor'),
  'dialog-repeat': (page) => edit(page, 'Water plants'),
  'dialog-error': async (page) => {
    await textbox(await edit(page, 'Dentist, Dr. Okafor'), 'Title').fill('');
    await button(page, 'Save').click();
    await seen(page.getByRole('alert').filter({ hasText: 'needs a title' }));
  },
  collision: async (page, { api }) => {
    const [dentist] = (await api.tasks()).filter((task) => task.title.startsWith('Dentist'));
    await textbox(await edit(page, dentist.title), 'Title').fill('Dentist, Dr. Mbeki');
    await api.change(dentist, { title: 'Dentist, Dr. Adeyemi' });
    await seen(page.locator('.tasks').getByText('Dr. Adeyemi'));
    await button(page, 'Save').click();
    await seen(page.getByRole('dialog', { name: 'This task was changed meanwhile' }));
    return () => api.change(dentist, { title: dentist.title });
  },
  typing: (page) => newTask(page).fill('Water plants every 2 days 18:00 #home !high'),
  'typing-error': async (page) => {
    await newTask(page).fill('long '.repeat(100));
    await button(page, 'Add').click();
    await seen(page.getByText('at most 255 characters'));
  },
  snooze: (page) => button(page, 'Snooze Call mum').click({ force: true }),
  bell: async (page) => {
    await page.getByRole('button', { name: /^Notifications/ }).click();
    await seen(notices(page).first());
  },
  selection: async (page) => {
    await button(page, 'Select').click();
    for (const title of ['Call mum', 'Return the books']) await button(page, `Select ${title}`).click();
  },
  message: async (page, { api }) => {
    await task(page, 'An idea without a date').click();
    await seen(button(page, 'Undo'));
    const [idea] = (await api.tasks()).filter((task) => task.title.startsWith('An idea'));
    return () => api.complete(idea, false);
  },
  offline: async (page, { wire }) => {
    wire.cut();
    await seen(offline(page), 20_000);
    await add(page, 'Written without a server');
    await task(page, 'Written without a server').waitFor();
    return (context) => context.clearCookies();
  },
};

/** A place under "More", where the window is narrow. */
function more(name) {
  return async (page) => {
    if (await button(page, 'More').isVisible()) await button(page, 'More').click();
    await page.getByRole('link', { name, exact: true }).or(button(page, name)).click();
  };
}

/** @param {string} name of a picture */
const wanted = (name) => !only.length || only.includes(name);

const host = await Host.start();
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
try {
  const [full, empty] = [await host.someone(), await host.someone()];
  const api = new Api(host, full.token);
  await fill(api);

  for (const viewport of SIZES) {
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
      const options = { viewport, colorScheme, timezoneId: 'Europe/Berlin', reducedMotion: /** @type {const} */ ('reduce') };
      const picture = (page, name) =>
        wanted(name) && page.screenshot({ path: join(folder, `${name}-${viewport.width}-${colorScheme}.png`) });

      /** @param {import('./host.mjs').User | undefined} user */
      const device = async (user, url = host.url) => {
        const context = await browser.newContext(options);
        context.setDefaultTimeout(10_000);
        if (style) await context.route('**/*.css', (route) => route.fulfill({ contentType: 'text/css', body: readFileSync(style) }));
        if (user) await context.addCookies([{ name: 'tidings_session', value: user.token, url, httpOnly: true, sameSite: 'Lax' }]);
        return { context, page: await context.newPage() };
      };

      const stranger = await device(undefined);
      await stranger.page.goto(host.url);
      await seen(signInRegion(stranger.page));
      await picture(stranger.page, 'sign-in');
      await textbox(stranger.page, 'E-mail').fill('ada@example.org');
      await textbox(stranger.page, 'Password').fill('wrong horse battery');
      await button(stranger.page, 'Sign in').click();
      await seen(stranger.page.getByRole('alert'));
      await picture(stranger.page, 'sign-in-refused');
      await stranger.context.close();

      const { context: new_, page: blank } = await device(empty);
      for (const name of ['all', 'today', 'upcoming', 'completed', 'statistics']) {
        await blank.goto(`${host.url}/${name === 'all' ? '' : name}`);
        await seen(bell(blank));
        await seen(blank.getByRole('heading', { level: name === 'statistics' ? 1 : 2 }).first());
        await picture(blank, `empty-${name}`);
      }
      // The tasks that cannot be read, and those that are long in coming.
      await blank.route('**/api/todos?*', (route) => route.fulfill({ status: 400, json: { detail: 'The cursor is of another list.' } }));
      await blank.goto(host.url);
      await seen(button(blank, 'Try again'));
      await picture(blank, 'failed');
      await blank.unroute('**/api/todos?*');
      await blank.route('**/api/todos?*', () => {});
      await blank.goto(host.url);
      await seen(newTask(blank));
      await picture(blank, 'loading');
      // A page that does not begin, or whose server is away when it does, and one that has stopped.
      await blank.route('**/api/auth/me', () => {});
      await blank.goto(host.url);
      await seen(blank.getByText('Loading your tasks…'));
      await picture(blank, 'starting');
      await blank.unroute('**/api/auth/me');
      await blank.route('**/api/auth/me', (route) => route.fulfill({ status: 503 }));
      await blank.goto(host.url);
      await seen(offline(blank));
      await picture(blank, 'starting-away');
      await blank.unroute('**/api/auth/me');
      await blank.goto(host.url);
      await seen(newTask(blank));
      await blank.evaluate(() => {
        const note = Object.assign(document.createElement('p'), { className: 'failed-page' });
        note.textContent = 'The page has made a mistake and stopped. What you did is kept: reload the page to go on.';
        document.body.prepend(note);
      });
      await picture(blank, 'stopped');
      await new_.close();

      for (const [name, act] of Object.entries(STATES).filter(([name]) => wanted(name))) {
        const wire = await Wire.lay(host.url);
        const { context, page } = await device(full, wire.url);
        try {
          await page.goto(wire.url);
          await seen(task(page, 'Call mum'));
          const undo = await act(page, { api, wire });
          await page.waitForTimeout(300);
          await picture(page, name);
          if (typeof undo === 'function') await undo(context);
        } catch (error) {
          console.error(`${name}, ${viewport.width}, ${colorScheme}: ${error.message}`);
          process.exitCode = 1;
        }
        await context.close();
        wire.close();
      }
    }
  }
} finally {
  await browser.close();
  await host.end();
}
