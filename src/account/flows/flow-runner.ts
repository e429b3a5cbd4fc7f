// Runs the flows of an account, one at a time: asks the directory, with the intent stored before, and settles what is pending.
// What may happen next is decided in domain/name-flow.ts.
//
// Other calls to the account interleave at every await, a recovery above all. So the intent and the account are read again
// after each, and nothing that was read before one is relied on.
import {
  activateNames,
  type Holder,
  holdsNames,
  releaseNames,
  reserveName,
  undoReservations,
} from '../../directory/directory.ts';
import { withDeadline } from '../../domain/deadline.ts';
import { decideStart, decideStep, FENCE_MS, mayAdopt, mayForget } from '../../domain/name-flow.ts';
import { fail, type Refusal, type Result, succeed } from '../../domain/result.ts';
import { findRetryDelayMs, randomFraction } from '../retry.ts';
import type { AccountState } from '../state.ts';
import type { Intent, NewIntent } from '../storage/intent-store.ts';

/** A call does not wait longer. With two reservations, a hash and the rest, within the deadline of the Worker. */
const DEADLINE_MS = 4_000;

/** The part of the account object that flows need. */
export interface FlowHost {
  state: AccountState;
  storage: DurableObjectStorage;
  directory: () => D1Database;
  /** Whether there is an account with this id. */
  exists: (id: string) => Promise<boolean>;
  isStored: () => boolean;
  scheduleAlarm: () => void;
  /** Erases all that the account holds but the intent. */
  wipe: () => void;
  /** Erases the object. */
  destroy: () => Promise<void>;
  /** Stores all that `decide` writes, or nothing when it throws. */
  storeAll: <T>(decide: () => T) => T;
  /** Makes the report to the operators' index that is due. */
  report: () => Promise<void>;
}

/** The directory did not respond, or a write to it may still take effect. */
class DirectoryFailure extends Error {}

export class FlowRunner {
  readonly host: FlowHost;
  #last: Promise<unknown> = Promise.resolve();

  constructor(host: FlowHost) {
    this.host = host;
  }

