// `npm run bench:cost`: what a refresh and a sign-in use, counted in the running system, and what a million of each costs
// at the platform's published prices, beside designs that keep their sessions elsewhere. Option: --no-write
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { alignTable } from '../test/support/markdown-table.ts';
import { connectTo } from './contenders/latchkey.ts';
import type { Actor, Contender, OperationName } from './contract.ts';
import { askAll, askOnce, drive, toRequest } from './load.ts';
import { readCpuSeconds, startContender, stopAll } from './processes.ts';
import { writeBetweenMarkers } from './report.ts';

/** Dollars a million, beyond what the paid plan includes, as in docs/explanation/performance.md with their sources. */
const PRICES = {
  workerRequest: 0.3,
  cpuMs: 0.02,
  objectRequest: 0.15,
  /** 128 MB, a second: 12.50 a million GB-s. */
  objectSecond: 12.5 * 0.128,
  rowRead: 0.001,
  rowWritten: 1,
  kvRead: 0.5,
  kvWrite: 5,
  kvDelete: 5,
};

const ENTRY = { title: '', module: 'latchkey', alg: 'HS256' } as const;
const ES256 = { title: '', module: 'latchkey', alg: 'ES256' } as const;
const ACCOUNTS = 20;

interface Counts {
  accountRequests: number;
  rowsRead: number;
  rowsWritten: number;
  alarmsSet: number;
  queries: number;
  directoryRowsRead: number;
  directoryRowsWritten: number;
}

interface Use extends Counts {
  cpuMs: number;
  /** How long an account is at work, in seconds: at most its caller's wait with nobody else there. */
  objectSeconds: number;
}

const { values } = parseArgs({ options: { 'no-write': { type: 'boolean', default: false } } });
const root = mkdtempSync(join(tmpdir(), 'latchkey-cost-'));
try {
  const counted = await count();
  const cpu = await measureCpu();
  const [signIn, refresh] = (['sign-in', 'refresh'] as const).map((name) => ({
    ...counted[name],
    ...cpu[name],
  }));
  if (signIn === undefined || refresh === undefined) throw new Error('nothing was counted');
  const text = [describeUse({ 'sign-in': signIn, refresh }), describeCost(signIn, refresh)].join('\n\n');
  console.log(text);
  if (!values['no-write'])
    writeBetweenMarkers(join(import.meta.dirname, '../docs/explanation/performance.md'), 'cost', text);
} finally {
  await stopAll();
  rmSync(root, { recursive: true, force: true });
}
process.exit();

type Both<T> = Record<'sign-in' | 'refresh', T>;

/** One of each per account, on a Worker that counts. */
async function count(): Promise<Both<Counts>> {
  const { url, contender, actors } = await start('latchkey-counted', ENTRY);
  const result: Partial<Both<Counts>> = {};
  for (const name of ['sign-in', 'refresh'] as const) {
    await ask(contender, url, actors, name); // objects awake, as in a busy service
    await readCounts(url);
    await ask(contender, url, actors, name);
    const total = await readCounts(url);
    const each = Object.entries(total).map(([key, value]) => [key, value / ACCOUNTS]);
    result[name] = Object.fromEntries(each);
  }
  return result as Both<Counts>; // both were filled in the loop
}

/** Processor time of workerd, all of it, divided by what was answered meanwhile. */
async function measureCpu(): Promise<Both<Pick<Use, 'cpuMs' | 'objectSeconds'>>> {
  const { url, pid, contender, actors } = await start('latchkey', ES256);
  const result: Partial<Both<Pick<Use, 'cpuMs' | 'objectSeconds'>>> = {};
  for (const name of ['refresh', 'sign-in'] as const) {
    const operation = contender.operations[name];
    if (operation === undefined) throw new Error(`no ${name}`);
    await drive(url, actors, operation, { seconds: 3, connections: 4 });
    const before = readCpuSeconds(pid);
    const { latenciesMs, errors } = await drive(url, actors, operation, { seconds: 15, connections: 4 });
    if (errors.length > 0) throw new Error(errors[0]);
    const cpuMs = ((readCpuSeconds(pid) - before) * 1000) / latenciesMs.length;
    const alone = await drive(url, actors, operation, { seconds: 5, connections: 1 });
    const middle = alone.latenciesMs[alone.latenciesMs.length >> 1] ?? Number.NaN;
    result[name] = { cpuMs, objectSeconds: middle / 1000 };
  }
  return result as Both<Pick<Use, 'cpuMs' | 'objectSeconds'>>; // both were filled in the loop
}

