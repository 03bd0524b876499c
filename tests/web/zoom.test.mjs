// At 400 % a window of 1280 × 1024 pixels has room for 320 × 256: everything is there, and nothing lies beside it.

import assert from 'node:assert/strict';
import { HELP, add, bell, button, dialog, edit, notices, signInRegion, task, view } from './dashboard.mjs';
import { REFUSED, web } from './harness.mjs';
import { seen } from './wait.mjs';

const test = web(import.meta.url);
const ZOOMED = { viewport: { width: 320, height: 256 } };

/** A device at 400 %, with one task of each length. */
async function zoomed(scene) {
  const user = await scene.someone();
  const api = scene.api(user);
  const due_date = new Date(Date.now() - 60_000).toISOString();
  await api.complete(await api.add('Buy milk'));
  await api.add({ title: 'x'.repeat(255), description: 'y '.repeat(500), tags: ['z'.repeat(50)], due_date });
  await api.add({ title: 'Call mum', due_date, priority: 'high', tags: ['family', 'home'], recurrence: { frequency: 'daily', interval: 2 } });
  await api.add({ title: 'Water plants', due_date: '2040-01-01T18:00:00Z' });
  const page = await scene.device(user, ZOOMED);
  await seen(task(page, 'Water plants'));
  await seen(bell(page, 2));
  return page;
}

/** @param {import('playwright-core').Page} page @param {string} name */
async function go(page, name) {
  const place = page.getByRole('link', { name: new RegExp(`^${name}`) }).or(button(page, name)).filter({ visible: true });
  if (!(await place.count())) await button(page, 'More').click();
  await place.click();
}

/** Nothing lies beside the window, and each control that can be used comes into sight and is hit where it is. */
async function reached(page, state) {
  const faults = await page.evaluate(() => {
    const { innerWidth: wide, innerHeight: high } = window;
    const called = (element) => `${element.tagName.toLowerCase()} “${(element.ariaLabel ?? element.textContent.trim()) || element.id}”`;
    const within = document.querySelector('dialog[open]') ?? document.querySelector(':popover-open') ?? document;
    const faults = [];
    if (document.documentElement.scrollWidth > wide) faults.push(`the page is ${document.documentElement.scrollWidth} pixels wide`);
    for (const part of document.querySelectorAll('main, nav, dialog, .body, :popover-open')) {
      if (part.scrollWidth > part.clientWidth && part.clientWidth > 0) faults.push(`${called(part).slice(0, 60)} is ${part.scrollWidth} pixels wide`);
    }
    let controls = 0;
    for (const control of within.querySelectorAll('a[href], button, input, select, textarea, summary')) {
      if (!control.checkVisibility() || control.disabled || control.matches('.skip')) continue;
      controls += 1;
      control.scrollIntoView({ block: 'center', inline: 'nearest' });
      const { left, right, top, bottom } = control.getBoundingClientRect();
      if (left < -1 || right > wide + 1) faults.push(`${called(control)} lies from ${left} to ${right}`);
      const hit = document.elementFromPoint((left + right) / 2, Math.min(Math.max((top + bottom) / 2, 0), high - 1));
      const is = hit && (control.contains(hit) || hit.contains(control) && hit.matches('label'));
      if (!is) faults.push(`${called(control)} is under ${hit ? called(hit).slice(0, 60) : 'nothing'}`);
    }
    return controls ? faults : ['there are no controls'];
  });
  assert.deepEqual(faults, [], state);
}

test('400 %: sign in', async (scene) => {
  const page = await scene.stranger(ZOOMED);
  await seen(signInRegion(page));
  await reached(page, 'sign in');
}, { complains: REFUSED });

test('400 %: every place', async (scene) => {
  const page = await zoomed(scene);
  await reached(page, 'All');
  for (const name of ['Today', 'Upcoming', 'Completed', 'Statistics', 'Settings']) {
    await go(page, name);
    await seen(page.getByRole('heading', { name, exact: true, level: 1 }));
    await reached(page, name);
  }
});

test('400 %: dialog, selection, help, bell', async (scene) => {
  const page = await zoomed(scene);
  await edit(page, 'Call mum');
  await reached(page, 'dialog');
  await page.keyboard.press('Escape');
  await button(page, 'Select').click();
  await reached(page, 'selection');
  await go(page, HELP);
  await seen(view(page, HELP));
  await reached(page, 'help');
  await page.keyboard.press('Escape');
  await bell(page, 2).click();
  await seen(notices(page).first());
  await reached(page, 'bell');
});

test('400 %: a task is added, changed, completed and brought back', async (scene) => {
  const page = await zoomed(scene);
  await add(page, 'One more');
  await seen(task(page, 'One more'));
  await (await edit(page, 'One more')).getByLabel('Title', { exact: true }).fill('One less');
  await button(dialog(page), 'Save').click();
  await task(page, 'One less', false).click();
  await seen(task(page, 'One less', true));
  await button(page, 'Undo').click();
  await seen(task(page, 'One less', false));
});
