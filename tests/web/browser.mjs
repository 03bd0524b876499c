// Which browser, and how it is started: it is to ask nobody but the host.

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const onPath = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'chromium')).find(existsSync);
/** Its path; empty where there is none. */
export const CHROMIUM = process.env.CHROMIUM ?? onPath ?? '';
export const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
