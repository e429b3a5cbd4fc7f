// How many mails an address gets from all accounts together, counted in D1. The address itself is not stored: a row holds a
// keyed hash of it, since it may be the address of somebody who has no account.
import type { Limit } from '../domain/limits.ts';

/** Rows without meaning that one write deletes on its way. */
const DELETED_PER_WRITE = 4;

/**
 * Counts a mail to a recipient (a keyed hash, one for each limit), and tells whether it may be sent. One statement, so that concurrent accounts cannot both take
 * the last place.
 */
export async function admitMail(
  db: D1Database,
  { recipient, limit, nowMs }: { recipient: string; limit: Limit; nowMs: number },
): Promise<boolean> {
  const refillMs = limit.refillSeconds * 1000;
  const [counted] = await db.batch([
    db
      .prepare(
        `INSERT INTO mail_recipients (recipient, full_at_ms) VALUES (?1, ?2 + ?3)
         ON CONFLICT (recipient) DO UPDATE SET full_at_ms = MAX(full_at_ms, ?2) + ?3
         WHERE MAX(full_at_ms, ?2) + ?3 - ?2 <= ?4`,
      )
      .bind(recipient, nowMs, refillMs, limit.burst * refillMs),
    db
      .prepare(
        'DELETE FROM mail_recipients WHERE recipient IN (SELECT recipient FROM mail_recipients WHERE full_at_ms <= ?1 LIMIT ?2)',
      )
      .bind(nowMs, DELETED_PER_WRITE),
  ]);
  return (counted?.meta.changes ?? 0) > 0;
}
