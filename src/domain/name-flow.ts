// The flows that change who holds a name: what is pending, and what may be done next. Pure: the account object
// (account/flows/) and the model of the two stores (test/model/names.test.ts) use the same functions.
// The rules and their counter-examples: docs/explanation/decisions/0014-names-and-flows.md.

export type FlowKind = 'register' | 'rename' | 'change_email' | 'delete';

/**
 * `reserving`: new names are reserved in the directory, and the account does not use them yet. `adopted`: the account uses
 * them; the directory is to follow. `releasing`: what was reserved is given up, or with a deletion everything.
 */
export type FlowPhase = 'reserving' | 'adopted' | 'releasing';

/** What is stored of a flow before the directory is asked. An account has one at most. */
export interface Flow {
  id: string;
  kind: FlowKind;
  phase: FlowPhase;
  /** Until then a write whose outcome is not known can still take effect. */
  fenceMs: number;
}

/** How long a write to the directory may take effect after it was sent, when its outcome is not known. */
export const FENCE_MS = 60_000;
/** Clocks of verifiers may be behind by as much. */
const CLOCK_LEEWAY_MS = 60_000;

/** How long a name stays with its former holder: no access token that carries it is valid any more after that. */
export function toNameHoldMs(accessTtlSeconds: number): number {
  return accessTtlSeconds * 1000 + CLOCK_LEEWAY_MS;
}

/**
 * How long at least a user name stays with its account after a rename. An access token alone can rename, and may be stolen:
 * its owner is told by mail, and has this long to take the name back before anybody else can have it.
 */
const RENAME_HOLD_MS = 7 * 24 * 60 * 60 * 1000;

/** The same after a rename. */
export function toRenameHoldMs(accessTtlSeconds: number): number {
  return Math.max(toNameHoldMs(accessTtlSeconds), RENAME_HOLD_MS);
}

export type Step =
  /** Nothing before then: a write can still take effect. */
  | { do: 'wait'; untilMs: number }
  /** Ask whether the directory holds both names of a registration: then it stands, and otherwise it is given up. */
  | { do: 'look' }
  /** Nobody carries a change on: it is given up. */
  | { do: 'cancel' }
  /** Give up in the directory what was reserved. */
  | { do: 'undo' }
  /** Make the directory agree with what the account adopted. */
  | { do: 'finish' }
  /** Release every name, and erase the account. */
  | { do: 'release' };

/** Decides how a pending flow goes on when no request carries it on. */
export function decideStep({ kind, phase, fenceMs }: Flow, nowMs: number): Step {
  if (kind === 'delete') return { do: 'release' };
  if (phase === 'adopted') return { do: 'finish' };
  if (fenceMs > nowMs) return { do: 'wait', untilMs: fenceMs };
  if (phase === 'releasing') return { do: 'undo' };
  return { do: kind === 'register' ? 'look' : 'cancel' };
}

/** Whether a flow may be forgotten whose last step succeeded: a write that was sent before it must not come after it. */
export function mayForget({ fenceMs }: Flow, nowMs: number): boolean {
  return fenceMs <= nowMs;
}

/** Decides how a new change begins: another one that is pending is settled first, and the same one goes on. */
export function decideStart<T extends Flow>(
  pending: T | undefined,
  isSame: (pending: T) => boolean,
): 'start' | 'resume' | 'settle_first' {
  if (pending === undefined) return 'start';
  return pending.phase === 'reserving' && isSame(pending) ? 'resume' : 'settle_first';
}

/** Whether the account may use what a flow has reserved: only while that same flow is pending, and not cancelled. */
export function mayAdopt(pending: Flow | undefined, id: string): boolean {
  return pending?.id === id && pending.phase === 'reserving';
}

/**
 * The phase of a flow after a recovery, or after its owner withdrew it. Never the end of the flow: what it has reserved has to be
 * released. Registrations and deletions cannot be cancelled, nor what was adopted.
 */
export function cancel({ kind, phase }: Flow): FlowPhase {
  const isChange = kind === 'rename' || kind === 'change_email';
  return isChange && phase === 'reserving' ? 'releasing' : phase;
}
