// What the account has to do with mail: hashes of the tokens in mailed links, and the outbox.
// A token itself is never stored: the outbox names what to send, and the token is made when it is sent.
import { createHash } from 'node:crypto';
import { isLinkKind, linkKinds, type MailKind } from '../../mail/mail.ts';

/** What a mailed link may be used for. */
export type TokenPurpose = 'verify_email' | 'reset_password' | 'change_email';

const LIFETIME_SECONDS: Record<TokenPurpose, number> = {
  verify_email: 24 * 60 * 60,
  reset_password: 60 * 60,
  change_email: 24 * 60 * 60,
};

/** How many notices of one kind to one address wait at most, of those that were queued within a day. */
const WAITING_NOTICES = 2;
const DAY_MS = 24 * 60 * 60 * 1000;
/** How many notices to former addresses go out with a deletion. */
const MOST_LAST_NOTICES = 10;

export interface Outgoing {
  id: number;
  kind: MailKind;
  address: string;
  attempts: number;
  createdAtMs: number;
  /** When it was counted against the limits, which happens once. */
  countedAtMs: number | null;
}

/** A token of a link. A used one is kept until it expires, so that a second click is told from a made-up link. */
export interface LinkToken {
  purpose: TokenPurpose;
  email: string;
  isUsed: boolean;
}

