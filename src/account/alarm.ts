// What an account does after it has responded, or when its alarm goes off: sends the mail that is due, clears what has expired, and
// sets its one alarm to the next of these. The account object removes itself.
import { mayReport } from './operator-index.ts';
import { deliverDue, mayDeliver } from './outbox.ts';
import type { AccountState } from './state.ts';

/** An alarm is never set sooner than this: whatever is overdue and cannot be done now must not make it go off without rest. */
const SHORTEST_ALARM_MS = 1_000;
/** While a delivery runs, what is due waits for it. Should it die with the object, the alarm resumes it after this long. */
const DELIVERY_ALARM_MS = 60_000;

/** Sends mail in the background, and sets the one alarm of an account object. */
export class AlarmScheduler {
  readonly #ctx: DurableObjectState;
  readonly #state: AccountState;
  readonly #env: Env;
  #delivery: Promise<void> | undefined;
  /** What this object set last; 0 before that. */
  #alarmMs = 0;

  constructor(ctx: DurableObjectState, state: AccountState, env: Env) {
    this.#ctx = ctx;
    this.#state = state;
    this.#env = env;
  }

  /** Sends what is due, one run at a time, without delaying the response. The alarm tries again what failed. */
  deliver(isStored: () => boolean): void {
    this.#delivery ??= deliverDue({ state: this.#state, env: this.#env, isStored }).finally(() => {
      this.#delivery = undefined;
      if (isStored()) this.scheduleAlarm();
    });
    this.#ctx.waitUntil(this.#delivery);
  }

  /** No alarm is set any more: it fires, or everything goes. */
  forgetAlarm(): void {
    this.#alarmMs = 0;
  }

  /**
   * One alarm, at the earliest end of anything. Rotation moves a session's end but not the alarm: it then fires early,
   * finds nothing, and sets itself anew, which costs less than a second write at every refresh.
   */
  scheduleAlarm(): void {
    this.#state.reports.plan(Date.now());
    const endMs = findNextEndMs(this.#state);
    if (endMs === undefined) return;
    const nowMs = Date.now();
    const restMs = this.#delivery !== undefined ? DELIVERY_ALARM_MS : endMs <= nowMs ? SHORTEST_ALARM_MS : 0;
    const atMs = Math.max(endMs, nowMs + restMs);
    // One that is set and comes in time stays, or an account that is called all the time would put it off for ever.
    if (this.#alarmMs > nowMs && this.#alarmMs >= endMs && this.#alarmMs <= atMs) return;
    this.#alarmMs = atMs;
    // Not awaited: the output gate holds the response until it is stored.
    void this.#ctx.storage.setAlarm(atMs);
  }
}

/** How long the alarm waits after a failure of its own. */
export const ALARM_RETRY_MS = 60 * 1000;
/** How long a finished mail is remembered, for the limit per hour. */
const OUTBOX_MEMORY_MS = 60 * 60 * 1000;

/**
 * The earliest end of anything; `undefined` when nothing ends. What the alarm would not do now is left out, by the condition of the code
 * that does it: otherwise it stays due, and the alarm fires again at once.
 */
export function findNextEndMs(state: AccountState): number | undefined {
  const { sessions, throttles, mail, reports, intents } = state;
  const ends = [
    sessions.readNextExpiryMs(),
    throttles.readNextForgottenMs(),
    mail.readNextExpiryMs(),
    intents.read()?.nextTryAtMs,
    mayDeliver(state) ? mail.readNextTryMs() : undefined,
    mayReport(state) ? reports.readNextTryMs() : undefined,
  ].filter((end) => end !== undefined);
  return ends.length > 0 ? Math.min(...ends) : undefined;
}

/** Whether nothing is left in an object without account: what stood in for a name that nobody has, with its failures forgotten. */
export function isOver({ accounts, throttles, intents }: AccountState): boolean {
  const isEmpty = accounts.readAccount() === undefined && intents.read() === undefined;
  return isEmpty && throttles.readNextForgottenMs() === undefined;
}

/** Deletes what has run out: sessions, failures, links, finished mails. */
export function clearExpired({ sessions, throttles, limits, mail }: AccountState, nowMs: number): void {
  sessions.deleteExpiredSessions(nowMs);
  throttles.deleteForgotten(nowMs);
  limits.deleteWhole(nowMs);
  mail.deleteExpiredTokens(nowMs);
  mail.deleteDone(nowMs - OUTBOX_MEMORY_MS);
}
