// The account's own row and its sessions: SQL, and nothing but SQL (mails, failures and events have stores of their own
// beside it). Synchronous throughout, so that
// a decision and its result can stand in one turn of the event loop.
import type { Rotation, Session } from '../domain/session.ts';

export interface AccountRow {
  id: string;
  username: string;
  email: string;
  passwordHash: string;
  createdAtMs: number;
  emailVerifiedAtMs: number | null;
  disabledAtMs: number | null;
  /** Set by an operator: no password opens a session until a mailed link has set a new one. */
  mustResetPassword: boolean;
  /** Device cookies of an earlier epoch are revoked. */
  browserEpoch: number;
}

/** A new account: everything else has the schema's defaults. */
export type NewAccount = Pick<AccountRow, 'id' | 'username' | 'email' | 'passwordHash' | 'createdAtMs'>;

const ACCOUNT_COLUMNS = `id, username, email, password_hash AS passwordHash, created_at_ms AS createdAtMs,
  email_verified_at_ms AS emailVerifiedAtMs, disabled_at_ms AS disabledAtMs,
  must_reset_password AS mustResetPassword, browser_epoch AS browserEpoch`;

const SESSION_COLUMNS = `sid, counter, rotated_at_ms AS rotatedAtMs, iat, exp, created_at_ms AS createdAtMs,
  expires_at_ms AS expiresAtMs, last_used_at_ms AS lastUsedAtMs, user_agent AS userAgent, ip, country,
  browser_id AS browserId`;

type SessionRow = { [K in keyof Session]: Session[K] };

/** Revoked browsers that are remembered one by one. */
const MAX_REVOKED_BROWSERS = 100;

/**
 * Rows of sessions that were asked for, as they stand in storage: every statement below that writes to them sees to it.
 * Kept by storage, so that two stores on one storage cannot differ.
 */
const sessionsOf = new WeakMap<SqlStorage, Map<string, Session>>();

export class AccountStore {
  readonly #sql: SqlStorage;
  readonly #sessions: Map<string, Session>;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#sessions = sessionsOf.get(sql) ?? new Map();
    sessionsOf.set(sql, this.#sessions);
  }

  readAccount(): AccountRow | undefined {
    type Flags = { mustResetPassword: number };
    const [row] = this.#sql
      .exec<Omit<AccountRow, keyof Flags> & Flags>(`SELECT ${ACCOUNT_COLUMNS} FROM account`)
      .toArray();
    return row && { ...row, mustResetPassword: row.mustResetPassword === 1 };
  }

