// `npm run bench:growth`: whether a refresh stays as fast, and storage and memory as small, when things grow.
// Options: --only sessions,directory,actors,rotations,soak --seconds 5 --turns 5 --rotations 1000000 --soak-minutes 10
// --actors 10000 --no-write. With the defaults it takes some 35 minutes, half of it the million rotations.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { alignTable } from '../test/support/markdown-table.ts';
import { connectTo } from './contenders/latchkey.ts';
import type { Actor, Operation } from './contract.ts';
import { Connections, drive } from './load.ts';
import { readMemoryMiB, startContender, stopAll } from './processes.ts';
import { median, quantile, writeBetweenMarkers } from './report.ts';
import {
  deriveObjectId,
  fillDirectory,
  findStorage,
  plantAccount,
  type Storage,
  sizeOf,
  takePattern,
} from './seed.ts';

const CHAPTERS = { sessions, directory, actors, rotations, soak };
const ENTRY = { title: '', module: 'latchkey', alg: 'HS256' } as const;
const ACTIVE = 60;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(CHAPTERS).join() },
    seconds: { type: 'string', default: '5' },
    turns: { type: 'string', default: '5' },
    rotations: { type: 'string', default: '1000000' },
    'soak-minutes': { type: 'string', default: '10' },
    actors: { type: 'string', default: '10000' },
    'no-write': { type: 'boolean', default: false },
  },
});
const root = mkdtempSync(join(tmpdir(), 'latchkey-growth-'));
const parts: string[] = [];
try {
  for (const name of values.only.split(',')) {
    const chapter = CHAPTERS[name as keyof typeof CHAPTERS];
    if (chapter === undefined) throw new Error(`unknown chapter ${name}`);
    console.error(name);
    const text = await chapter(join(root, name));
    parts.push(text);
    console.log(`${text}\n`);
    await stopAll();
  }
  if (!values['no-write'])
    writeBetweenMarkers(
      join(import.meta.dirname, '../docs/explanation/performance.md'),
      'growth',
      parts.join('\n\n'),
    );
} finally {
  await stopAll();
  rmSync(root, { recursive: true, force: true });
}
process.exit();

interface Group {
  title: string;
  url: string;
  actors: Actor[];
}

/** 1, 10 and 100 sessions in an account: one process, three groups of accounts. */
async function sessions(folder: string): Promise<string> {
  const { storage, pattern } = await makePattern(folder);
  const groups: Group[] = [];
  for (const count of [1, 10, 100]) {
    const actors = await plant(storage, pattern, ACTIVE, count, `s${count}-`);
    groups.push({
      title: `${count} ${count === 1 ? 'session' : 'sessions'} in each account`,
      url: '',
      actors,
    });
  }
  const [none, many] = await Promise.all([
    measureFile(storage, pattern, 0),
    measureFile(storage, pattern, 100),
  ]);
  const { url } = await startContender(ENTRY, folder);
  const table = await compare(groups.map((group) => ({ ...group, url })));
  const bytes = `An account takes ${none.toLocaleString('en-US')} bytes on disk without a session, and ${many.toLocaleString('en-US')} with a hundred: ${Math.round((many - none) / 100)} bytes a session (user agent of 124 characters).`;
  return `${table}\n\n${bytes}`;
}

/** 10, 1,000 and 100,000 accounts in the directory: a process for each. */
async function directory(folder: string): Promise<string> {
  const groups: Group[] = [];
  for (const count of [10, 1000, 100_000]) {
    const state = join(folder, String(count));
    const { storage, pattern } = await makePattern(state);
    const actors = await plant(storage, pattern, ACTIVE, 1, 'u');
    fillDirectory(state, count);
    const { url } = await startContender(ENTRY, state);
    groups.push({ title: `${count.toLocaleString('en-US')} accounts in the directory`, url, actors });
  }
  return compare(groups);
}