  /** Runs a flow after those that run already. Each call to the directory is bounded, so that none waits for ever. */
  run<T, Reason extends string>(
    flow: () => Promise<Result<T, Reason>>,
  ): Promise<Result<T, Reason> | Refusal<'directory_unavailable'>> {
    const running = this.#last.then(flow).catch((error: unknown) => {
      if (error instanceof DirectoryFailure) return fail('directory_unavailable');
      throw error;
    });
    this.#last = running.catch(() => undefined);
    return running;
  }

  /** Begins a change, or goes on with the same one. Another one that is pending is settled first. */
  async start(wanted: NewIntent): Promise<Intent> {
    const { intents } = this.host.state;
    const pending = intents.read();
    const isSame = (other: Intent) =>
      other.kind === wanted.kind &&
      other.username === (wanted.username ?? null) &&
      other.email === (wanted.email ?? null);
    const start = decideStart(pending, isSame);
    if (start === 'resume' && pending !== undefined) return pending;
    if (start === 'settle_first' && (await this.settle()) !== 'settled') throw new DirectoryFailure();
    // A registration that settled without its names has erased the account.
    if (!this.host.isStored()) throw new DirectoryFailure();
    return intents.begin(wanted, Date.now());
  }

  /** Reserves a name. The holder that is in the way is asked once whether it exists: if it does not, the name is free. */
  async reserve(display: string): Promise<'reserved' | 'taken'> {
    const first = await this.#reserve(display, undefined);
    if (first === 'reserved') return 'reserved';
    if (first.isReleased) return 'taken';
    // One that does not respond is taken to exist: nobody gets its name.
    if (await respond(this.host.exists(first.accountId)).catch(() => true)) return 'taken';
    return (await this.#reserve(display, first)) === 'reserved' ? 'reserved' : 'taken';
  }

  /** Whether what a flow has reserved may be used now. Adopt in the same turn. */
  mayAdopt({ id }: Intent): boolean {
    return this.host.isStored() && mayAdopt(this.host.state.intents.read(), id);
  }

  /** Gives up a change that has reserved nothing, or may not use it. */
  async giveUp(hasReserved: boolean): Promise<void> {
    const { intents } = this.host.state;
    intents.cancel();
    const intent = intents.read();
    if (intent !== undefined && !hasReserved && mayForget(intent, Date.now())) intents.forget();
    else await this.settleIfPossible();
  }

  /** Settles what is pending. A failure waits for the alarm: what the account has decided stands. */
  async settleIfPossible(): Promise<void> {
    try {
      await this.settle();
      await this.host.report();
    } catch (error) {
      if (!(error instanceof DirectoryFailure)) throw error;
      this.#noteFailure();
    }
  }

  /** The alarm's part: settles what is due. It fails less and less often, and is in the way of nothing. */
  async settleDue(): Promise<void> {
    const intent = this.host.state.intents.read();
    if (intent === undefined || intent.nextTryAtMs > Date.now()) return;
    await this.run(async () => succeed(await this.settleIfPossible()));
  }

  /** Brings what is pending as far as it goes now. Throws when the directory does not respond. */
  async settle(): Promise<'settled' | 'waiting'> {
    const { state, isStored } = this.host;
    while (isStored()) {
      const intent = state.intents.read();
      if (intent === undefined) break;
      const step = decideStep(intent, Date.now());
      if (step.do === 'wait') return this.#waitUntil(step.untilMs);
      if (step.do === 'cancel') state.intents.cancel();
      else if (step.do === 'look') await this.#look(intent);
      else if (!(await this.#carryOut(step.do, intent))) return this.#waitUntil(intent.fenceMs);
    }
    return 'settled';
  }

  /** Makes a registration stand, now that the directory holds both names for it. */
  adoptRegistration(): void {
    this.host.state.intents.adopt(null);
  }

  /** Erases an account that did not get its names. What it has reserved is to be released. */
  abandonRegistration(): void {
    this.host.storeAll(() => {
      this.host.state.intents.abandon();
      this.host.wipe();
    });
  }

  async #reserve(display: string, absentHolder: Holder | undefined): Promise<'reserved' | Holder> {
    const result = await this.#ask((db, { accountId }) =>
      reserveName(db, { accountId, display, nowMs: Date.now(), absentHolder }),
    );
    return result.outcome === 'reserved' ? 'reserved' : result.holder;
  }

  async #look({ accountId, username, email }: Intent): Promise<void> {
    const displays = [username, email].filter((display) => display !== null);
    const isHeld = await respond(holdsNames(this.host.directory(), accountId, displays));
    if (isHeld) this.adoptRegistration();
    else this.abandonRegistration();
  }

  /** The last step of a flow. Returns whether the flow is over: otherwise a write of its own may still come, and it is repeated then. */
  async #carryOut(step: 'finish' | 'undo' | 'release', intent: Intent): Promise<boolean> {
    const { accountId, username, email, former, untilMs } = intent;
    const taken = [username, email].filter((display) => display !== null);
    await this.#ask((db) => {
      if (step === 'finish') return activateNames(db, { accountId, displays: taken, former, untilMs });
      if (step === 'undo') return undoReservations(db, accountId, taken);
      const displays = former === null ? taken : [...taken, former];
      return releaseNames(db, { accountId, displays, untilMs: untilMs ?? 0 });
    });
    const isOver = mayForget(intent, Date.now());
    const leavesNothing = step === 'release' || (step === 'undo' && intent.kind === 'register');
    if (leavesNothing && isOver) await this.host.destroy();
    else if (step === 'release') this.host.wipe();
    else if (isOver) this.host.state.intents.forget();
    return isOver;
  }

  /** Asks the directory for something that changes it. Until its outcome is known, it may take effect at any time up to the fence. */
  async #ask<T>(call: (db: D1Database, intent: Intent) => Promise<T>): Promise<T> {
    const { state, storage, directory, scheduleAlarm, isStored } = this.host;
    const intent = state.intents.read();
    if (intent === undefined) throw new Error('the directory is asked for a flow that is not stored');
    state.intents.raiseFence(Date.now() + FENCE_MS);
    scheduleAlarm();
    // The output gate holds responses and calls to other objects, and not those to D1.
    await storage.sync();
    const result = await respond(call(directory(), intent));
    if (isStored()) state.intents.lowerFence(intent.fenceMs);
    return result;
  }

  #waitUntil(untilMs: number): 'waiting' {
    this.host.state.intents.postpone(untilMs);
    this.host.scheduleAlarm();
    return 'waiting';
  }

  #noteFailure(): void {
    const { state, isStored, scheduleAlarm } = this.host;
    const intent = isStored() ? state.intents.read() : undefined;
    if (intent === undefined) return;
    const { accountId, kind, attempts } = intent;
    state.intents.countFailure(Date.now() + findRetryDelayMs(attempts, randomFraction()));
    scheduleAlarm();
    // No detail: it could quote a row.
    const line = { event: 'account_names', code: 'unavailable', kind, accountId, attempts: attempts + 1 };
    console.error(JSON.stringify(line));
  }
}

async function respond<T>(call: Promise<T>): Promise<T> {
  try {
    return await withDeadline(call, DEADLINE_MS);
  } catch {
    throw new DirectoryFailure();
  }
}
