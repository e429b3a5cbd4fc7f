// The queue on a fake clock. Inside real objects: test/account/hash-queue.test.ts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createHashQueue,
  DEAD_MS,
  LEASE_MS,
  type Line,
  LONGEST_WAIT_MS,
  LOOK_MS,
  MOST_RESTS,
  MOST_WAITING,
  REST_MS,
} from '../../src/passwords/hash-queue.ts';
import { passTurn } from '../support/eventually.ts';
import { QueueWorld } from '../support/queue-world.ts';

const LONGEST_HASH_MS = 400;

describe('the hash queue', () => {
  it('serves in the order of arrival, one at a time, with a rest before each hash', async () => {
    const world = new QueueWorld();
    for (let n = 0; n < 10; n += 1) world.call('other', 170);
    await world.passUntil();
    expect(world.hashed).toEqual(world.calls);
    const gaps = world.hashed.map(
      ({ hashedMs }, n) => (hashedMs?.from ?? 0) - (world.hashed[n - 1]?.hashedMs?.to ?? 1_000_000),
    );
    expect(gaps).toEqual(Array(10).fill(REST_MS));
  });

  it('refuses who has waited for 3 s, and who finds 64 waiting', async () => {
    const world = new QueueWorld();
    const calls = Array.from({ length: 1 + MOST_WAITING + 1 }, () => world.call('other', 170));
    await world.passUntil(world.nowMs + 1);
    expect(calls.at(-1)).toMatchObject({ outcome: 'too_busy', settledMs: 1_000_000 });
    await world.passUntil();
    const served = Math.ceil(LONGEST_WAIT_MS / (170 + REST_MS));
    expect(world.hashed.length).toBeGreaterThanOrEqual(served);
    expect(world.hashed.length).toBeLessThanOrEqual(served + 1);
    for (const { outcome, settledMs = 0 } of calls.slice(served + 1, -1)) {
      expect(outcome).toBe('too_busy');
      expect(settledMs - 1_000_000).toBeLessThan(LONGEST_WAIT_MS + LOOK_MS + LONGEST_HASH_MS);
    }
  });

  it('serves established browsers first, and others at every fourth turn', async () => {
    const world = new QueueWorld();
    const others = Array.from({ length: 3 }, () => world.call('other', 50));
    const known = Array.from({ length: 7 }, () => world.call('established', 50));
    await world.passUntil();
    const order = world.hashed.map((call) => (call.line === 'established' ? known.indexOf(call) : 'other'));
    expect(order).toEqual(['other', 0, 1, 2, 'other', 3, 4, 5, 'other', 6]);
    expect(others.every(({ outcome }) => outcome === 'done')).toBe(true);
  });

  it('lets an established browser wait with the others when its own line is full', async () => {
    const world = new QueueWorld();
    for (let n = 0; n <= MOST_WAITING; n += 1) world.call('established', 50);
    const late = world.call('established', 50);
    await world.passUntil();
    expect(late.outcome).toBe('done');
    expect(world.hashed.indexOf(late)).toBe(3);
  });

  it('lets established browsers wait when 64 others do, and finishes what has begun before all', async () => {
    const world = new QueueWorld();
    for (let n = 0; n <= MOST_WAITING; n += 1) world.call('other', 170);
    const known = world.call('established', 170);
    const begun = world.call('begun', 170);
    await world.passUntil();
    expect(world.hashed.slice(0, 3)).toEqual([world.calls[0], begun, known]);
  });

  it('goes on when objects are reset: the holder, and four that wait', async () => {
    const world = new QueueWorld();
    const gone = Array.from({ length: 5 }, () => world.call('other', 170));
    const living = Array.from({ length: 3 }, () => world.call('other', 170));
    for (const call of gone) world.reset(call);
    await world.passUntil();
    expect(world.hashed).toEqual(living);
    expect(living.map(({ outcome }) => outcome)).toEqual(['done', 'done', 'done']);
    const [first] = living;
    expect((first?.hashedMs?.from ?? 0) - 1_000_000).toBeLessThan(Math.max(LEASE_MS, DEAD_MS) + 2 * LOOK_MS);
  });

  it('goes on when the clock is set back after the holder was reset', async () => {
    const world = new QueueWorld();
    world.reset(world.call('other', 170));
    world.nowMs -= 3_600_000;
    const call = world.call('other', 170);
    await world.passUntil();
    expect(call.outcome).toBe('done');
    expect(call.settledMs).toBeLessThan(1_000_000 - 3_600_000 + 1_000);
  });

  it('keeps the places of those who could not look during a hash that takes longer than that', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(30), { minLength: 6, maxLength: 6 }), async (pausesMs) => {
        const world = new QueueWorld();
        for (const [n, pauseMs] of pausesMs.entries()) {
          world.call('other', n === 1 ? 2 * DEAD_MS : 50);
          await world.passUntil(world.nowMs + pauseMs);
        }
        await world.passUntil();
        expect(world.hashed).toEqual(world.calls);
      }),
    );
  });

  it('rests again while timers are late, which other requests then are too; eight times at most', async () => {
    const world = new QueueWorld();
    const calls = [world.call('other', 10), world.call('other', 10)];
    for (let n = 0; n < MOST_RESTS; n += 1) {
      expect(calls[0]?.hashedMs).toBeUndefined();
      world.block(20);
      await world.passUntil(world.nowMs);
    }
    expect(calls[0]?.hashedMs).toBeDefined();
    await world.passUntil();
    expect(calls[1]?.outcome).toBe('done');
  });

  it('passes on the turn of one whose work throws', async () => {
    const queue = createHashQueue({
      // No lease ends.
      now: () => 0,
      setTimer: (run) => void passTurn().then(run),
    });
    const failing = queue.takeTurn('other', () => {
      throw new Error('no PHC string');
    });
    const next = queue.takeTurn('other', () => 'hashed');
    await expect(failing).rejects.toThrow('no PHC string');
    expect(await next).toEqual({ ok: true, value: 'hashed' });
  });
});

