// The account's history: the last hundred security events, for its owner and for operators.
import type { Device } from '../domain/session.ts';
import type { EventKind } from '../wire.ts';

/** Security events kept. Older ones go. */
export const MAX_EVENTS = 100;

/** Who did it: a device, and for what was done from outside, the operator's label. */
export interface Actor extends Device {
  operator?: string;
}

export interface EventRow extends Device {
  atMs: number;
  kind: EventKind;
  sid: string | null;
  operator: string | null;
}

export class EventStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  record(kind: EventKind, nowMs: number, actor: Actor, sid?: string): void {
    this.#sql.exec(
      'INSERT INTO event (at_ms, kind, sid, user_agent, ip, country, operator) VALUES (?, ?, ?, ?, ?, ?, ?)',
      nowMs,
      kind,
      sid ?? null,
      actor.userAgent,
      actor.ip,
      actor.country,
      actor.operator ?? null,
    );
    this.#sql.exec('DELETE FROM event WHERE id <= (SELECT MAX(id) FROM event) - ?', MAX_EVENTS);
  }

  /** Newest first. */
  list(): EventRow[] {
    return this.#sql
      .exec<{ [K in keyof EventRow]: EventRow[K] }>(
        `SELECT at_ms AS atMs, kind, sid, user_agent AS userAgent, ip, country, operator
         FROM event ORDER BY id DESC LIMIT ?`,
        MAX_EVENTS,
      )
      .toArray();
  }
}
