// The official TypeScript client of both eras: `server/discover`, and `initialize` where it is told so. See README.md.

import assert from 'node:assert/strict';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { bearer, check, command, everything, overStdio, reading, wanted } from './checks.mjs';

/** How it connects, and the revision that must come of it. */
const WAYS = [
  { options: { versionNegotiation: { mode: 'auto' } }, revision: '2026-07-28' },
  { options: { versionNegotiation: { mode: { pin: '2026-07-28' } } }, revision: '2026-07-28' },
  { options: {}, revision: '2025-11-25' },
  { options: { supportedProtocolVersions: ['2025-06-18'] }, revision: '2025-06-18' },
];

/** @param {string} [token] that of MCP_TOKEN, if none is given */
function connected({ options, revision }, token) {
  return check(`it connects with ${JSON.stringify(options)}`, async () => {
    const client = new Client({ name: 'tidings-tests', version: '1.0.0' }, options);
    const transport = overStdio
      ? new StdioClientTransport(command())
      : new StreamableHTTPClientTransport(new URL(wanted('MCP_URL')), bearer(token ?? wanted('MCP_TOKEN')));
    await client.connect(transport);
    console.log(`    revision ${client.getNegotiatedProtocolVersion()}, ${client.getServerVersion()?.name}`);
    assert.equal(client.getNegotiatedProtocolVersion(), revision);
    assert.ok(client.getServerVersion()?.version, 'the server says who it is');
    return client;
  });
}

for (const way of WAYS) {
  const client = await connected(way);
  await everything(client, way.revision === '2026-07-28');
  await client.close();
}
if (!overStdio && process.env.MCP_READ_TOKEN) {
  for (const way of WAYS) {
    const client = await connected(way, process.env.MCP_READ_TOKEN);
    await reading(client);
    await client.close();
  }
}