type Step =
  | { do: 'call'; line: Line; hashMs: number }
  | { do: 'reset'; which: number }
  | { do: 'block'; ms: number };

const hashMs = fc.integer({ min: 1, max: LONGEST_HASH_MS });
const call: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('call'),
  line: fc.constantFrom<Line>('begun', 'established', 'other', 'other'),
  hashMs,
});
const reset: fc.Arbitrary<Step> = fc.record({ do: fc.constant('reset'), which: fc.nat(40) });
const block: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('block'),
  ms: fc.integer({ min: 1, max: 2_500 }),
});
const pausesMs = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 600 }));

async function run(
  steps: readonly (readonly [Step, number])[],
): Promise<{ world: QueueWorld; blockedMs: number }> {
  const world = new QueueWorld();
  let blockedMs = 0;
  for (const [step, pauseMs] of steps) {
    if (step.do === 'call') world.call(step.line, step.hashMs);
    else if (step.do === 'block') {
      world.block(step.ms);
      blockedMs += step.ms;
    } else {
      const target = world.calls[step.which];
      if (target !== undefined) world.reset(target);
    }
    await world.passUntil(world.nowMs + pauseMs);
  }
  await world.passUntil();
  return { world, blockedMs };
}

function stepsOf(...kinds: fc.Arbitrary<Step>[]) {
  return fc.array(fc.tuple(fc.oneof({ weight: 4, arbitrary: call }, ...kinds), pausesMs), { maxLength: 40 });
}

describe('whatever calls come and whichever objects are reset', () => {
  it('one hash runs at a time, every living call is settled in time, and no timer is left', async () => {
    await fc.assert(
      fc.asyncProperty(stepsOf(reset, block), async (steps) => {
        const { world, blockedMs } = await run(steps);
        let freeMs = 0;
        for (const { hashedMs } of world.hashed) {
          expect(hashedMs?.from).toBeGreaterThanOrEqual(freeMs);
          freeMs = (hashedMs?.to ?? 0) + REST_MS;
        }
        for (const { isReset, outcome, joinedMs, settledMs = Number.POSITIVE_INFINITY } of world.calls) {
          if (isReset) continue;
          expect(outcome).toMatch(/^(done|too_busy)$/);
          const boundMs = LONGEST_WAIT_MS + LOOK_MS + 2 * (LONGEST_HASH_MS + REST_MS) + blockedMs;
          expect(settledMs - joinedMs).toBeLessThanOrEqual(boundMs);
        }
        expect(world.timers).toEqual([]);
      }),
    );
  });

  it('calls of one line are served in the order of their arrival', async () => {
    await fc.assert(
      fc.asyncProperty(stepsOf(reset), async (steps) => {
        const { world } = await run(steps);
        for (const line of ['begun', 'established', 'other']) {
          const served = world.hashed
            .filter((one) => one.line === line)
            .map((one) => world.calls.indexOf(one));
          expect(served).toEqual(served.toSorted((a, b) => a - b));
        }
      }),
    );
  });

  it('none is refused while the hashes before it take less than the bound', async () => {
    await fc.assert(
      fc.asyncProperty(stepsOf(), async (steps) => {
        const { world } = await run(steps.slice(0, 7));
        expect(world.calls.every(({ outcome }) => outcome === 'done')).toBe(true);
      }),
    );
  });
});
