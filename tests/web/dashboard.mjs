// The dashboard's accessible names: SPEC.md section 3, and what is in no specification under its own heading.

/** @typedef {import('playwright-core').Page} Page */

const named = (role) => (page, name) => page.getByRole(role, { name, exact: true });
export const button = named('button');
export const textbox = named('textbox');
export const combobox = named('combobox');

/** @param {Page} page */
export const signInRegion = (page) => page.getByRole('region', { name: 'Sign in', exact: true });
/** @param {Page} page */
export const newTask = (page) => textbox(page, 'New task');
/** @param {Page} page */
export const list = (page) => page.getByRole('list', { name: 'Tasks', exact: true });
/** How many tasks are listed. @param {Page} page */
export const listed = (page) => list(page).getByRole('button', { name: /^Edit / }).count();
/** @param {Page} page */
export const search = (page) => page.getByRole('searchbox', { name: 'Search', exact: true });
/** @param {Page} page */
export const status = (page) => combobox(page, 'Status');
/** @param {Page} page */
export const dialog = (page) => page.getByRole('dialog', { name: 'Edit task', exact: true });
/** @param {Page} page */
export const offline = (page) => page.getByRole('status').filter({ hasText: /^\s*Offline/ });

/** A task's checkbox. @param {Page} page @param {string} title @param {boolean} [checked] */
export const task = (page, title, checked) =>
  list(page).getByRole('listitem').getByRole('checkbox', { name: title, exact: true, checked });

/** @param {Page} page @param {number} [unread] */
export const bell = (page, unread = 0) => button(page, unread ? `Notifications ${unread}` : 'Notifications');

/** @param {Page} page @param {string} text */
export async function add(page, text) {
  await newTask(page).fill(text);
  await button(page, 'Add').click();
}

/** Opens the dialog. @param {Page} page @param {string} title */
export async function edit(page, title) {
  await button(page, `Edit ${title}`).click();
  await dialog(page).waitFor();
  return dialog(page);
}

/** @param {Page} page @param {string} action @param {{ email: string, password: string }} user */
export async function enter(page, action, { email, password }) {
  const region = signInRegion(page);
  await textbox(region, 'E-mail').fill(email);
  await textbox(region, 'Password').fill(password);
  await button(region, action).click();
}

// Not in the specification.

/** What is said about something that went wrong. @param {Page} page @param {RegExp} text */
export const said = (page, text) => page.getByRole('alert').or(page.getByRole('status')).filter({ hasText: text }).first();

/** Unread and read notices, once the bell is open. @param {Page} page */
export const notices = (page) => page.getByRole('dialog', { name: 'Notifications', exact: true }).getByRole('listitem');

/** A dialog, or a page's heading. @param {Page} page @param {string} name */
export const view = (page, name) => {
  const [dialog, heading] = ['dialog', 'heading'].map((role) => named(role)(page, name));
  return dialog.or(heading).first();
};

export const HELP = 'Keyboard shortcuts';
export const VIEWS = ['Settings', 'Statistics', HELP];

/** One of the views, from a wide window. @param {Page} page @param {string} name */
export async function show(page, name) {
  await button(page, name).or(page.getByRole('link', { name, exact: true })).click();
  await view(page, name).waitFor();
}
