// The account's history, for its owner and for operators: the last security events of each kind (`domain/history.ts`).

import type { EventKind } from '../../api/wire.ts';
import { countKept, REPEAT_WINDOW_MS } from '../../domain/history.ts';
import type { Actor, EventRow } from '../contract.ts';

export class EventStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Adds an event, or counts up the row of the same one. Removes the oldest rows of its kind, never of another. */
  record(kind: EventKind, nowMs: number, { userAgent, ip, country, operator }: Actor, sid?: string): void {
    const cause = [kind, sid ?? null, userAgent, ip, country, operator ?? null];
    // The row gets the next id: ids are the order of the last times, whatever the clock does.
    const repeated = this.#sql.exec(
      `UPDATE event SET id = (SELECT MAX(id) FROM event) + 1, count = count + 1, last_at_ms = ?7
       WHERE id = (SELECT MAX(id) FROM event WHERE kind = ?1 AND sid IS ?2 AND user_agent IS ?3 AND ip IS ?4
         AND country IS ?5 AND operator IS ?6 AND last_at_ms > ?8)`,
      ...cause,
      nowMs,
      nowMs - REPEAT_WINDOW_MS,
    );
    if (repeated.rowsWritten > 0) return;
    this.#sql.exec(
      `INSERT INTO event (kind, sid, user_agent, ip, country, operator, at_ms, last_at_ms, count)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, 1)`,
      ...cause,
      nowMs,
    );
    this.#sql.exec(
      `DELETE FROM event WHERE id IN
         (SELECT id FROM event WHERE kind = ? ORDER BY id DESC LIMIT -1 OFFSET ?)`,
      kind,
      countKept(kind),
    );
  }

  /** Every row, at most `MAX_EVENTS`; the one that happened last comes first. */
  list(): EventRow[] {
    return this.#sql
      .exec<{ [K in keyof EventRow]: EventRow[K] }>(
        `SELECT at_ms AS atMs, last_at_ms AS lastAtMs, count, kind, sid, user_agent AS userAgent, ip, country, operator
         FROM event ORDER BY id DESC`,
      )
      .toArray();
  }
}
