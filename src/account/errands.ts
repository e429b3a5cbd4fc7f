// What an account does after it has answered: sends the mail that is due, and sets its one alarm.
import { deliverDue } from './delivery.ts';
import type { AccountState } from './state.ts';
import { findNextEndMs } from './upkeep.ts';

export class Errands {
  readonly #ctx: DurableObjectState;
  readonly #state: AccountState;
  readonly #env: Env;
  #delivery: Promise<void> | undefined;

  constructor(ctx: DurableObjectState, state: AccountState, env: Env) {
    this.#ctx = ctx;
    this.#state = state;
    this.#env = env;
  }

  /** Sends what is due, one run at a time, without holding up the answer. The alarm tries again what failed. */
  deliver(isStored: () => boolean): void {
    this.#delivery ??= deliverDue(this.#state, this.#env).finally(() => {
      this.#delivery = undefined;
      if (isStored()) this.scheduleAlarm();
    });
    this.#ctx.waitUntil(this.#delivery);
  }

  /**
   * One alarm, at the earliest end of anything. Rotation moves a session's end but not the alarm: it then fires early,
   * finds nothing, and sets itself anew, which costs less than a second write at every refresh.
   */
  scheduleAlarm(): void {
    const endMs = findNextEndMs(this.#state);
    // Not awaited: the output gate holds the answer until it is stored.
    if (endMs !== undefined) void this.#ctx.storage.setAlarm(endMs);
  }
}
