// A `tidings up` process on free ports, with a data folder that outlives it, and its API.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const STARTS_WITHIN = 20_000;
const STOPS_WITHIN = 15_000;

/** Hosts that a test which dies must not leave behind. */
const running = new Set();
process.on('exit', () => running.forEach((host) => host.remove()));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

/**
 * @typedef {object} User
 * @property {string} email
 * @property {string} password
 * @property {string} token
 */

let people = 0;

export class Host {
  #folder = mkdtempSync(join(tmpdir(), 'tidings-web-'));
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #process;
  #log = '';
  #port = 0;
  /** Where it serves, also after a stop and a start. */
  url = '';

  static async start() {
    const host = new Host();
    running.add(host);
    await host.start();
    return host;
  }

  /** On the data folder and, after the first time, on the port it had. */
  async start() {
    const binary = process.env.IT_BINARY;
    if (!binary) throw new Error('IT_BINARY names no tidings to test');
    const listen = ['--listen', `127.0.0.1:${this.#port}`, '--ops-listen', '127.0.0.1:0'];
    const child = spawn(binary, ['up', '--data', join(this.#folder, 'data'), ...listen], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    child.stderr.on('data', (chunk) => (this.#log += chunk));
    this.url = await this.#address(child);
    this.#port = Number(new URL(this.url).port);
  }

  /** @param {import('node:child_process').ChildProcess} child */
  #address(child) {
    return new Promise((resolve, reject) => {
      let output = '';
      const late = setTimeout(() => fail('did not say where it listens'), STARTS_WITHIN);
      const fail = (why) => {
        clearTimeout(late);
        reject(new Error(`the host ${why}:\n${output}${this.#log}`));
      };
      child.once('error', (error) => fail(`did not start (${error.message})`));
      child.once('exit', (code) => fail(`ended with ${code}`));
      child.stdout.on('data', (chunk) => {
        output += chunk;
        const said = /^listening public (\S+)$[^]*^listening ops /m.exec(output);
        if (!said) return;
        clearTimeout(late);
        resolve(said[1]);
      });
    });
  }

  get runs() {
    return this.#process !== undefined;
  }

  async stop() {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), STOPS_WITHIN);
    await ended;
    clearTimeout(late);
  }

  /** Stops it and removes its data. */
  async end() {
    await this.stop();
    this.remove();
  }

  remove() {
    this.#process?.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 });
    running.delete(this);
  }

  /**
   * Somebody new.
   * @returns {Promise<User>}
   */
  async someone() {
    const [email, password] = [`person-${process.pid}-${++people}@example.org`, 'correct horse battery'];
    const { access_token: token } = await new Api(this).post('/api/auth/sign-up', { email, password });
    return { email, password, token };
  }

  /**
   * One more sign-in of theirs, as a browser has it.
   * @param {User} user
   */
  async session({ email, password }) {
    const { access_token: token } = await new Api(this).post('/api/auth/sign-in', { email, password });
    return token;
  }
}

/** The API, with a bearer token: what another device of the user does. */
export class Api {
  /** @param {Host} host @param {string} [token] */
  constructor(host, token) {
    this.host = host;
    this.token = token;
  }

  get = (path) => this.#send('GET', path);
  post = (path, body) => this.#send('POST', path, body);
  put = (path, body) => this.#send('PUT', path, body);
  patch = (path, body) => this.#send('PATCH', path, body);
  delete = (path, body) => this.#send('DELETE', path, body);

  /** @param {string | Record<string, unknown>} task a title, or more of it */
  add = (task) => this.post('/api/todos', typeof task === 'string' ? { title: task } : task);
  /** @returns {Promise<Record<string, any>[]>} */
  tasks = async () => (await this.get('/api/todos?limit=200')).items;
  titles = async () => (await this.tasks()).map((task) => task.title);
  complete = (task, completed = true) => this.patch(`/api/todos/${task.id}/complete`, { completed });
  change = (task, changes) => this.patch(`/api/todos/${task.id}`, changes);
  remove = (task) => this.delete(`/api/todos/${task.id}`);

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   */
  async #send(method, path, body) {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    if (this.token) headers.authorization = `Bearer ${this.token}`;
    const answer = await fetch(this.host.url + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }
}
