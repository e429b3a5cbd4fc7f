// `npm run bench`: starts the contenders, drives them in turns, checks their responses, and writes docs/explanation/performance.md.
// Fails on any wrong response. Options: --only a,b --operations a,b --seconds 5 --turns 5 --accounts 200
// --state DIR --no-write. With --state, the directory of the contenders' storage, it writes nothing.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Actor, type Contender, ENTRIES, OPERATIONS, type OperationName } from './contract.ts';
import { askOnce, drive } from './load.ts';
import { startContender, stopAll } from './processes.ts';
import { describeMachine, type Row, toMarkdown, writeBetweenMarkers } from './report.ts';

const DOCS = join(import.meta.dirname, '../../docs/explanation');
const WARM_UP_SECONDS = 2;
const SAMPLE = 20;
/** A sign-in is all hash: more of them at once only wait for each other. */
const CONNECTIONS: Record<OperationName, number> = {
  'sign-in': 2,
  refresh: 16,
  verify: 16,
  jwks: 16,
  sessions: 16,
};

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(ENTRIES).join() },
    operations: { type: 'string', default: OPERATIONS.join() },
    seconds: { type: 'string', default: '5' },
    turns: { type: 'string', default: '5' },
    accounts: { type: 'string', default: '200' },
    state: { type: 'string', default: tmpdir() },
    'no-write': { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const turns = Number(values.turns);
const folder = mkdtempSync(join(values.state, 'latchkey-bench-'));

interface Running extends Contender {
  title: string;
  url: string;
  actors: Actor[];
}

let failed = false;
try {
  const running: Running[] = [];
  for (const name of values.only.split(',')) running.push(await start(name));
  const rows: Row[] = [];
  for (const operation of values.operations.split(',').map(toOperation)) {
    rows.push(...(await compare(operation, running)));
  }
  const note = `${new Date().toISOString().slice(0, 10)}, ${describeMachine()}. ${turns} turns of ${seconds} s each, ${values.accounts} accounts, state in ${values.state}.`;
  const markdown = toMarkdown(rows, note);
  console.log(markdown);
  failed = rows.some((row) => row.turns.some(({ errors }) => errors.length > 0));
  if (failed) console.error('FAILED: there were wrong responses; nothing was written');
  else if (!values['no-write'] && values.state === tmpdir())
    writeBetweenMarkers(join(DOCS, 'performance.md'), 'figures', markdown);
} finally {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

async function start(name: string): Promise<Running> {
  const entry = ENTRIES[name];
  if (entry === undefined) throw new Error(`unknown contender ${name}`);
  const state = join(folder, name);
  mkdirSync(state);
  const { url } = await startContender(entry, state);
  const { connectTo } = await import(`./contenders/${entry.module}.ts`);
  const contender: Contender = connectTo(url, entry);
  console.error(`${entry.title}: preparing`);
  return { ...contender, title: entry.title, url, actors: await contender.prepare(Number(values.accounts)) };
}

/** A B A B: a slow minute of the machine hits all of them. */
async function compare(name: OperationName, running: Running[]): Promise<Row[]> {
  const able = running.filter(({ operations }) => operations[name] !== undefined);
  const rows = able.map(({ title }): Row => ({ operation: name, title, turns: [] }));
  for (const contender of able) {
    const { errors } = await take(contender, name, WARM_UP_SECONDS);
    if (errors.length > 0) throw new Error(`${name}, ${contender.title}, warming up: ${errors[0]}`);
  }
  for (let turn = 0; turn < turns; turn++) {
    for (const [index, contender] of able.entries()) {
      const result = await take(contender, name, seconds);
      rows[index]?.turns.push(result);
      const rate = (result.latenciesMs.length / result.seconds).toFixed(0);
      console.error(`${name}, turn ${turn + 1}, ${contender.title}: ${rate}/s`, ...result.errors.slice(0, 3));
    }
  }
  return rows;
}

/** One turn, and its checks, which stand outside of the time. */
async function take({ url, actors, operations }: Running, name: OperationName, forSeconds: number) {
  const operation = operations[name];
  if (operation === undefined) throw new Error(`no ${name}`);
  const result = await drive(url, actors, operation, { seconds: forSeconds, connections: CONNECTIONS[name] });
  const asked = actors.slice(0, Math.min(actors.length, result.latenciesMs.length));
  for (let step = 0; step < SAMPLE && operation.verify !== undefined; step++) {
    const actor = asked[Math.floor(Math.random() * asked.length)];
    if (actor === undefined) continue;
    await operation.verify(actor).catch((error: unknown) => result.errors.push(`does not verify: ${error}`));
  }
  if (name !== 'refresh' && name !== 'sign-in') return result;
  const { refresh } = operations;
  // Whether what every account holds at the end is still good for one more refresh.
  if (refresh !== undefined) result.errors.push(...(await askOnce(url, asked, refresh)));
  return result;
}

function toOperation(name: string): OperationName {
  const found = OPERATIONS.find((operation) => operation === name);
  if (found === undefined) throw new Error(`unknown operation ${name}`);
  return found;
}
