// What is written from right to left stands so, in the midst of English.

import assert from 'node:assert/strict';
import { button, dialog, edit, list, newTask, search, task, textbox } from './dashboard.mjs';
import { web } from './harness.mjs';
import { seen } from './wait.mjs';

const test = web(import.meta.url);
/** Each ends in what is written from left to right: alone it stands at the left, and in an English sentence, unless set apart, at the right. */
const TITLES = { Hebrew: 'חלב (tea)', Arabic: 'حليب (tea)' };
const PHONE = { viewport: { width: 360, height: 740 } };

const direction = (locator) => locator.evaluate((element) => getComputedStyle(element).direction);
const width = (page) => page.evaluate(() => document.documentElement.scrollWidth);

/** Whether the title reads from right to left where it is shown. @param {import('playwright-core').Locator} shown */
const readsLeftwards = (shown, title) =>
  shown.evaluate((element, title) => {
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const at = texts.currentNode.data.indexOf(title);
      if (at < 0) continue;
      const place = (from, length) => {
        const range = document.createRange();
        range.setStart(texts.currentNode, at + from);
        range.setEnd(texts.currentNode, at + from + length);
        return range.getBoundingClientRect();
      };
      const [first, last] = [place(0, title.indexOf(' ')), place(title.indexOf('tea'), 'tea'.length)];
      if (first.bottom <= last.top) throw new Error('it takes two lines');
      return last.left < first.left;
    }
    throw new Error(`nothing says ${title}`);
  }, title);

for (const [language, title] of Object.entries(TITLES)) {
  test(`${language} is shown from right to left: list and dialog`, async (scene) => {
    const user = await scene.someone();
    await scene.api(user).add({ title, description: title.repeat(30) });
    const page = await scene.device(user, PHONE);
    await seen(task(page, title));
    assert.equal(await direction(list(page).getByText(title)), 'rtl', 'list');
    assert.ok(await readsLeftwards(list(page), title), 'list');
    assert.ok((await width(page)) <= 360, `list: ${await width(page)} pixels`);
    await edit(page, title);
    for (const field of ['Title', 'Description']) assert.equal(await direction(textbox(dialog(page), field)), 'rtl', field);
    assert.ok((await width(page)) <= 360, `dialog: ${await width(page)} pixels`);
  });

  test(`${language} reads from right to left in an English sentence: history and messages`, async (scene) => {
    const user = await scene.someone();
    const api = scene.api(user);
    await api.change(await api.add('a'), { title });
    const page = await scene.device(user);
    await edit(page, title);
    const changed = dialog(page).getByRole('listitem').filter({ hasText: 'title changed' });
    await seen(changed);
    assert.ok(await readsLeftwards(changed, title), 'history');
    await page.keyboard.press('Escape');
    await task(page, title).click();
    const message = page.getByText(/^Completed/).filter({ hasText: title });
    await seen(message);
    assert.ok(await readsLeftwards(message, title), 'message');
  });
}

test('What is typed from right to left stands so while it is typed', async (scene) => {
  const page = await scene.device(await scene.someone());
  for (const [name, field] of Object.entries({ 'New task': newTask(page), Search: search(page) })) {
    await field.fill(TITLES.Hebrew);
    assert.equal(await direction(field), 'rtl', name);
  }
});

test('A title that turns the direction does not turn what stands around it', async (scene) => {
  const user = await scene.someone();
  const title = 'abc \u202Edef';
  await scene.api(user).add(title);
  const page = await scene.device(user);
  await button(page, `Delete ${title}`).click();
  const message = page.getByText(/^Deleted/);
  await seen(message);
  // The quotation mark that ends it stands at its end.
  const ends = await message.evaluate((element) => {
    const [text, range] = [element.firstChild, document.createRange()];
    range.setStart(text, text.length - 1);
    range.setEnd(text, text.length);
    return element.getBoundingClientRect().right - range.getBoundingClientRect().right;
  });
  assert.ok(ends < 2, `${ends} pixels from the end`);
});
