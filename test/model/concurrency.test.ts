// Calls that are started together, through the Worker. Each batch must have a serial order that gives every response
// and what is stored afterwards (linearizability, by trying every order on the model).
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { muteRequestLog } from '../support/quiet.ts';
import { Service } from '../support/service.ts';
import { check, TIMEOUT_MS } from './runs.ts';
import { type Call, call, policy, stepsUpTo, weighted } from './steps.ts';
import { WorkerDriver } from './worker-driver.ts';
import { modelRows, World, withoutBytes } from './world.ts';

muteRequestLog();

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** Two tabs, a double click, a stolen token and its owner: one session, one moment. */
const contended: fc.Arbitrary<Call> = fc.record({
  do: weighted<'refresh' | 'sign out'>([9, 'refresh'], [1, 'sign out']),
  session: fc.constant(0),
  offset: weighted([4, 0], [2, -1], [1, -2], [1, 1]),
});
const batch = fc.array(fc.oneof(contended, call), { minLength: 2, maxLength: 5, size: 'max' });

describe('calls started together', () => {
  it('end as if they had come one after the other', { timeout: TIMEOUT_MS }, async () => {
    const ada = await new Service().register();
    const batches = fc.array(batch, { minLength: 1, maxLength: 3 });
    const property = fc.asyncProperty(policy, stepsUpTo(5), batches, async (policy, before, batches) => {
      const driver = new WorkerDriver(ada, policy, 'row');
      await driver.clear();
      const world = new World(driver, policy);
      await world.signIn();
      for (const step of before) await world.perform(step);
      for (const calls of batches) await performTogether(world, calls);
    });
    await check(property, 80);
  });
});

async function performTogether(world: World, steps: Call[]): Promise<void> {
  const calls = steps.flatMap((step) => world.prepare(step) ?? []);
  const answers = (await Promise.all(calls.map(({ send }) => send()))).map(withoutBytes);
  const rows = await world.driver.rows();
  const explanation = permutations(calls.map((prepared, index) => ({ prepared, answer: answers[index] })))
    .map((order) => {
      const model = world.model.copy();
      const hasResponse = order.every(({ prepared, answer }) =>
        isDeepStrictEqual(prepared.expect(model), answer),
      );
      return hasResponse && isDeepStrictEqual(modelRows(model), rows) ? model : undefined;
    })
    .find((model) => model !== undefined);
  if (explanation === undefined) expect.fail(`no order explains ${JSON.stringify({ answers, rows })}`);
  world.model = explanation;
  world.noteEnds();
}

function permutations<T>(items: T[]): T[][] {
  if (items.length < 2) return [items];
  return items.flatMap((item, index) =>
    permutations(items.toSpliced(index, 1)).map((others) => [item, ...others]),
  );
}