/** A few accounts in use, alone and beside 10,000 others that sleep on the disk; and then a refresh of each of those. */
async function actors(folder: string): Promise<string> {
  const total = Number(values.actors);
  const groups: Group[] = [];
  let rest: Actor[] = [];
  let pid = 0;
  for (const others of [0, total]) {
    const state = join(folder, String(others));
    const { storage, pattern } = await makePattern(state);
    const few = await plant(storage, pattern, ACTIVE, 1, 'few');
    rest = await plant(storage, pattern, others, 1, 'other');
    const serving = await startContender(ENTRY, state);
    pid = serving.pid;
    const title = others === 0 ? 'no others' : `${total.toLocaleString('en-US')} others on disk`;
    groups.push({ title: `${ACTIVE} accounts in use, ${title}`, url: serving.url, actors: few });
  }
  const table = await compare(groups);
  const url = groups[1]?.url ?? '';
  const before = readMemoryMiB(pid);
  const { latenciesMs, errors, seconds } = await drive(url, rest, refreshAt(url), {
    seconds: 20,
    connections: 16,
  });
  if (errors.length > 0) throw new Error(errors[0]);
  const woken = Math.min(total, latenciesMs.length);
  const after = readMemoryMiB(pid);
  const figures = `${(latenciesMs.length / seconds).toFixed(0)} requests/s, p50 ${quantile(latenciesMs, 0.5).toFixed(2)} ms, p99 ${quantile(latenciesMs, 0.99).toFixed(2)} ms`;
  return `${table}\n\nRefreshes that each wake a sleeping account, of ${woken.toLocaleString('en-US')} accounts in ${seconds.toFixed(0)} s: ${figures}. Memory of workerd: ${before.toFixed(0)} MiB before and ${after.toFixed(0)} MiB after.`;
}

/** One session rotated a million times, beside one that was not. One connection: a session's refreshes form a line. */
async function rotations(folder: string): Promise<string> {
  const { storage, pattern } = await makePattern(folder);
  const [worn, fresh] = await plant(storage, pattern, 2, 1, 'r');
  if (worn === undefined || fresh === undefined) throw new Error('no accounts');
  const { url, pid } = await startContender(ENTRY, folder);
  const path = join(storage.folder, `${deriveObjectId(storage.uniqueKey, subjectOf(worn))}.sqlite`);
  await rotate(url, worn, 1000);
  const sizeBefore = sizeOf(path);
  const memoryMiB = [readMemoryMiB(pid)];
  const tenth = Math.ceil(Number(values.rotations) / 10);
  const total = 10 * tenth;
  for (let part = 1; part <= 10; part++) {
    await rotate(url, worn, tenth);
    memoryMiB.push(readMemoryMiB(pid));
    console.error(part, memoryMiB.at(-1));
  }
  const sizeAfter = sizeOf(path);
  const table = await compare([
    { title: 'a new session', url, actors: [fresh] },
    { title: `after ${total.toLocaleString('en-US')} rotations`, url, actors: [worn] },
  ]);
  const sizes = ({ database, log }: { database: number; log: number }) =>
    `${database.toLocaleString('en-US')} bytes and a write-ahead log of ${log.toLocaleString('en-US')}`;
  return `${table}\n\nThe account's file: ${sizes(sizeBefore)} after 1,000 rotations, ${sizes(sizeAfter)} after ${total.toLocaleString('en-US')} more. Memory of workerd, in MiB, before and after each tenth of them: ${memoryMiB.map((each) => each.toFixed(0)).join(', ')}.`;
}

