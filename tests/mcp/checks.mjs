// What a user does, through any client of the TypeScript SDKs: both have the same methods. One line a check.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

const READING = ['get_task', 'list_notifications', 'list_tasks', 'recent_changes', 'task_history'];
const WRITING = ['add_task', 'complete_task', 'delete_task', 'snooze_task', 'update_task'];
const NOBODYS = '01890000-0000-7000-8000-000000000000';

/** How long what must come about may take, in seconds. */
const PATIENCE = Number(process.env.MCP_PATIENCE ?? 10);

/** @param {string} name */
export function wanted(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

/** The program to start, and its arguments. */
export function command() {
  const [program, ...args] = JSON.parse(wanted('MCP_COMMAND'));
  return { command: program, args };
}

/** @param {string} token */
export const bearer = (token) => ({ requestInit: { headers: { Authorization: `Bearer ${token}` } } });

/** Whether `--stdio` was given: the server is then a program, and no address. */
export const overStdio = process.argv.includes('--stdio');

/**
 * Runs a check, and says what came of it: the first that fails ends the program.
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} check
 */
export async function check(what, check) {
  try {
    const value = await check();
    console.log(`ok: ${what}`);
    return value;
  } catch (error) {
    console.error(`failed: ${what}: ${error instanceof Error ? error.message : error}`);
    if (!(error instanceof assert.AssertionError)) console.error(error);
    process.exit(1);
  }
}

const said = (result) => result.content.map((part) => part.text ?? '').join('\n');

/** A tool that does its work: its structured content, which the client has held against its output schema. */
async function called(client, name, args = {}) {
  const result = await client.callTool({ name, arguments: args });
  assert.ok(!result.isError, `${name} says: ${said(result)}`);
  assert.ok(result.structuredContent, `${name} has no structuredContent`);
  return result.structuredContent;
}

/** A tool that says why it does not: that. */
async function declined(client, name, args) {
  const result = await client.callTool({ name, arguments: args });
  assert.equal(result.isError, true, `${name} ${JSON.stringify(args)} is accepted: ${said(result)}`);
  return said(result);
}

/** An error of the protocol, which has one of these codes. */
async function refused(codes, call) {
  const error = await call.then((result) => assert.fail(`it is answered: ${JSON.stringify(result)}`), (error) => error);
  assert.ok(codes.includes(error.code), `code ${codes.join(' or ')} was to come, there came ${error.code}: ${error.message}`);
}

async function reads(client, uri) {
  const { contents } = await client.readResource({ uri });
  assert.equal(contents.length, 1);
  assert.equal(contents[0].uri, uri);
  assert.equal(contents[0].mimeType, 'application/json');
  return JSON.parse(contents[0].text);
}

/** Until it is so. What it is then. */
async function eventually(what, ask) {
  const end = Date.now() + PATIENCE * 1000;
  for (;;) {
    const value = await ask();
    if (value) return value;
    if (Date.now() > end) assert.fail(`${what}: not within ${PATIENCE} s`);
    await sleep(100);
  }
}

/**
 * All that a user does.
 * @param {any} client which is connected
 * @param {boolean} isModern whether it is of revision 2026-07-28
 */
export async function everything(client, isModern) {
  await lists(client);
  const [dinner, plants] = await adds(client);
  await pages(client, dinner, plants);
  await changes(client, dinner.id);
  await remembers(client, dinner.id, plants.id);
  await resources(client, dinner.id, plants.id, isModern);
  await refuses(client, plants.id);
  await deletes(client, dinner.id);
}

async function lists(client) {
  await check('it has the ten tools, each with its schemas and hints', async () => {
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map((tool) => tool.name).sort(), [...READING, ...WRITING].sort());
    for (const { name, description, inputSchema, outputSchema, annotations } of tools) {
      assert.ok(description, `${name} has no description`);
      assert.equal(inputSchema.type, 'object', name);
      assert.equal(outputSchema?.type, 'object', `the output schema of ${name}`);
      assert.equal(annotations?.readOnlyHint ?? false, READING.includes(name), `readOnlyHint of ${name}`);
      // Only where a tool writes does the other hint mean anything; left out, it would mean that it destroys.
      const destroys = WRITING.includes(name) && annotations?.destructiveHint !== false;
      assert.equal(destroys, name === 'delete_task', `destructiveHint of ${name}`);
      assert.ok(!('user_id' in inputSchema.properties), `${name} takes a user`);
    }
  });
  await check('it has the resource and the template', async () => {
    const { resources } = await client.listResources();
    assert.deepEqual(resources.map((resource) => resource.uri), ['tasks://open']);
    const { resourceTemplates } = await client.listResourceTemplates();
    assert.deepEqual(resourceTemplates.map((template) => template.uriTemplate), ['tasks://{id}']);
  });
}

async function adds(client) {
  const dinner = await check('add_task makes a task of fields', async () => {
    const fields = { title: 'Cook dinner', due_date: '2026-12-01T19:00:00+01:00', tags: ['home'], priority: 'high' };
    const task = await called(client, 'add_task', fields);
    const { title, due_date, tags, priority, completed, version } = task;
    const is = { title, due_date, tags, priority, completed, version };
    const due = '2026-12-01T18:00:00Z';
    assert.deepEqual(is, { title: 'Cook dinner', due_date: due, tags: ['home'], priority: 'high', completed: false, version: 1 });
    return task;
  });
  const plants = await check('add_task makes a task of a sentence', async () => {
    const task = await called(client, 'add_task', { text: 'Water plants every 2 days 18:00 #home !high' });
    assert.deepEqual([task.title, task.tags, task.priority, task.version], ['Water plants', ['home'], 'high', 1]);
    assert.match(task.recurrence.rrule, /FREQ=DAILY;INTERVAL=2/);
    assert.ok(task.due_date, 'it is due');
    return task;
  });
  return [dinner, plants];
}

