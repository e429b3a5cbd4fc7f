// How many runs, and from which seed: the suite's own numbers, or what `npm run test:model` asks for.
import fc from 'fast-check';
import { expect } from 'vitest';
import { passTurn } from '../support/eventually.ts';

const { VITE_MODEL_RUNS, VITE_MODEL_SEED } = process.env;

/** The runs of a long run; the suite has its own. */
const longRuns = VITE_MODEL_RUNS === undefined ? undefined : Number(VITE_MODEL_RUNS);
const seed = VITE_MODEL_SEED === undefined ? {} : { seed: Number(VITE_MODEL_SEED) };

/** No limit where the number of runs has none. */
export const TIMEOUT_MS = longRuns === undefined ? 5 * 60_000 : 0;

/** How many steps the model of names goes (names.test.ts). */
export const NAMES_DEPTH = longRuns === undefined ? 12 : 18;

const RUNS_AT_A_STRETCH = 100;

/** Checks a property with `runs` runs in the suite, and with that many of each 1,000 in a long run. */
export async function check<T>(property: fc.IAsyncPropertyWithHooks<T>, runs: number): Promise<void> {
  const numRuns = longRuns === undefined ? runs : Math.ceil((longRuns * runs) / 1000);
  let made = 0;
  const afterEach = async () => {
    made += 1;
    // Runs that never wait for anything outside would keep the runtime from its own work: writing, telling that it is alive.
    if (made % RUNS_AT_A_STRETCH === 0) await passTurn();
    if (longRuns !== undefined && made % Math.ceil(numRuns / 10) === 0) report(`${made} of ${numRuns} runs`);
  };
  await fc.assert(property.afterEach(afterEach), { numRuns, ...seed });
  if (longRuns !== undefined) report(`all ${made} runs held`);
}

function report(progress: string): void {
  console.info(`${expect.getState().currentTestName}: ${progress}`);
}
