// npm run test:model -- --runs 100000 [--seed 1]: the model tests at length. Prints what it takes to repeat a run.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const root = join(import.meta.dirname, '../..');
const { values } = parseArgs({ options: { runs: { type: 'string' }, seed: { type: 'string' } } });
const runs = readCount(values.runs ?? '100000', 'runs');
const seed = readCount(values.seed ?? String(Math.floor(Math.random() * 2 ** 31)), 'seed');
const repeat = `npm run test:model -- --runs ${runs} --seed ${seed}`;

console.log(`Model runs: ${runs}, seed: ${seed}. The same again: ${repeat}`);
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const startedAtMs = Date.now();
const { status, signal } = spawnSync(
  process.execPath,
  [vitest, 'run', '--config', 'test/vitest.config.ts', '--silent=false', 'test/model'],
  {
    cwd: root,
    stdio: 'inherit',
    // Vite hands to the tests only what begins with VITE_.
    env: { ...process.env, VITE_MODEL_RUNS: String(runs), VITE_MODEL_SEED: String(seed) },
  },
);
const outcome = status === 0 ? 'held' : `FAILED (${signal ?? status})`;
const minutes = ((Date.now() - startedAtMs) / 60_000).toFixed(1);
console.log(
  `Model runs: ${runs}, seed: ${seed}: ${outcome} after ${minutes} minutes. The same again: ${repeat}`,
);
process.exitCode = status ?? 1;

function readCount(text: string, name: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= (name === 'runs' ? 1 : 0)) return count;
  throw new RangeError(`--${name} must be a whole number`);
}
