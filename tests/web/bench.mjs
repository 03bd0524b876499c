// The dashboard's measures, for `cargo xtask bench --web`: what a first visit fetches, when it can be used on a slow machine, frames with
// 10,000 tasks, and how long a change elsewhere takes to the picture.

import { chromium } from 'playwright-core';
import { ARGS, CHROMIUM } from './browser.mjs';
import { newTask, search } from './dashboard.mjs';
import { Api, Host } from './host.mjs';

const TASKS = 10_000;
const CHANGES = 40;

const p95 = (values) => [...values].sort((one, other) => one - other)[Math.floor(values.length * 0.95)];
const show = (name, value, wanted) => console.log(`${name.padEnd(52)} ${String(value).padStart(10)}   wanted: ${wanted}`);

const host = await Host.start();
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
try {
  const someone = await host.someone();
  const api = new Api(host, someone.token);

  /** A page of its own, with what it fetched. */
  async function device({ slow = 1 } = {}) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    await context.addCookies([{ name: 'tidings_session', value: someone.token, url: host.url, httpOnly: true, sameSite: 'Lax' }]);
    const page = await context.newPage();
    const wire = await context.newCDPSession(page);
    if (slow > 1) await wire.send('Emulation.setCPUThrottlingRate', { rate: slow });
    // As the page sees it, from the moment that it was asked for: the first frame with the field in it, and with all that comes later.
    await page.addInitScript(() => {
      window.seen_ = {};
      const look = () => {
        if (document.getElementById('new')) window.seen_.field ??= performance.now();
        if (document.querySelector('[aria-label="Understood"]')) window.seen_.all ??= performance.now();
        if (!window.seen_.all) requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
    await page.goto(host.url);
    await newTask(page).waitFor();
    const seen = await (await page.waitForFunction(() => window.seen_.all && window.seen_)).jsonValue();
    return { context, page, seen };
  }

  const first = await device();
  const [until, after] = await first.page.evaluate(() => {
    const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
    const kib = (entries) => Math.round(entries.reduce((sum, { transferSize }) => sum + transferSize, 0) / 1024);
    const is = ({ responseEnd }) => responseEnd <= window.seen_.field;
    return [kib(all.filter(is)), kib(all.filter((entry) => !is(entry)))];
  });
  show('a first visit until a task can be typed, KiB', until, 'at most 150');
  show('and what comes then, KiB', after, 'little');
  await first.context.close();
  const visits = { field: [], all: [] };
  for (let visit = 0; visit < 5; visit++) {
    const slow = await device({ slow: 4 });
    for (const what of ['field', 'all']) visits[what].push(Math.round(slow.seen[what]));
    await slow.context.close();
  }
  const median = (values) => values.sort((one, other) => one - other)[2];
  show('until a task can be typed, 4 x slower, median ms', median(visits.field), 'at most 1000');
  show('until all of the page is there, 4 x slower, median ms', median(visits.all), 'little more');

  for (let at = 0; at < TASKS; at += 100) {
    const operations = Array.from({ length: 100 }, (_, of) => ({ op: 'create', task: { title: `Task ${at + of}`, tags: ['many'] } }));
    await api.post('/api/todos/batch', { operations });
  }
  const { page, context } = await device();
  await page.waitForFunction(() => document.querySelector('.count')?.textContent === '10000', null, { timeout: 60_000 });

  /** How long each frame took while something was done. */
  async function frames(act) {
    await page.evaluate(() => {
      window.frames_ = [];
      let last = performance.now();
      const next = (now) => {
        window.frames_.push(now - last);
        last = now;
        window.measuring = requestAnimationFrame(next);
      };
      window.measuring = requestAnimationFrame(next);
    });
    await act();
    return page.evaluate(() => {
      cancelAnimationFrame(window.measuring);
      return window.frames_.slice(2);
    });
  }

  const typed = await frames(() => newTask(page).pressSequentially('Water plants every 2 days 18:00 #home !high', { delay: 40 }));
  show(`typing a task among ${TASKS}, frame p95 ms`, Math.round(p95(typed)), 'under 50');
  const searched = await frames(() => search(page).pressSequentially('task 99', { delay: 60 }));
  show(`searching among ${TASKS}, frame p95 ms`, Math.round(p95(searched)), 'under 50');
  await search(page).fill('');
  await newTask(page).fill('');
  await page.mouse.move(800, 600);
  const scrolled = await frames(async () => {
    for (let step = 0; step < 60; step++) {
      await page.mouse.wheel(0, 900);
      await page.waitForTimeout(30);
    }
  });
  show(`scrolling ${TASKS}, frame p95 ms`, Math.round(p95(scrolled)), 'under 50');
  await page.mouse.wheel(0, -1_000_000);
  await page.waitForTimeout(300);

  const delays = [];
  for (let change = 0; change < CHANGES; change++) {
    const title = `Change ${change}`;
    const seen = page.evaluate(
      (title) =>
        new Promise((resolve) => {
          const look = () =>
            [...document.querySelectorAll('.tasks .title')].some((row) => row.textContent === title)
              ? requestAnimationFrame(() => resolve(Date.now()))
              : requestAnimationFrame(look);
          look();
        }),
      title,
    );
    const begun = Date.now();
    await api.add(title);
    delays.push((await seen) - begun);
  }
  show(`a change elsewhere to the picture, among ${TASKS}, p95 ms`, p95(delays), 'under 150');
  await context.close();
} finally {
  await browser.close();
  await host.end();
}
