// `npm run bench:start`: how soon a new process answers, ours beside an empty Worker, on workerd alone. In turns.
// Options: --turns 20 --no-write
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { exportJWK, generateKeyPair } from 'jose';
import { bundleWorker } from '../test/support/bundled-worker.ts';
import { alignTable } from '../test/support/markdown-table.ts';
import { REFRESH_SECRET } from './contract.ts';
import { median, writeBetweenMarkers } from './report.ts';
import { compatibilityDate } from './workerd.ts';

const { values } = parseArgs({
  options: { turns: { type: 'string', default: '20' }, 'no-write': { type: 'boolean', default: false } },
});
const workerd: string = createRequire(import.meta.url)('workerd').default;
const root = mkdtempSync(join(tmpdir(), 'latchkey-start-'));

interface Start {
  title: string;
  folder: string;
  path: string;
  /** Milliseconds since the process was made: until it listens, until its first answer; and what its second answer took. */
  turns: { listening: number; first: number; second: number }[];
}

try {
  const starts: Start[] = [
    { title: 'an empty Worker', folder: makeEmpty(), path: '/', turns: [] },
    { title: 'Latchkey', folder: await makeLatchkey(), path: '/.well-known/jwks.json', turns: [] },
  ];
  for (let turn = 0; turn <= Number(values.turns); turn++) {
    for (const start of starts) {
      const measured = await measure(start);
      if (turn > 0) start.turns.push(measured); // the first turn reads workerd itself from the disk
    }
  }
  const text = alignTable([
    ['a new process', 'listens after, ms', 'answers after, ms', 'second answer within, ms'],
    ...starts.map(({ title, turns }) => [
      title,
      ...(['listening', 'first', 'second'] as const).map((key) =>
        median(turns.map((turn) => turn[key])).toFixed(1),
      ),
    ]),
  ]);
  console.log(text);
  if (!values['no-write'])
    writeBetweenMarkers(join(import.meta.dirname, '../docs/explanation/performance.md'), 'start', text);
} finally {
  rmSync(root, { recursive: true, force: true });
}

async function measure({ folder, path }: Start): Promise<Start['turns'][number]> {
  const startedAtMs = performance.now();
  const child = spawn(workerd, ['serve', '--control-fd=3', 'config.capnp'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  const exit = once(child, 'exit');
  try {
    const [message] = await Promise.race([
      once(child.stdio[3] as Readable, 'data'),
      exit.then(() => Promise.reject(new Error('workerd ended'))),
    ]);
    const { port } = JSON.parse(String(message));
    const listening = performance.now() - startedAtMs;
    await ask(`http://127.0.0.1:${port}${path}`);
    const first = performance.now() - startedAtMs;
    await ask(`http://127.0.0.1:${port}${path}`);
    return { listening, first, second: performance.now() - startedAtMs - first };
  } finally {
    child.kill('SIGKILL');
    await exit;
  }
}

async function ask(url: string): Promise<void> {
  const response = await fetch(url);
  await response.text();
  if (response.status !== 200) throw new Error(`${url}: ${response.status}`);
}

function makeEmpty(): string {
  const folder = join(root, 'empty');
  mkdirSync(folder);
  writeFileSync(join(folder, 'index.js'), "export default { fetch: () => new Response('ok') };");
  writeConfig(folder, '');
  return folder;
}

/** With everything it needs but a directory, which neither of the two answers asks. */
async function makeLatchkey(): Promise<string> {
  const folder = join(root, 'latchkey');
  bundleWorker(folder);
  mkdirSync(join(folder, 'storage'));
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const texts = {
    ISSUER: 'https://auth.test',
    ACCESS_TOKEN_SECRET: JSON.stringify(await exportJWK(privateKey)),
    REFRESH_TOKEN_SECRET: REFRESH_SECRET,
    RATE_LIMIT: 'off',
  };
  const bindings = Object.entries(texts).map(
    ([name, text]) => `(name = "${name}", text = ${JSON.stringify(text)})`,
  );
  writeConfig(
    folder,
    `bindings = [${bindings.join(', ')}, (name = "DIRECTORY", service = "main"),
      (name = "ACCOUNT", durableObjectNamespace = "Account")],
    durableObjectNamespaces = [(className = "Account", uniqueKey = "latchkey-Account", enableSql = true)],
    durableObjectStorage = (localDisk = "storage"),`,
  );
  return folder;
}

function writeConfig(folder: string, members: string): void {
  const storage = members === '' ? '' : ', (name = "storage", disk = (path = "storage", writable = true))';
  writeFileSync(
    join(folder, 'config.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main)${storage}],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [(name = "index.js", esModule = embed "index.js")],
  compatibilityDate = "${compatibilityDate}",
  ${members}
);
`,
  );
}