  insertAccount({ id, username, email, passwordHash, createdAtMs }: NewAccount): void {
    this.#sql.exec(
      `INSERT INTO account (singleton, id, username, email, password_hash, created_at_ms)
       VALUES (1, ?, ?, ?, ?, ?)`,
      id,
      username,
      email,
      passwordHash,
      createdAtMs,
    );
  }

  /** A new password, chosen by the owner: what an operator demanded is done. */
  writePassword(passwordHash: string): void {
    this.#sql.exec('UPDATE account SET password_hash = ?, must_reset_password = 0', passwordHash);
  }

  writeUsername(username: string): void {
    this.#sql.exec('UPDATE account SET username = ?', username);
  }

  writeEmail(email: string, verifiedAtMs: number): void {
    this.#sql.exec('UPDATE account SET email = ?, email_verified_at_ms = ?', email, verifiedAtMs);
  }

  writeEmailVerified(verifiedAtMs: number): void {
    this.#sql.exec('UPDATE account SET email_verified_at_ms = ?', verifiedAtMs);
  }

  writeDisabled(disabledAtMs: number | null): void {
    this.#sql.exec('UPDATE account SET disabled_at_ms = ?', disabledAtMs);
  }

  writeMustResetPassword(): void {
    this.#sql.exec('UPDATE account SET must_reset_password = 1');
  }

  /** The epoch of the device cookies that are good. */
  readBrowserEpoch(): number {
    return this.#sql.exec<{ epoch: number }>('SELECT browser_epoch AS epoch FROM account').one().epoch;
  }

  /** Revokes every device cookie, and returns the epoch that new ones carry. */
  raiseBrowserEpoch(): number {
    this.#sql.exec('DELETE FROM revoked_browser');
    return this.#sql
      .exec<{ epoch: number }>(
        'UPDATE account SET browser_epoch = browser_epoch + 1 RETURNING browser_epoch AS epoch',
      )
      .one().epoch;
  }

  /** Revokes one browser's device cookie. The oldest of many revocations are dropped: such a cookie only selects a throttle. */
  revokeBrowser(browserId: string, nowMs: number): void {
    this.#sql.exec(
      'INSERT OR REPLACE INTO revoked_browser (browser_id, at_ms) VALUES (?, ?)',
      browserId,
      nowMs,
    );
    this.#sql.exec(
      `DELETE FROM revoked_browser WHERE browser_id IN
         (SELECT browser_id FROM revoked_browser ORDER BY at_ms DESC, browser_id LIMIT -1 OFFSET ?)`,
      MAX_REVOKED_BROWSERS,
    );
  }

  isBrowserRevoked(browserId: string): boolean {
    return (
      this.#sql.exec('SELECT 1 FROM revoked_browser WHERE browser_id = ?', browserId).toArray().length > 0
    );
  }

  /** The same password under today's parameters. */
  writePasswordHash(passwordHash: string): void {
    this.#sql.exec('UPDATE account SET password_hash = ?', passwordHash);
  }

  /** Kept in memory: every refresh asks, and the object is the only one that writes. */
  readSession(sid: string): Session | undefined {
    const known = this.#sessions.get(sid);
    if (known !== undefined) return known;
    const [row] = this.#sql
      .exec<SessionRow>(`SELECT ${SESSION_COLUMNS} FROM session WHERE sid = ?`, sid)
      .toArray();
    if (row !== undefined) this.#sessions.set(sid, row);
    return row;
  }

  /** Most recently used first. */
  listSessions(): Session[] {
    return this.#sql
      .exec<SessionRow>(`SELECT ${SESSION_COLUMNS} FROM session ORDER BY last_used_at_ms DESC, sid`)
      .toArray();
  }

  insertSession(session: Session, wasKnownBrowser = false): void {
    this.#sql.exec(
      `INSERT INTO session (sid, counter, rotated_at_ms, iat, exp, created_at_ms, expires_at_ms, last_used_at_ms,
         user_agent, ip, country, browser_id, was_known_browser) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
      session.browserId,
      wasKnownBrowser ? 1 : 0,
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
    const known = this.#sessions.get(sid);
    if (known === undefined) return;
    this.#sessions.set(sid, { ...known, counter, rotatedAtMs, iat, exp, lastUsedAtMs: rotatedAtMs });
  }

  /** Returns whether there was one. */
  deleteSession(sid: string): boolean {
    this.#sessions.delete(sid);
    return this.#sql.exec('DELETE FROM session WHERE sid = ?', sid).rowsWritten > 0;
  }

  /** Ends every session but one, if one is named. */
  deleteSessionsExcept(sid: string | undefined): void {
    this.#sessions.clear();
    this.#sql.exec('DELETE FROM session WHERE sid IS NOT ?', sid ?? null);
  }

  deleteExpiredSessions(nowMs: number): void {
    this.#sessions.clear();
    this.#sql.exec('DELETE FROM session WHERE exp * 1000 <= ?1 OR expires_at_ms <= ?1', nowMs);
  }

  /**
   * Makes room for one more: ends sessions beyond `max - 1`, the longest unused first, and returns their ids. Those of browsers
   * that were known at their sign-in, and those opened before `establishedBeforeMs`, come last, so that somebody who
   * signs in again and again ends their own sessions.
   */
  evictSessions(max: number, establishedBeforeMs: number): string[] {
    this.#sessions.clear();
    return this.#sql
      .exec<{ sid: string }>(
        `DELETE FROM session WHERE sid IN (
           SELECT sid FROM session
           ORDER BY (was_known_browser = 1 OR created_at_ms < ?) DESC, last_used_at_ms DESC, sid LIMIT -1 OFFSET ?)
         RETURNING sid`,
        establishedBeforeMs,
        max - 1,
      )
      .toArray()
      .map(({ sid }) => sid);
  }

  /** For when all of storage goes, or what was written is taken back. */
  forgetSessions(): void {
    this.#sessions.clear();
  }

  /** When the first session will have run out, as things stand. */
  readNextExpiryMs(): number | undefined {
    const { next } = this.#sql
      .exec<{ next: number | null }>('SELECT MIN(exp) * 1000 AS next FROM session')
      .one();
    return next ?? undefined;
  }
}
