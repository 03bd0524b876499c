// The official TypeScript SDK of the revisions that begin with `initialize`. See README.md.

import assert from 'node:assert/strict';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { bearer, check, command, everything, overStdio, reading, wanted } from './checks.mjs';

/** What goes wrong beside an answer, such as a stream that cannot be opened. @type {string[]} */
const complaints = [];

/** @param {string} [token] that of MCP_TOKEN, if none is given */
function connected(token) {
  return check('it connects', async () => {
    const client = new Client({ name: 'tidings-tests', version: '1.0.0' });
    client.onerror = (error) => complaints.push(error.message);
    const transport = overStdio
      ? new StdioClientTransport(command())
      : new StreamableHTTPClientTransport(new URL(wanted('MCP_URL')), bearer(token ?? wanted('MCP_TOKEN')));
    await client.connect(transport);
    const revision = overStdio ? 'of a pipe' : transport.protocolVersion;
    console.log(`    revision ${revision}, ${client.getServerVersion()?.name} ${client.getServerVersion()?.version}`);
    if (!overStdio) assert.equal(revision, '2025-11-25');
    await client.ping();
    return client;
  });
}

const client = await connected();
await check('the client complains of nothing', async () => {
  await client.listTools();
  assert.deepEqual(complaints, []);
});
await everything(client, false);
await client.close();
if (!overStdio && process.env.MCP_READ_TOKEN) {
  const client = await connected(process.env.MCP_READ_TOKEN);
  await reading(client);
  await client.close();
}
