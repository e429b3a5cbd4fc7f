// The account's limits: one row for each that is in use, deleted once it is whole again.
import { ACCOUNT_LIMITS, type AccountLimit, decideLimit, type LimitDecision } from '../../domain/limits.ts';

export class LimitStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Asks without counting. `part` splits a limit, for instance by browser. */
  peek(limit: AccountLimit, nowMs: number, part = ''): LimitDecision {
    const [row] = this.#sql
      .exec<{ fullAtMs: number }>(
        'SELECT full_at_ms AS fullAtMs FROM limit_use WHERE name = ?',
        toName(limit, part),
      )
      .toArray();
    return decideLimit(row?.fullAtMs, nowMs, ACCOUNT_LIMITS[limit]);
  }

  /** Asks, and counts when it is allowed. */
  take(limit: AccountLimit, nowMs: number, part = ''): LimitDecision {
    const decision = this.peek(limit, nowMs, part);
    if (decision.allowed) {
      this.#sql.exec(
        'INSERT OR REPLACE INTO limit_use (name, full_at_ms) VALUES (?, ?)',
        toName(limit, part),
        decision.fullAtMs,
      );
    }
    return decision;
  }

  /** Makes a limit whole again, all its parts. */
  clear(limit: AccountLimit): void {
    this.#sql.exec(
      'DELETE FROM limit_use WHERE name = ?1 OR substr(name, 1, length(?1) + 1) = ?1 || ?2',
      limit,
      ':',
    );
  }

  /** Rows that say no more than none. */
  deleteWhole(nowMs: number): void {
    this.#sql.exec('DELETE FROM limit_use WHERE full_at_ms <= ?', nowMs);
  }
}

function toName(limit: AccountLimit, part: string): string {
  return part === '' ? limit : `${limit}:${part}`;
}
