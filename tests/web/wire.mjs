// The network between a browser and the host: it can be cut, it can lose answers, and it counts streams.

import { once } from 'node:events';
import http from 'node:http';

export class Wire {
  #server = http.createServer((request, response) => this.#carry(request, response));
  #sockets = new Set();
  #cut = false;
  #losing = false;
  /** Streams that are open now, and the most that ever were at one time. */
  streams = { open: 0, most: 0 };
  /** Connections that were tried while it was cut. */
  knocks = 0;
  /** Writes whose answer was lost. */
  lost = 0;

  /** @param {string} to */
  constructor(to) {
    this.to = new URL(to);
    this.#server.on('connection', (socket) => this.#connected(socket));
  }

  /** @param {string} to */
  static async lay(to) {
    const wire = new Wire(to);
    wire.#server.listen(0, '127.0.0.1');
    await once(wire.#server, 'listening');
    return wire;
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** Ends every connection, and each new one at once: unlike a closed port, that can be counted. */
  cut() {
    this.#cut = true;
    this.#sockets.forEach((socket) => socket.destroy());
  }

  /** What is written arrives, and nobody hears that it did. */
  loseAnswers() {
    this.#losing = true;
  }

  mend() {
    this.#cut = this.#losing = false;
  }

  close() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #connected(socket) {
    if (this.#cut) {
      this.knocks += 1;
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  }

  #carry(request, response) {
    if (request.url.startsWith('/api/stream/')) this.#count(response);
    const { method, url: path, headers } = request;
    const onward = http.request({ host: this.to.hostname, port: this.to.port, method, path, headers, agent: false });
    onward.on('response', (answer) => this.#answer(request, response, answer));
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  }

  #answer(request, response, answer) {
    if (this.#losing && request.method !== 'GET') {
      this.lost += 1;
      response.destroy();
      return;
    }
    response.writeHead(answer.statusCode, answer.headers);
    // The head of a stream must not wait for its first event.
    response.flushHeaders();
    answer.on('error', () => response.destroy());
    answer.pipe(response);
  }

  #count(response) {
    this.streams.open += 1;
    this.streams.most = Math.max(this.streams.most, this.streams.open);
    response.on('close', () => (this.streams.open -= 1));
  }
}