async function pages(client, dinner, plants) {
  const home = { tag: ['home'], status: 'open', limit: 1 };
  await check('list_tasks filters, and goes on where a page ends', async () => {
    const first = await called(client, 'list_tasks', home);
    assert.deepEqual(first.items, [plants], 'the newest comes first');
    assert.equal(typeof first.next_cursor, 'string');
    const second = await called(client, 'list_tasks', { ...home, cursor: first.next_cursor });
    assert.deepEqual(second.items, [dinner]);
  });
  await check('get_task answers as add_task did', async () => {
    assert.deepEqual(await called(client, 'get_task', { id: dinner.id }), dinner);
  });
}

async function changes(client, id) {
  await check('update_task changes a field', async () => {
    const task = await called(client, 'update_task', { id, priority: 'low' });
    assert.deepEqual([task.priority, task.title, task.version], ['low', 'Cook dinner', 2]);
  });
  await check('snooze_task puts it off', async () => {
    const task = await called(client, 'snooze_task', { id, minutes: 30 });
    assert.ok(task.snoozed_until, 'it is put off');
  });
  await check('complete_task completes, if nothing else is said', async () => {
    const task = await called(client, 'complete_task', { id });
    assert.equal(task.completed, true);
    assert.ok(task.completed_at);
    assert.equal((await called(client, 'complete_task', { id, completed: false })).completed, false);
  });
}

async function remembers(client, dinner, plants) {
  await check('task_history says that an agent did it, over MCP', async () => {
    const { items } = await called(client, 'task_history', { id: dinner });
    assert.equal(items[0].event_type, 'task.created');
    assert.ok(items.length >= 5, `${items.length} entries`);
    for (const { actor, source } of items) assert.deepEqual([actor.kind, source], ['agent', 'mcp']);
  });
  await check('list_notifications has a page', async () => {
    assert.ok(Array.isArray((await called(client, 'list_notifications')).items));
  });
  await check('recent_changes has both tasks, the newest change first', async () => {
    const made = (items, id) => items.findIndex((item) => item.event_type === 'task.created' && JSON.stringify(item).includes(id));
    await eventually('both tasks are among the changes', async () => {
      const { items } = await called(client, 'recent_changes');
      const [first, second] = [made(items, dinner), made(items, plants)];
      if (first < 0 || second < 0) return false;
      assert.ok(second < first, 'what was made later comes first');
      return items.some((item) => item.event_type === 'task.completed' && JSON.stringify(item).includes(dinner));
    });
  });
}

async function resources(client, dinner, plants, isModern) {
  await check('tasks://open has the open tasks', async () => {
    const text = JSON.stringify(await reads(client, 'tasks://open'));
    for (const id of [dinner, plants]) assert.ok(text.includes(id), `${id} is not in ${text}`);
  });
  await check('tasks://{id} is the task', async () => {
    assert.deepEqual(await reads(client, `tasks://${dinner}`), await called(client, 'get_task', { id: dinner }));
  });
  await check('a resource that is not there is an error of the protocol', async () => {
    // Revision 2026-07-28 has another code for it than those before.
    const codes = isModern ? [-32602] : [-32002, -32602];
    for (const uri of [`tasks://${NOBODYS}`, 'tasks://nowhere', 'notes://open']) await refused(codes, client.readResource({ uri }));
  });
}

async function refuses(client, newest) {
  await check('a wrong argument is named', async () => {
    assert.match(await declined(client, 'add_task', { title: '' }), /title/);
    assert.match(await declined(client, 'list_tasks', { limit: 0 }), /limit/);
  });
  await check('an argument that names a user is refused by its name', async () => {
    assert.match(await declined(client, 'add_task', { title: 'x', user_id: 'y' }), /user_id/);
    const { items } = await called(client, 'list_tasks', { limit: 1 });
    assert.equal(items[0].id, newest, 'nothing was made of it');
  });
  await check('a tool that is not there is an error of the protocol', async () => {
    await refused([-32602], client.callTool({ name: 'drop_tables', arguments: {} }));
  });
}

async function deletes(client, id) {
  await check('delete_task deletes', async () => {
    await called(client, 'delete_task', { id });
    await declined(client, 'get_task', { id });
    await declined(client, 'delete_task', { id: NOBODYS });
  });
}

/** What a token that may only read can do. */
export async function reading(client) {
  await check('a token that may read lists tasks', async () => void (await called(client, 'list_tasks')));
  await check('a token that may only read adds none', async () => {
    const call = client.callTool({ name: 'add_task', arguments: { title: 'x' } });
    const how = await call.then(
      (result) => assert.ok(result.isError, 'the task is added') ?? `a result that is an error: ${said(result)}`,
      (error) => `${error.constructor.name}, code ${error.code ?? 'none'}: ${error.message}`,
    );
    console.log(`    ${how}`);
  });
}
