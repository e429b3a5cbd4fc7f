// What can happen to an account, as data that fast-check draws, shrinks and prints.
import fc from 'fast-check';
import type { SessionPolicy } from '../../src/domain/session.ts';

/** A call that somebody makes. Sessions are named from the latest sign-in back; `offset` counts from the current token. */
export type Call =
  | { do: 'refresh'; session: number; offset: number }
  | { do: 'sign out'; session: number; offset: number }
  | { do: 'end one'; by: number; session: number }
  | { do: 'end all'; by: number; keep: boolean }
  | { do: 'describe'; by: number };

/** `replaces`: it comes with the cookie of the sign-in before it. */
export type SignIn = { do: 'sign in'; replaces: boolean };

export type Passing =
  | { do: 'alarm' }
  | { do: 'restart' }
  | { do: 'wait'; ms: number }
  | { do: 'wait for'; session: number; edge: Edge; ms: number };

export type Edge = 'grace' | 'idle' | 'absolute';
export type Step = Call | SignIn | Passing;

const session = fc.nat(3);
/** Mostly what clients send. The rest is use of a stolen token, and forgery by somebody who has the secret. */
const offset = weighted([16, 0], [8, -1], [2, -2], [1, -3], [1, 1], [1, 2]);

export const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 30, arbitrary: fc.record({ do: fc.constant('refresh'), session, offset }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('sign out'), session, offset }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('end one'), by: session, session }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end all'), by: session, keep: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('describe'), by: session }) },
);

/** Time, up to a millisecond on either side of every boundary that there is; and what it brings. */
const passing: fc.Arbitrary<Passing> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('wait'), ms: fc.constantFrom(1, 999, 1000, 5000) }) },
  { weight: 6, arbitrary: waitFor('grace', weighted([2, 0], [3, -1], [1, 1])) },
  { weight: 3, arbitrary: waitFor('idle', weighted([1, 0], [8, -1], [1, 1])) },
  { weight: 2, arbitrary: waitFor('absolute', weighted([1, 0], [4, -1], [1, 1])) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('alarm', 'restart') }) },
);

const signIn: fc.Arbitrary<SignIn> = fc.record({
  do: fc.constant('sign in'),
  replaces: weighted([4, false], [1, true]),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: signIn },
  { weight: 12, arbitrary: call },
  { weight: 5, arbitrary: passing },
);

/** Up to so many things that happen, most of them to sessions that live. */
export function stepsUpTo(maxLength: number): fc.Arbitrary<Step[]> {
  return fc.array(step, { maxLength, size: 'max' });
}

/** Settings under which any edge can come before any other: grace beyond idle, idle beyond absolute. */
export const policy: fc.Arbitrary<SessionPolicy> = fc.record({
  graceSeconds: fc.constantFrom(30, 0, 1, 120),
  refreshTtlSeconds: fc.constantFrom(86_400, 60, 3),
  sessionTtlSeconds: fc.constantFrom(2_592_000, 90_000, 100, 5),
});

function waitFor(edge: Edge, ms: fc.Arbitrary<number>): fc.Arbitrary<Passing> {
  return fc.record({ do: fc.constant('wait for'), session, edge: fc.constant(edge), ms });
}

export function weighted<T>(...choices: [weight: number, value: T][]): fc.Arbitrary<T> {
  return fc.oneof(...choices.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })));
}
