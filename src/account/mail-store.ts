// What the account has to do with mail: hashes of the tokens in mailed links, and the outbox.
// A token itself is never stored: the outbox names what to send, and the token is made when it is sent.
import { createHash } from 'node:crypto';
import type { MailKind } from '../mail/mail.ts';

/** What a mailed link may be used for. */
export type TokenPurpose = 'verify_email' | 'reset_password' | 'change_email';

const LIFETIME_SECONDS: Record<TokenPurpose, number> = {
  verify_email: 24 * 60 * 60,
  reset_password: 60 * 60,
  change_email: 24 * 60 * 60,
};

export interface Outgoing {
  id: number;
  kind: MailKind;
  address: string;
  attempts: number;
  createdAtMs: number;
}

export class MailStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Makes a token for a link: 256 random bits, of which only the SHA-256 stays. */
  issueToken(purpose: TokenPurpose, email: string, nowMs: number): string {
    const token = crypto
      .getRandomValues(new Uint8Array(32))
      .toBase64({ alphabet: 'base64url', omitPadding: true });
    this.#sql.exec(
      'INSERT INTO mail_token (hash, purpose, email, created_at_ms, expires_at_ms) VALUES (?, ?, ?, ?, ?)',
      hashToken(token),
      purpose,
      email,
      nowMs,
      nowMs + LIFETIME_SECONDS[purpose] * 1000,
    );
    return token;
  }

  /** What a token is good for, if it is live. It stays so until `consumeTokens`. */
  readToken(token: string, nowMs: number): { purpose: TokenPurpose; email: string } | undefined {
    return this.#sql
      .exec<{ purpose: TokenPurpose; email: string }>(
        'SELECT purpose, email FROM mail_token WHERE hash = ? AND expires_at_ms > ?',
        hashToken(token),
        nowMs,
      )
      .toArray()[0];
  }

  /** Ends every token of a purpose: each is for one use, and what it was for is done. */
  consumeTokens(...purposes: TokenPurpose[]): void {
    for (const purpose of purposes) this.#sql.exec('DELETE FROM mail_token WHERE purpose = ?', purpose);
  }

  deleteExpiredTokens(nowMs: number): void {
    this.#sql.exec('DELETE FROM mail_token WHERE expires_at_ms <= ?', nowMs);
  }

  readNextExpiryMs(): number | undefined {
    return this.#min('SELECT MIN(expires_at_ms) AS next FROM mail_token');
  }

  /** Queues a mail, by default for now. */
  enqueue(kind: MailKind, address: string, nowMs: number, firstTryAtMs = nowMs): void {
    this.#sql.exec(
      'INSERT INTO outbox (kind, address, attempts, created_at_ms, next_try_at_ms) VALUES (?, ?, 0, ?, ?)',
      kind,
      address,
      nowMs,
      firstTryAtMs,
    );
  }

  /** Makes everything that waits due at once. */
  hurry(nowMs: number): void {
    this.#sql.exec('UPDATE outbox SET next_try_at_ms = ? WHERE done_at_ms IS NULL', nowMs);
  }

  listDue(nowMs: number): Outgoing[] {
    return this.#sql
      .exec<{ [K in keyof Outgoing]: Outgoing[K] }>(
        `SELECT id, kind, address, attempts, created_at_ms AS createdAtMs FROM outbox
         WHERE done_at_ms IS NULL AND next_try_at_ms <= ? ORDER BY id`,
        nowMs,
      )
      .toArray();
  }

  /** Counts a try before it is made: a crash while sending then waits its turn instead of sending at once again. */
  postpone(id: number, nextTryAtMs: number): void {
    this.#sql.exec(
      'UPDATE outbox SET attempts = attempts + 1, next_try_at_ms = ? WHERE id = ?',
      nextTryAtMs,
      id,
    );
  }

  /** Sent, or given up. The row stays a while, for the count of `listRecent`. */
  finish(id: number, nowMs: number): void {
    this.#sql.exec('UPDATE outbox SET done_at_ms = ? WHERE id = ?', nowMs, id);
  }

  /** Takes back what was not sent yet of one kind, and the links that were. */
  withdraw(kind: MailKind, purpose: TokenPurpose, nowMs: number): void {
    this.#sql.exec('UPDATE outbox SET done_at_ms = ? WHERE kind = ? AND done_at_ms IS NULL', nowMs, kind);
    this.consumeTokens(purpose);
  }

  /** When mails of one kind were asked for since `sinceMs`, oldest first. */
  listRecent(kind: MailKind, sinceMs: number): number[] {
    return this.#sql
      .exec<{ createdAtMs: number }>(
        'SELECT created_at_ms AS createdAtMs FROM outbox WHERE kind = ? AND created_at_ms > ? ORDER BY created_at_ms',
        kind,
        sinceMs,
      )
      .toArray()
      .map(({ createdAtMs }) => createdAtMs);
  }

  deleteDone(untilMs: number): void {
    this.#sql.exec('DELETE FROM outbox WHERE done_at_ms IS NOT NULL AND created_at_ms <= ?', untilMs);
  }

  /** When something is to be sent, or may be cleared. */
  readNextTryMs(): number | undefined {
    return this.#min('SELECT MIN(next_try_at_ms) AS next FROM outbox WHERE done_at_ms IS NULL');
  }

  #min(query: string): number | undefined {
    return this.#sql.exec<{ next: number | null }>(query).one().next ?? undefined;
  }
}

/** A token has 256 bits of its own, so a plain hash is enough: there is nothing to guess. */
function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}
