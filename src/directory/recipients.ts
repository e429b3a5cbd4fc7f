// How many mails an address gets from all accounts together, counted in D1. The address itself is not stored: a row holds a
// keyed hash of it, since it may be the address of somebody who has no account.
import { RECIPIENT_LIMIT, REQUESTED_MAILS_PER_RECIPIENT } from '../domain/limits.ts';

/** Rows without meaning that one write deletes on its way. */
const DELETED_PER_WRITE = 4;

/**
 * Counts a mail to a recipient, and tells whether it may be sent. One statement, so that concurrent accounts cannot both take
 * the last place. `isRequested`: somebody can cause such mails at will.
 */
export async function admitMail(
  db: D1Database,
  { recipient, isRequested, nowMs }: { recipient: string; isRequested: boolean; nowMs: number },
): Promise<boolean> {
  const refillMs = RECIPIENT_LIMIT.refillSeconds * 1000;
  const burst = isRequested ? REQUESTED_MAILS_PER_RECIPIENT : RECIPIENT_LIMIT.burst;
  const [counted] = await db.batch([
    db
      .prepare(
        `INSERT INTO mail_recipients (recipient, full_at_ms) VALUES (?1, ?2 + ?3)
         ON CONFLICT (recipient) DO UPDATE SET full_at_ms = MAX(full_at_ms, ?2) + ?3
         WHERE MAX(full_at_ms, ?2) + ?3 - ?2 <= ?4`,
      )
      .bind(recipient, nowMs, refillMs, burst * refillMs),
    db
      .prepare(
        'DELETE FROM mail_recipients WHERE recipient IN (SELECT recipient FROM mail_recipients WHERE full_at_ms <= ?1 LIMIT ?2)',
      )
      .bind(nowMs, DELETED_PER_WRITE),
  ]);
  return (counted?.meta.changes ?? 0) > 0;
}