/** Memory of workerd under load for some minutes. */
async function soak(folder: string): Promise<string> {
  const { storage, pattern } = await makePattern(folder);
  const actors = await plant(storage, pattern, 200, 1, 'u');
  const { url, pid } = await startContender(ENTRY, folder);
  const minutes = Number(values['soak-minutes']);
  const lines = [['minute', 'refreshes', 'p50, ms', 'p99, ms', 'memory of workerd, MiB']];
  for (let minute = 1; minute <= minutes; minute++) {
    const turn = await drive(url, actors, refreshAt(url), { seconds: 60, connections: 16 });
    if (turn.errors.length > 0) throw new Error(turn.errors[0]);
    const { latenciesMs } = turn;
    lines.push([
      String(minute),
      latenciesMs.length.toLocaleString('en-US'),
      quantile(latenciesMs, 0.5).toFixed(2),
      quantile(latenciesMs, 0.99).toFixed(2),
      readMemoryMiB(pid).toFixed(0),
    ]);
    console.error(lines.at(-1)?.join('  '));
  }
  return alignTable(lines);
}

/** Refreshes of several groups in turns; medians of the turns, as ratios of the first group's. */
async function compare(groups: Group[]): Promise<string> {
  const turns = groups.map((): { rate: number; p50: number; p99: number }[] => []);
  for (let turn = 0; turn <= Number(values.turns); turn++) {
    for (const [index, { url, actors, title }] of groups.entries()) {
      const seconds = turn === 0 ? 2 : Number(values.seconds);
      const {
        latenciesMs,
        errors,
        seconds: took,
      } = await drive(url, actors, refreshAt(url), { seconds, connections: 16 });
      if (errors.length > 0) throw new Error(`${title}: ${errors[0]}`);
      if (turn === 0) continue;
      turns[index]?.push({
        rate: latenciesMs.length / took,
        p50: quantile(latenciesMs, 0.5),
        p99: quantile(latenciesMs, 0.99),
      });
    }
  }
  const middle = (index: number, key: 'rate' | 'p50' | 'p99') =>
    median((turns[index] ?? []).map((figures) => figures[key]));
  const lines = groups.map(({ title }, index) => [
    title,
    middle(index, 'rate').toFixed(0),
    middle(index, 'p50').toFixed(2),
    middle(index, 'p99').toFixed(2),
    (middle(index, 'p50') / middle(0, 'p50')).toFixed(2),
  ]);
  return alignTable([['refresh', 'requests/s', 'p50, ms', 'p99, ms', 'p50 to the first'], ...lines]);
}

/** A storage with one real account, stopped: the pattern for the others. */
async function makePattern(folder: string): Promise<{ storage: Storage; pattern: string }> {
  mkdirSync(folder, { recursive: true });
  const serving = await startContender(ENTRY, folder);
  await connectTo(serving.url, ENTRY).prepare(1);
  await serving.stop();
  const storage = findStorage(folder);
  return { storage, pattern: takePattern(storage) };
}

async function plant(storage: Storage, pattern: string, count: number, sessions: number, prefix: string) {
  const planted: Actor[] = [];
  for (let index = 0; index < count; index++)
    planted.push(await plantAccount(storage, pattern, `${prefix}${index}`, sessions));
  return planted;
}

async function measureFile(storage: Storage, pattern: string, sessions: number): Promise<number> {
  const actor = await plantAccount(storage, pattern, `size${sessions}`, sessions);
  return sizeOf(join(storage.folder, `${deriveObjectId(storage.uniqueKey, subjectOf(actor))}.sqlite`))
    .database;
}

async function rotate(url: string, actor: Actor, times: number): Promise<void> {
  const operation = refreshAt(url);
  const pool = new Connections(url, 1);
  for (let step = 0; step < times; step++) {
    const answer = await pool.ask(operation.request(actor));
    if (answer.status !== 200) throw new Error(`rotation ${step}: ${answer.status} ${answer.body}`);
    operation.accept?.(actor, answer);
  }
  pool.close();
}

function refreshAt(url: string): Operation {
  const { refresh } = connectTo(url, ENTRY).operations;
  if (refresh === undefined) throw new Error('no refresh');
  return refresh;
}

function subjectOf({ cookie }: Actor): string {
  const payload = Buffer.from(cookie.split('.')[1] ?? '', 'base64url').toString();
  return /"sub":"([^"]+)"/.exec(payload)?.[1] ?? '';
}
