// What the account is doing to its names in the directory (domain/name-flow.ts): one row, stored before the directory is asked, and
// kept until both agree. After a deletion it is all that is left, while a write of its own may still come.

import { randomId } from '../../domain/ids.ts';
import { cancel, FENCE_MS, type Flow } from '../../domain/name-flow.ts';
import type { RefreshCache } from './refresh-cache.ts';

export interface Intent extends Flow {
  accountId: string;
  /** Names that the flow takes, or with a deletion has, as they are shown. */
  username: string | null;
  email: string | null;
  /** A name that the flow gives up. */
  former: string | null;
  /** Until when released names stay reserved; set once no more tokens are issued with them. */
  untilMs: number | null;
  /** Failed tries of the alarm in a row. */
  attempts: number;
  nextTryAtMs: number;
}

const COLUMNS = `id, kind, phase, account_id AS accountId, username, email, former, until_ms AS untilMs, fence_ms AS fenceMs,
  attempts, next_try_at_ms AS nextTryAtMs`;

/** What a new flow is begun with. */
export type NewIntent = Pick<Intent, 'kind' | 'phase' | 'accountId'> &
  Partial<Pick<Intent, 'username' | 'email' | 'former' | 'untilMs' | 'fenceMs'>>;

export class IntentStore {
  readonly #sql: SqlStorage;

  readonly #cache: RefreshCache;

  constructor(sql: SqlStorage, cache: RefreshCache) {
    this.#sql = sql;
    this.#cache = cache;
  }

  read(): Intent | undefined {
    return this.#sql.exec<{ [K in keyof Intent]: Intent[K] }>(`SELECT ${COLUMNS} FROM intent`).toArray()[0];
  }

  /** Begins a flow, in place of one that may be pending. Should nobody carry it on, the alarm does after the fence. */
  begin(intent: NewIntent, nowMs: number): Intent {
    const { kind, phase, accountId, username, email, former, untilMs, fenceMs = 0 } = intent;
    this.#sql.exec(
      `INSERT OR REPLACE INTO intent (singleton, id, kind, phase, account_id, username, email, former, until_ms, fence_ms,
         attempts, next_try_at_ms) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)`,
      ...[
        randomId(),
        kind,
        phase,
        accountId,
        username ?? null,
        email ?? null,
        former ?? null,
        untilMs ?? null,
      ],
      fenceMs,
      nowMs + FENCE_MS,
    );
    // Nobody refreshes an account that is being deleted.
    this.#cache.profile = undefined;
    const begun = this.read();
    if (begun === undefined) throw new Error('the intent was not stored');
    return begun;
  }

  /** Takes back a change that was not adopted. Its row stays: what it has reserved is to be released. */
  cancel(): void {
    const intent = this.read();
    if (intent !== undefined) this.#sql.exec('UPDATE intent SET phase = ?', cancel(intent));
  }

  /** The account uses the names from now on. `untilMs`: when nobody can have a token with the former one any more. */
  adopt(untilMs: number | null): void {
    this.#sql.exec("UPDATE intent SET phase = 'adopted', until_ms = ?", untilMs);
  }

  /** A registration that got one name and not the other. */
  abandon(): void {
    this.#sql.exec("UPDATE intent SET phase = 'releasing'");
  }

  /** A write is about to be sent: until its outcome is known, it can take effect until `fenceMs`. */
  raiseFence(fenceMs: number): void {
    this.#sql.exec('UPDATE intent SET fence_ms = ?1, next_try_at_ms = MAX(next_try_at_ms, ?1)', fenceMs);
  }

  /** The outcome of that write is known: what counts is what was sent before it. */
  lowerFence(fenceMs: number): void {
    this.#sql.exec('UPDATE intent SET fence_ms = ?, attempts = 0', fenceMs);
  }

  /** When the alarm goes on with it. */
  postpone(nextTryAtMs: number): void {
    this.#sql.exec('UPDATE intent SET next_try_at_ms = ?', nextTryAtMs);
  }

  countFailure(nextTryAtMs: number): void {
    this.#sql.exec('UPDATE intent SET attempts = attempts + 1, next_try_at_ms = ?', nextTryAtMs);
  }

  forget(): void {
    this.#sql.exec('DELETE FROM intent');
  }

  /** Whether the account has yet to get its names. Nobody is mailed or shown to operators before. */
  isRegistering(): boolean {
    const intent = this.read();
    return intent?.kind === 'register' && intent.phase !== 'adopted';
  }

  /** Whether the account is being deleted: nobody may use it, and nothing can bring it back. */
  isDeleting(): boolean {
    return this.read()?.kind === 'delete';
  }
}
