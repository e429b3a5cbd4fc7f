// The account's own row, and the browsers that it has revoked: SQL, and nothing but SQL. Synchronous throughout, as all stores are, so
// that a decision and its result can stand in one turn of the event loop.
import type { RefreshCache } from './refresh-cache.ts';

export interface AccountRow {
  id: string;
  username: string;
  email: string;
  createdAtMs: number;
  emailVerifiedAtMs: number | null;
  disabledAtMs: number | null;
  /** Set by an operator: no password opens a session until a mailed link has set a new one. */
  mustResetPassword: boolean;
  /** Device cookies of an earlier epoch are revoked. */
  browserEpoch: number;
}

/** A new account: everything else has the schema's defaults. */
export type NewAccount = Pick<AccountRow, 'id' | 'username' | 'email' | 'createdAtMs'>;

const ACCOUNT_COLUMNS = `id, username, email, created_at_ms AS createdAtMs,
  email_verified_at_ms AS emailVerifiedAtMs, disabled_at_ms AS disabledAtMs,
  must_reset_password AS mustResetPassword, browser_epoch AS browserEpoch`;

/** Revoked browsers that are remembered one by one. */
const MAX_REVOKED_BROWSERS = 100;

export class AccountStore {
  readonly #sql: SqlStorage;
  readonly #cache: RefreshCache;

  constructor(sql: SqlStorage, cache: RefreshCache) {
    this.#sql = sql;
    this.#cache = cache;
  }

  readAccount(): AccountRow | undefined {
    type Flags = { mustResetPassword: number };
    const [row] = this.#sql
      .exec<Omit<AccountRow, keyof Flags> & Flags>(`SELECT ${ACCOUNT_COLUMNS} FROM account`)
      .toArray();
    return row && { ...row, mustResetPassword: row.mustResetPassword === 1 };
  }

  insertAccount({ id, username, email, createdAtMs }: NewAccount): void {
    this.#sql.exec(
      `INSERT INTO account (singleton, id, username, email, created_at_ms)
       VALUES (1, ?, ?, ?, ?)`,
      id,
      username,
      email,
      createdAtMs,
    );
  }

  /** No password opens a session until a mailed link has set a new one. */
  writeMustResetPassword(isDemanded: boolean): void {
    this.#sql.exec('UPDATE account SET must_reset_password = ?', isDemanded ? 1 : 0);
  }

  writeUsername(username: string): void {
    this.#cache.profile = undefined;
    this.#sql.exec('UPDATE account SET username = ?', username);
  }

  writeEmail(email: string, verifiedAtMs: number): void {
    this.#cache.profile = undefined;
    this.#sql.exec('UPDATE account SET email = ?, email_verified_at_ms = ?', email, verifiedAtMs);
  }

  writeEmailVerified(verifiedAtMs: number): void {
    this.#sql.exec('UPDATE account SET email_verified_at_ms = ?', verifiedAtMs);
  }

  writeDisabled(disabledAtMs: number | null): void {
    this.#sql.exec('UPDATE account SET disabled_at_ms = ?', disabledAtMs);
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
}
