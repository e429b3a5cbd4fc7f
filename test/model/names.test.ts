// Every order of what can happen to a name, to a depth: no rule of the flows can be left out (docs/explanation/decisions/0014).
import { describe, expect, it } from 'vitest';
import { explore, RULES, type Rules, STARTS } from './names-model.ts';
import { NAMES_DEPTH } from './runs.ts';

describe('in every order of steps', () => {
  it.each(Object.entries(STARTS))('nobody has a name of another, and none is lost: %s', (_, start) => {
    const { states, faults } = explore(start, RULES, NAMES_DEPTH);
    expect(Object.fromEntries(faults)).toEqual({});
    expect(states).toBeGreaterThan(500);
  });
});

const SWITCHED_OFF: [string, Partial<Rules>, RegExp][] = [
  ['adopts what was cancelled', { mayAdopt: (flow) => flow !== undefined }, /recovery took back/],
  [
    'adopts without an intent',
    { mayAdopt: () => true, recover: () => undefined },
    /held for ever|cannot be reached|uses a name/,
  ],
  ['forgets what a recovery cancels', { recover: () => undefined }, /held for ever/],
  ['frees a name at once', { holdMs: 0 }, /valid token carries/],
  ['does not wait for late writes', { fenceMs: 0 }, /held for ever/],
  [
    'forgets a flow whose earlier write may come',
    { mayForget: () => true },
    /held for ever|uses a name|cannot be reached/,
  ],
  ['begins a change in place of another', { decideStart: () => 'start' }, /held for ever/],
  ['deletes without waiting for late writes', { inheritFence: () => 0 }, /held for ever/],
  [
    'frees a name that was released since its holder was seen',
    { isAbandoned: () => true },
    /valid token carries/,
  ],
  ['asks the directory before it stores its intent', { storesFirst: false }, /held for ever/],
];

describe('a flow that', () => {
  it.each(SWITCHED_OFF)('%s is found out', (_, change, fault) => {
    const { faults } = explore(STARTS.account, { ...RULES, ...change }, NAMES_DEPTH);
    expect([...faults.keys()].join()).toMatch(fault);
  });
});
