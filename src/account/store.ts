// The account's rows: every SQL statement of the account object, and nothing but SQL. Synchronous throughout, so that
// a decision and its result can stand in one turn of the event loop.
import type { Throttle } from '../domain/attempt.ts';
import type { Device, Rotation, Session } from '../domain/session.ts';

/** Security events kept for the owner. Older ones go. */
export const MAX_EVENTS = 100;

export interface AccountRow {
  id: string;
  username: string;
  email: string;
  passwordHash: string;
  createdAtMs: number;
  /** Whether the directory is known to hold this account's names. */
  isClaimed: boolean;
}

export type EventKind =
  | 'registered'
  | 'signed_in'
  | 'sign_in_failed'
  | 'signed_out'
  | 'session_ended'
  | 'token_reused';

const SESSION_COLUMNS = `sid, counter, rotated_at_ms AS rotatedAtMs, iat, exp, created_at_ms AS createdAtMs,
  expires_at_ms AS expiresAtMs, last_used_at_ms AS lastUsedAtMs, user_agent AS userAgent, ip, country`;

type SessionRow = { [K in keyof Session]: Session[K] };

export class AccountStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  readAccount(): AccountRow | undefined {
    const [row] = this.#sql
      .exec<Omit<AccountRow, 'isClaimed'> & { isClaimed: number }>(
        `SELECT id, username, email, password_hash AS passwordHash, created_at_ms AS createdAtMs,
           is_claimed AS isClaimed FROM account`,
      )
      .toArray();
    return row && { ...row, isClaimed: row.isClaimed === 1 };
  }

  insertAccount(row: AccountRow): void {
    this.#sql.exec(
      `INSERT INTO account (singleton, id, username, email, password_hash, created_at_ms, is_claimed)
       VALUES (1, ?, ?, ?, ?, ?, ?)`,
      row.id,
      row.username,
      row.email,
      row.passwordHash,
      row.createdAtMs,
      row.isClaimed ? 1 : 0,
    );
  }

  writePasswordHash(passwordHash: string): void {
    this.#sql.exec('UPDATE account SET password_hash = ?', passwordHash);
  }

  writeClaimed(): void {
    this.#sql.exec('UPDATE account SET is_claimed = 1');
  }

  readSession(sid: string): Session | undefined {
    return this.#sql
      .exec<SessionRow>(`SELECT ${SESSION_COLUMNS} FROM session WHERE sid = ?`, sid)
      .toArray()[0];
  }

  /** Most recently used first. */
  listSessions(): Session[] {
    return this.#sql
      .exec<SessionRow>(`SELECT ${SESSION_COLUMNS} FROM session ORDER BY last_used_at_ms DESC, sid`)
      .toArray();
  }

  insertSession(session: Session): void {
    this.#sql.exec(
      `INSERT INTO session (sid, counter, rotated_at_ms, iat, exp, created_at_ms, expires_at_ms, last_used_at_ms,
         user_agent, ip, country) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      session.sid,
      session.counter,
      session.rotatedAtMs,
      session.iat,
      session.exp,
      session.createdAtMs,
      session.expiresAtMs,
      session.lastUsedAtMs,
      session.userAgent,
      session.ip,
      session.country,
    );
  }

  writeRotation(sid: string, { counter, rotatedAtMs, iat, exp }: Rotation): void {
    this.#sql.exec(
      'UPDATE session SET counter = ?, rotated_at_ms = ?, iat = ?, exp = ?, last_used_at_ms = ? WHERE sid = ?',
      counter,
      rotatedAtMs,
      iat,
      exp,
      rotatedAtMs,
      sid,
    );
  }

  /** Returns whether there was one. */
  deleteSession(sid: string): boolean {
    return this.#sql.exec('DELETE FROM session WHERE sid = ?', sid).rowsWritten > 0;
  }

  /** Ends every session but one, if one is named. */
  deleteSessionsExcept(sid: string | undefined): void {
    this.#sql.exec('DELETE FROM session WHERE sid IS NOT ?', sid ?? null);
  }

  deleteExpiredSessions(nowMs: number): void {
    this.#sql.exec('DELETE FROM session WHERE exp * 1000 <= ?1 OR expires_at_ms <= ?1', nowMs);
  }

  /** Makes room for one more: ends the sessions longest unused, beyond `max - 1`. */
  deleteLongestUnused(max: number): void {
    this.#sql.exec(
      'DELETE FROM session WHERE sid IN (SELECT sid FROM session ORDER BY last_used_at_ms DESC, sid LIMIT -1 OFFSET ?)',
      max - 1,
    );
  }

  /** When the first session will have run out, as things stand. */
  readNextExpiryMs(): number | undefined {
    const { next } = this.#sql
      .exec<{ next: number | null }>('SELECT MIN(exp) * 1000 AS next FROM session')
      .one();
    return next ?? undefined;
  }

  readThrottle(): Throttle | undefined {
    return this.#sql
      .exec<{ failures: number; lastFailureAtMs: number }>(
        'SELECT failures, last_failure_at_ms AS lastFailureAtMs FROM throttle',
      )
      .toArray()[0];
  }

  writeThrottle({ failures, lastFailureAtMs }: Throttle): void {
    this.#sql.exec(
      'INSERT OR REPLACE INTO throttle (singleton, failures, last_failure_at_ms) VALUES (1, ?, ?)',
      failures,
      lastFailureAtMs,
    );
  }

  clearThrottle(): void {
    this.#sql.exec('DELETE FROM throttle');
  }

  recordEvent(kind: EventKind, nowMs: number, sid: string | undefined, device: Device | undefined): void {
    this.#sql.exec(
      'INSERT INTO event (at_ms, kind, sid, user_agent, ip, country) VALUES (?, ?, ?, ?, ?, ?)',
      nowMs,
      kind,
      sid ?? null,
      device?.userAgent ?? null,
      device?.ip ?? null,
      device?.country ?? null,
    );
    this.#sql.exec('DELETE FROM event WHERE id <= (SELECT MAX(id) FROM event) - ?', MAX_EVENTS);
  }
}
