// `npm run test:enumeration`: whether a refused sign-in, or a forgotten password, tells by its bytes or its time that the
// name exists.
// Prints the figures and writes them into docs/explanation/enumeration.md. Takes some minutes of an otherwise idle machine.
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { alignTable } from '../support/markdown-table.ts';
import { quantile, rankTest } from './rank-test.ts';
import { makeWorkFolder, WorkerProcess } from './worker-process.ts';

const REPORT = join(import.meta.dirname, '../../docs/explanation/enumeration.md');
const WARM_UP = 20;
/** Accounts and names that are made to wait. An attempt during a wait changes nothing, so a few are enough. */
const THROTTLED = 10;
const FAILURES_UNTIL_WAIT = 6;
const HEADER = ['what is tried', 'status, headers, body', 'known, ms', 'unknown, ms', 'U', 'AUC', 'p'];
const AFTERMATH_MS = 50;
const { values } = parseArgs({ options: { samples: { type: 'string', default: '200' } } });
const samples = Number(values.samples);

interface Attempt {
  ms: number;
  /** Status, headers in order and as spelled, body: all that is not the time. */
  bytes: string;
}

interface Series {
  title: string;
  known: Attempt[];
  unknown: Attempt[];
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const folder = makeWorkFolder();
let worker = await WorkerProcess.start(folder);
const accounts = names('known', samples);
for (const name of accounts) await register(name);
const waitingAccounts = names('waiting', THROTTLED);
for (const name of waitingAccounts) await register(name);
// From here no account's object is in memory: as at the first request.
await worker.kill();
worker = await WorkerProcess.start(folder);
for (const name of names('warm-up', WARM_UP)) await attempt(name);

const fresh = names('unknown', samples);
const series = [
  await compare('first attempt; no object is running', accounts, fresh),
  await compare('first attempt at the name, the account running', accounts, names('later', samples)),
  await compare('further attempts; both objects are running', accounts, fresh),
  await compareThrottled(),
  await compare('a forgotten password', accounts, names('forgotten', samples), forget),
];
await worker.kill();

const figures = describe(series);
console.log(figures);
const [before = '', rest = ''] = readFileSync(REPORT, 'utf8').split('<!-- figures -->');
writeFileSync(
  REPORT,
  `${before}<!-- figures -->\n\n${figures}\n<!-- end -->${rest.split('<!-- end -->')[1]}`,
);
process.exitCode = series.every(hasEqualBytes) ? 0 : 1;

/** One attempt at each name, in pairs; which of a pair comes first is left to chance. */
async function compare(
  title: string,
  known: string[],
  unknown: string[],
  ask: (name: string) => Promise<Attempt> = attempt,
): Promise<Series> {
  const result: Series = { title, known: [], unknown: [] };
  for (const [index, knownName] of known.entries()) {
    const steps = [
      async () => result.known.push(await ask(knownName)),
      async () => result.unknown.push(await ask(unknown[index] ?? '')),
    ];
    if (Math.random() < 0.5) steps.reverse();
    for (const step of steps) await step();
  }
  return result;
}

/** Pair by pair, so that no wait runs out before it has been measured. */
async function compareThrottled(): Promise<Series> {
  const result: Series = { title: 'while a wait is asked for', known: [], unknown: [] };
  const unknowns = names('unknown', THROTTLED);
  for (const [index, account] of waitingAccounts.entries()) {
    const unknownName = unknowns[index] ?? '';
    for (let failure = 1; failure <= FAILURES_UNTIL_WAIT; failure += 1) {
      await attempt(account);
      await attempt(unknownName);
    }
    const times = Math.ceil(samples / THROTTLED);
    const { known, unknown } = await compare('', Array(times).fill(account), Array(times).fill(unknownName));
    result.known.push(...known);
    result.unknown.push(...unknown);
  }
  return result;
}

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
}

async function register(name: string): Promise<void> {
  const json = { username: name, email: `${name}@example.com`, password: 'correct horse battery staple' };
  const { status } = await worker.post('/register', { json });
  if (status !== 201) throw new Error(`a sign-up responded ${status}`);
}

/** A wrong password. */
function attempt(username: string): Promise<Attempt> {
  return post('/login', { username, password: 'a wrong password' });
}

/** The mail is queued behind the response; whoever asks next on this machine must not wait for it, so this one does. */
async function forget(name: string): Promise<Attempt> {
  const asked = await post('/password/forgot', { email: `${name}@example.com` });
  await new Promise((resolve) => setTimeout(resolve, AFTERMATH_MS));
  return asked;
}

/** From the first byte sent to the last one received, on one connection that stays open. */
function post(path: string, json: object): Promise<Attempt> {
  const body = JSON.stringify(json);
  const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const outgoing = request(`${worker.url}${path}`, { method: 'POST', agent, headers }, async (incoming) => {
      const text = await readText(incoming);
      resolve({ ms: performance.now() - startedAt, bytes: showBytes(incoming, text) });
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

/** Without what differs between any two responses: the date, the request's id, and the seconds of a wait that runs down. */
function showBytes({ statusCode, rawHeaders }: IncomingMessage, text: string): string {
  const lines = [`${statusCode}`];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    const varies = ['date', 'x-request-id', 'retry-after'].includes(name.toLowerCase());
    lines.push(`${name}: ${varies ? '' : rawHeaders[index + 1]}`);
  }
  return [...lines, '', text].join('\n');
}

function hasEqualBytes({ known, unknown }: Series): boolean {
  return new Set([...known, ...unknown].map(({ bytes }) => bytes)).size === 1;
}

function describe(all: Series[]): string {
  const rows = all.map((one) => {
    const [known, unknown] = [one.known.map(({ ms }) => ms), one.unknown.map(({ ms }) => ms)];
    const { u, auc, p } = rankTest(known, unknown);
    const bytes = hasEqualBytes(one) ? 'equal' : 'DIFFER';
    const shownP = p < 0.0001 ? '< 0.0001' : p.toFixed(4);
    return [one.title, bytes, spread(known), spread(unknown), String(u), auc.toFixed(3), shownP];
  });
  // The same account's times against each other: what the machine alone does to the figures.
  const control = all[0]?.known.map(({ ms }) => ms) ?? [];
  const [odd, even] = [
    control.filter((_, index) => index % 2 === 1),
    control.filter((_, index) => index % 2 === 0),
  ];
  const { auc, p } = rankTest(odd, even);
  return `${new Date().toISOString().slice(0, 10)}, ${samples} samples a side, ${availableParallelism()} cores of
${cpus()[0]?.model ?? 'an unknown processor'}, load ${loadavg()[0]?.toFixed(1)}, workerd as pinned.

${alignTable([HEADER, ...rows])}

Control, every other sample of the first row's known names against the rest: AUC ${auc.toFixed(3)}, p ${p.toFixed(4)}.
`;
}

/** Median, and the middle half. */
function spread(sample: number[]): string {
  const [low, median, high] = [0.25, 0.5, 0.75].map((share) => quantile(sample, share).toFixed(1));
  return `${median} (${low} to ${high})`;
}