export class MailStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Makes a token good for one use. Only its SHA-256 is stored. */
  storeToken(token: string, purpose: TokenPurpose, email: string, nowMs: number): void {
    this.#sql.exec(
      'INSERT INTO mail_token (hash, purpose, email, created_at_ms, expires_at_ms) VALUES (?, ?, ?, ?, ?)',
      hashToken(token),
      purpose,
      email,
      nowMs,
      nowMs + LIFETIME_SECONDS[purpose] * 1000,
    );
  }

  /** What a token that has not expired is for. */
  readToken(token: string, nowMs: number): LinkToken | undefined {
    const [row] = this.#sql
      .exec<{ purpose: TokenPurpose; email: string; usedAtMs: number | null }>(
        'SELECT purpose, email, used_at_ms AS usedAtMs FROM mail_token WHERE hash = ? AND expires_at_ms > ?',
        hashToken(token),
        nowMs,
      )
      .toArray();
    return row && { purpose: row.purpose, email: row.email, isUsed: row.usedAtMs !== null };
  }

  /** The single use of a token. */
  useToken(token: string, nowMs: number): void {
    this.#sql.exec('UPDATE mail_token SET used_at_ms = ? WHERE hash = ?', nowMs, hashToken(token));
  }

  /**
   * Ends every link, whether it was mailed or is still queued, but for one token. For a recovery (recovery.ts), and for the
   * links to an address that was given up. Their mails no longer count for the limit per hour: whoever revokes links again
   * and again must not keep the owner from the next one.
   */
  revokeLinks(keptToken?: string): void {
    this.#sql.exec(
      'DELETE FROM mail_token WHERE hash IS NOT ?',
      keptToken === undefined ? null : hashToken(keptToken),
    );
    for (const kind of linkKinds) this.#sql.exec('DELETE FROM outbox WHERE kind = ?', kind);
  }

  deleteExpiredTokens(nowMs: number): void {
    this.#sql.exec('DELETE FROM mail_token WHERE expires_at_ms <= ?', nowMs);
  }

  readNextExpiryMs(): number | undefined {
    return this.#min('SELECT MIN(expires_at_ms) AS next FROM mail_token');
  }

  /**
   * Queues a mail. A notice is not queued when two like it wait since less than a day: one may be on its way, the other says the
   * same later. Older ones may be given up before it would be. `isCounted`: it counts against no limit.
   */
  enqueue(kind: MailKind, address: string, nowMs: number, isCounted = false): void {
    if (!isLinkKind(kind) && this.#countWaiting(kind, address, nowMs - DAY_MS) >= WAITING_NOTICES) return;
    this.#sql.exec(
      'INSERT INTO outbox (kind, address, attempts, created_at_ms, next_try_at_ms, counted_at_ms) VALUES (?1, ?2, 0, ?3, ?3, ?4)',
      kind,
      address,
      nowMs,
      isCounted ? nowMs : null,
    );
  }

  #countWaiting(kind: MailKind, address: string, sinceMs: number): number {
    return this.#sql
      .exec<{ count: number }>(
        'SELECT COUNT(*) AS count FROM outbox WHERE kind = ? AND address = ? AND done_at_ms IS NULL AND created_at_ms > ?',
        kind,
        address,
        sinceMs,
      )
      .one().count;
  }

  /** The mail to be sent next, if one is due. */
  readNextDue(nowMs: number): Outgoing | undefined {
    return this.#readOutgoing('next_try_at_ms <= ? ORDER BY id LIMIT 1', nowMs);
  }

  /** A mail that still waits; `undefined` once it was sent, given up or withdrawn. */
  readWaiting(id: number): Outgoing | undefined {
    return this.#readOutgoing('id = ?', id);
  }

  /** The oldest notices that wait for an address other than `ownAddress`. */
  listNoticesToOthers(ownAddress: string): Outgoing[] {
    return this.#listOutgoing('address <> ? ORDER BY id', ownAddress)
      .filter(({ kind }) => !isLinkKind(kind))
      .slice(0, MOST_LAST_NOTICES);
  }

  #readOutgoing(condition: string, value: number): Outgoing | undefined {
    return this.#listOutgoing(condition, value)[0];
  }

  #listOutgoing(condition: string, value: number | string): Outgoing[] {
    return this.#sql
      .exec<{ [K in keyof Outgoing]: Outgoing[K] }>(
        `SELECT id, kind, address, attempts, created_at_ms AS createdAtMs, counted_at_ms AS countedAtMs FROM outbox
         WHERE done_at_ms IS NULL AND ${condition}`,
        value,
      )
      .toArray();
  }

  /** Notes that a mail was counted against the limits. */
  markCounted(id: number, nowMs: number): void {
    this.#sql.exec('UPDATE outbox SET counted_at_ms = ? WHERE id = ?', nowMs, id);
  }

  /** Counts a try before it is made: a crash while sending then waits its turn instead of sending at once again. */
  postpone(id: number, nextTryAtMs: number): void {
    this.#sql.exec(
      'UPDATE outbox SET attempts = attempts + 1, next_try_at_ms = ? WHERE id = ?',
      nextTryAtMs,
      id,
    );
  }

  /** Lets a mail wait that may not be sent yet. */
  delay(id: number, nextTryAtMs: number): void {
    this.#sql.exec('UPDATE outbox SET next_try_at_ms = ? WHERE id = ?', nextTryAtMs, id);
  }

  /** Sent, given up or withdrawn. The row stays a while, for the count of `listRecent`. */
  finish(id: number, nowMs: number): void {
    this.#sql.exec('UPDATE outbox SET done_at_ms = ? WHERE id = ?', nowMs, id);
  }

  /** The owner takes back a requested change of address: its link, mailed or queued. */
  withdrawChange(nowMs: number): void {
    this.#withdrawQueued('confirm_new_email', nowMs);
    this.#sql.exec("DELETE FROM mail_token WHERE purpose = 'change_email'");
  }

  /** The address that a link, mailed or queued, may give to the account. */
  readRequestedEmail(nowMs: number): string | undefined {
    const [row] = this.#sql
      .exec<{ email: string }>(
        `SELECT email FROM mail_token WHERE purpose = 'change_email' AND used_at_ms IS NULL AND expires_at_ms > ?
         UNION SELECT address FROM outbox WHERE kind = 'confirm_new_email' AND done_at_ms IS NULL`,
        nowMs,
      )
      .toArray();
    return row?.email;
  }

  #withdrawQueued(kind: MailKind, nowMs: number): void {
    this.#sql.exec('UPDATE outbox SET done_at_ms = ? WHERE kind = ? AND done_at_ms IS NULL', nowMs, kind);
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
