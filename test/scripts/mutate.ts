// npm run test:mutation [-- --room domain] [--sample 100 --seed 1] [--resume FILE]: changes one thing of the source at a
// time and sees whether a test fails. docs/explanation/mutation.md says how to read it.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findMutants, type Mutant } from './mutation-operators.ts';
import { makeScratch, type Outcome, Runner, removeScratch } from './mutation-runner.ts';

const SRC = join(import.meta.dirname, '../../src');
const ROOMS = ['domain', 'tokens'];
/** Generated. */
const LEFT_OUT = ['common-passwords-data.ts'];

const { values } = parseArgs({
  options: {
    room: { type: 'string', multiple: true },
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    resume: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});
const rooms = values.room ?? ROOMS;
const texts = new Map(rooms.flatMap(readRoom));
const mutants = sample([...texts].flatMap(([path, text]) => findMutants(path, text)));
if (values.list) for (const mutant of mutants) console.log(describe(mutant));
else await runAll();
// A mutant in an endless loop may have left a thread that nothing else ends.
process.exit();

/** Texts by path below src/. */
function readRoom(room: string): [string, string][] {
  if (!ROOMS.includes(room)) throw new RangeError(`--room must be one of ${ROOMS.join(', ')}`);
  return readdirSync(join(SRC, room))
    .filter((name) => name.endsWith('.ts') && !LEFT_OUT.includes(name))
    .map((name) => [`${room}/${name}`, readFileSync(join(SRC, room, name), 'utf8')]);
}

/** The same seed and the same source give the same mutants. */
function sample(all: Mutant[]): Mutant[] {
  if (values.sample === undefined) return all;
  const rank = (mutant: Mutant) => digest(`${values.seed} ${describe(mutant)}`);
  const size = Number(values.sample);
  if (!Number.isSafeInteger(size) || size < 1) throw new RangeError('--sample must be a whole number');
  const chosen = new Set([...all].sort((a, b) => (rank(a) < rank(b) ? -1 : 1)).slice(0, size));
  return all.filter((mutant) => chosen.has(mutant));
}

async function runAll(): Promise<void> {
  const finished = readFinished();
  const folder = await makeScratch(rooms);
  const runner = new Runner(folder);
  try {
    for (const room of rooms)
      for (const place of ['node', 'workers'] as const)
        if ((await runner.run(room, place)) !== 'survived')
          throw new Error(`${place}: the tests of ${room} fail without any change`);
    const startedAtMs = Date.now();
    for (const mutant of mutants) {
      const key = keyOf(mutant);
      // A survivor is tried again: a test may have been written for it.
      if (finished[key] === 'killed' || finished[key] === 'timeout') continue;
      const original = texts.get(mutant.path) ?? '';
      const text = original.slice(0, mutant.start) + mutant.replacement + original.slice(mutant.end);
      const outcome = await runner.try(roomOf(mutant), mutant.path, text, original);
      finished[key] = outcome;
      if (values.resume !== undefined) writeFileSync(values.resume, JSON.stringify(finished, null, 1));
      if (outcome !== 'killed') console.log(`${outcome}: ${describe(mutant)}`);
    }
    report(finished, Date.now() - startedAtMs);
  } finally {
    await runner.close();
    await removeScratch(folder);
  }
}

function report(finished: Record<string, Outcome>, tookMs: number): void {
  for (const room of rooms) {
    const outcomes = mutants
      .filter((mutant) => roomOf(mutant) === room)
      .map((mutant) => finished[keyOf(mutant)]);
    const count = (wanted: Outcome) => outcomes.filter((outcome) => outcome === wanted).length;
    const score = ((100 * (outcomes.length - count('survived'))) / outcomes.length).toFixed(1);
    console.log(
      `${room}: ${outcomes.length} mutants, ${count('killed')} killed, ${count('timeout')} timed out, ` +
        `${count('survived')} survived: ${score} %`,
    );
  }
  console.log(`${(tookMs / 60_000).toFixed(1)} minutes`);
}

function readFinished(): Record<string, Outcome> {
  if (values.resume === undefined) return {};
  try {
    return JSON.parse(readFileSync(values.resume, 'utf8'));
  } catch {
    return {};
  }
}

/** Stands for the file's whole text: a result of another text is not taken over. */
function keyOf(mutant: Mutant): string {
  const { path, start, end, replacement } = mutant;
  return `${path} ${digest(texts.get(path) ?? '').slice(0, 12)} ${start}-${end} ${replacement}`;
}

function describe({ path, line, start, end, replacement }: Mutant): string {
  const before = (texts.get(path) ?? '').slice(start, end);
  return `src/${path}:${line}: ${flatten(before)} -> ${flatten(replacement)}`;
}

function flatten(code: string): string {
  return code.replaceAll(/\s+/g, ' ');
}

function roomOf({ path }: Mutant): string {
  return path.split('/', 1)[0] ?? '';
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
