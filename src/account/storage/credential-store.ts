// What an account can be signed in to with: one row for each credential. SQL, and nothing but SQL.
import type { CredentialKind } from '../../domain/authentication.ts';
import { randomId } from '../../domain/ids.ts';

export interface CredentialRow {
  id: string;
  kind: CredentialKind;
  /** Of the form of `data`, for each kind by itself. */
  version: number;
  /** Of a password, version 1: its hash as a PHC string. */
  data: string;
  /** When it was set. */
  createdAtMs: number;
  /** The last time that it opened a session, registration included; `null` before that. */
  lastUsedAtMs: number | null;
}

const COLUMNS = 'id, kind, version, data, created_at_ms AS createdAtMs, last_used_at_ms AS lastUsedAtMs';
const PASSWORD_VERSION = 1;

export class CredentialStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Every credential, the oldest first. */
  list(): CredentialRow[] {
    return this.#sql
      .exec<{ [K in keyof CredentialRow]: CredentialRow[K] }>(
        `SELECT ${COLUMNS} FROM credential ORDER BY created_at_ms, id`,
      )
      .toArray();
  }

  /** The hash of the password; `undefined` for an account that has none. */
  readPasswordHash(): string | undefined {
    const [row] = this.#sql
      .exec<{ data: string }>("SELECT data FROM credential WHERE kind = 'password'")
      .toArray();
    return row?.data;
  }

  /** Another password, chosen by the owner, in place of the one there may be. */
  replacePassword(hash: string, nowMs: number): void {
    this.#sql.exec("DELETE FROM credential WHERE kind = 'password'");
    this.#sql.exec(
      `INSERT INTO credential (id, kind, version, data, created_at_ms) VALUES (?, 'password', ?, ?, ?)`,
      randomId(),
      PASSWORD_VERSION,
      hash,
      nowMs,
    );
  }

  /** The same password under today's parameters. */
  rehashPassword(hash: string): void {
    this.#sql.exec("UPDATE credential SET data = ? WHERE kind = 'password'", hash);
  }

  /** Notes that the password has just opened a session. */
  notePasswordUse(nowMs: number): void {
    this.#sql.exec("UPDATE credential SET last_used_at_ms = ? WHERE kind = 'password'", nowMs);
  }
}