function describeUse(use: Both<Use>): string {
  const row = (title: string, read: (use: Use) => number, digits = 1) => [
    title,
    read(use.refresh).toFixed(digits),
    read(use['sign-in']).toFixed(digits),
  ];
  return alignTable([
    ['of one', 'refresh', 'sign-in'],
    row('requests to an account', (each) => each.accountRequests),
    row('rows read there', (each) => each.rowsRead),
    row('rows written there', (each) => each.rowsWritten),
    row('alarms set there', (each) => each.alarmsSet),
    row('queries of the directory', (each) => each.queries),
    row('rows read there ', (each) => each.directoryRowsRead),
    row('rows written there ', (each) => each.directoryRowsWritten),
    row('processor time of workerd, ms', (each) => each.cpuMs, 2),
    row('answered alone within, ms', (each) => each.objectSeconds * 1000, 2),
  ]);
}

function describeCost(signIn: Use, refresh: Use): string {
  const lines: [string, Partial<Record<keyof typeof PRICES, number>>][] = [
    ['Latchkey, refresh', toUnits(refresh)],
    ['Latchkey, sign-in', toUnits(signIn)],
    [
      'refresh on D1: a row read and written by its key',
      { workerRequest: 1, cpuMs: refresh.cpuMs, rowRead: 1, rowWritten: 1 },
    ],
    [
      'refresh on D1: a row for each token, with one index',
      { workerRequest: 1, cpuMs: refresh.cpuMs, rowRead: 1, rowWritten: 4 },
    ],
    [
      'refresh on KV: a read, a write, a delete',
      { workerRequest: 1, cpuMs: refresh.cpuMs, kvRead: 1, kvWrite: 1, kvDelete: 1 },
    ],
    [
      'refresh on KV: a read and a write of the same key',
      { workerRequest: 1, cpuMs: refresh.cpuMs, kvRead: 1, kvWrite: 1 },
    ],
  ];
  return alignTable([
    ['a million of', 'dollars', 'of which'],
    ...lines.map(([title, units]) => {
      const parts = Object.entries(units).map(([unit, amount]) => ({
        text: `${unit} ${round(amount)} × ${PRICES[unit as keyof typeof PRICES]}`,
        dollars: amount * PRICES[unit as keyof typeof PRICES],
      }));
      const dollars = parts.reduce((sum, part) => sum + part.dollars, 0);
      return [
        title,
        dollars.toFixed(2),
        parts
          .filter((part) => part.dollars >= 0.001)
          .map((part) => part.text)
          .join(' + '),
      ];
    }),
  ]);
}

/** What is billed of a use. An alarm that is set is a row written. */
function toUnits(use: Use) {
  return {
    workerRequest: 1,
    cpuMs: use.cpuMs,
    objectRequest: use.accountRequests,
    objectSecond: use.objectSeconds,
    rowRead: use.rowsRead + use.directoryRowsRead,
    rowWritten: use.rowsWritten + use.alarmsSet + use.directoryRowsWritten,
  };
}

function round(amount: number): string {
  return String(Number(amount.toPrecision(3)));
}

async function start(module: string, entry: typeof ENTRY | typeof ES256) {
  const state = join(root, module);
  mkdirSync(state);
  const { url, pid } = await startContender({ module, alg: entry.alg }, state);
  const contender = connectTo(url, entry);
  return { url, pid, contender, actors: await contender.prepare(ACCOUNTS) };
}

async function ask(
  { operations }: Contender,
  url: string,
  actors: Actor[],
  name: OperationName,
): Promise<void> {
  const operation = operations[name];
  const errors = operation === undefined ? [`no ${name}`] : await askOnce(url, actors, operation);
  if (errors.length > 0) throw new Error(errors[0]);
}

async function readCounts(url: string): Promise<Counts> {
  const [answer] = await askAll(url, [toRequest('GET', '/counts')]);
  return JSON.parse(answer?.body ?? '{}');
}
