// The directory on D1: user names and e-mail addresses, one row for each (docs/reference/storage.md). Read once per sign-in; written by the
// flows of the accounts (account/flows/), each statement or batch of which takes effect once, however often it is repeated.
// It must never store a secret. A row is found by its key alone, so that the table can be divided by a hash of the key.
//
// Queries run without a D1 session, which means at the primary: a replica that lags would refuse an account made a
// second ago, and asking the primary only on a miss would tell unknown names by their time.
import { isEmailKey, type LookupKeys, type Name, toLookupKeys } from '../domain/names.ts';

/** Rows of names whose time has passed that one reservation deletes on its way. */
const DELETED_PER_WRITE = 4;

/** What stands in the way of a reservation. */
export interface Holder {
  key: string;
  accountId: string;
  /** Given up by its holder, and not free yet. */
  isReleased: boolean;
}

/**
 * The account that a typed name or e-mail address belongs to: by the key as typed first, which one account has at most. A name that
 * is being reserved counts as well: the response to a registration may have been lost, and a sign-in completes it.
 */
export async function findAccountId(db: D1Database, typed: string): Promise<string | undefined> {
  const row = await db
    .prepare(
      `SELECT account_id AS id FROM names WHERE key IN (?1, ?2, ?3) AND state IN ('active', 'reserving')
       ORDER BY CASE key WHEN ?1 THEN 1 WHEN ?2 THEN 2 ELSE 3 END LIMIT 1`,
    )
    .bind(...toKeys(typed))
    .first<{ id: string }>();
  return row?.id;
}

/** Which of the two names is taken, if any, and by whom; the user name first. Asked before anything is made: it reserves nothing. */
export async function findTaken(
  db: D1Database,
  { username, email, nowMs }: { username: Name; email: Name; nowMs: number },
): Promise<{ reason: 'username_taken' | 'email_taken'; holder: Holder } | undefined> {
  const usernameKeys = toKeys(username.display);
  const { results } = await db
    .prepare(
      `SELECT key, account_id AS accountId, state = 'released' AS isReleased FROM names
       WHERE key IN (?1, ?2, ?3, ?4, ?5, ?6) AND NOT (state = 'released' AND until_ms <= ?7)`,
    )
    .bind(...usernameKeys, ...toKeys(email.display), nowMs)
    .all<HolderRow>();
  const byUsername = results.find(({ key }) => usernameKeys.includes(key));
  const row = byUsername ?? results[0];
  if (row === undefined) return undefined;
  return { reason: byUsername ? 'username_taken' : 'email_taken', holder: toHolder(row) };
}

export interface ReservationRequest {
  accountId: string;
  /** A user name or an e-mail address as it is shown. */
  display: string;
  nowMs: number;
  /** Whose row is removed first: that of an account that does not exist. */
  absentHolder?: Holder | undefined;
}

/** Reserves a name for an account, unless another one has it in any spelling. What the account holds already, it keeps. */
export async function reserveName(
  db: D1Database,
  { accountId, display, nowMs, absentHolder }: ReservationRequest,
): Promise<{ outcome: 'reserved' } | { outcome: 'taken'; holder: Holder }> {
  const keys = toKeys(display);
  const key = toKey(display);
  const byOthers = 'SELECT 1 FROM names WHERE key IN (?1, ?2, ?3) AND account_id <> ?4';
  const results = await db.batch<HolderRow>([
    db
      // Not one that is released: its account may have been deleted since, and tokens with its name still live.
      .prepare(`DELETE FROM names WHERE key = ? AND account_id = ? AND state <> 'released'`)
      .bind(absentHolder?.key ?? '', absentHolder?.accountId ?? ''),
    db
      .prepare(`DELETE FROM names WHERE key IN (?1, ?2, ?3) AND state = 'released' AND until_ms <= ?4`)
      .bind(...keys, nowMs),
    db
      .prepare(
        `DELETE FROM names WHERE key IN
           (SELECT key FROM names WHERE state = 'released' AND until_ms <= ? LIMIT ${DELETED_PER_WRITE})`,
      )
      .bind(nowMs),
    db
      .prepare(
        `INSERT INTO names (key, kind, account_id, display, state) SELECT ?5, ?6, ?4, ?7, 'reserving'
         WHERE NOT EXISTS (${byOthers}) ON CONFLICT DO NOTHING`,
      )
      .bind(...keys, accountId, key, kindOf(display), display),
    // Taken back within its time. `until_ms` stays: given up again, the name is free no sooner than it would have been.
    db
      .prepare(
        `UPDATE names SET state = 'reserving' WHERE key = ?5 AND account_id = ?4 AND state = 'released'
         AND NOT EXISTS (${byOthers})`,
      )
      .bind(...keys, accountId, key),
    db
      .prepare(
        `SELECT key, account_id AS accountId, state = 'released' AS isReleased FROM names WHERE key IN (?, ?, ?)`,
      )
      .bind(...keys),
  ]);
  const rows = results.at(-1)?.results ?? [];
  const other = rows.find((row) => row.accountId !== accountId);
  if (other !== undefined && !rows.some((row) => row.key === key && row.accountId === accountId))
    return { outcome: 'taken', holder: toHolder(other) };
  return { outcome: 'reserved' };
}

/** Whether an account holds all of these names. */
export async function holdsNames(db: D1Database, accountId: string, displays: string[]): Promise<boolean> {
  const held = await db.batch(
    displays.map((display) =>
      db
        .prepare(
          `SELECT 1 FROM names WHERE key IN (?, ?, ?) AND account_id = ? AND state IN ('active', 'reserving') LIMIT 1`,
        )
        .bind(...toKeys(display), accountId),
    ),
  );
  return held.every(({ results }) => results.length > 0);
}

/**
 * Makes the directory agree with an account that has adopted names, and releases the former one until its time. A change of case, or
 * of the form of a domain, has no other key and releases nothing of it.
 */
export async function activateNames(
  db: D1Database,
  {
    accountId,
    displays,
    former,
    untilMs,
  }: { accountId: string; displays: string[]; former: string | null; untilMs: number | null },
): Promise<void> {
  const activate = displays.map((display) =>
    db
      .prepare(
        `UPDATE names SET state = 'active', display = ?1, until_ms = NULL
         WHERE key = ?2 AND account_id = ?3 AND state IN ('reserving', 'active')`,
      )
      .bind(display, toKey(display), accountId),
  );
  const kept = displays.map(toKey);
  const released = [...new Set<string>(former === null ? [] : toKeys(former))]
    .filter((key) => !kept.includes(key))
    .map((key) =>
      db
        .prepare(
          `UPDATE names SET state = 'released', until_ms = ?
           WHERE key = ? AND account_id = ? AND state = 'active'`,
        )
        .bind(untilMs ?? 0, key, accountId),
    );
  await db.batch([...activate, ...released]);
}

/** Gives up what an account has reserved and never used. A name that it had released before goes back to that. */
export async function undoReservations(db: D1Database, accountId: string, displays: string[]): Promise<void> {
  await db.batch(
    displays.flatMap((display) => {
      const where = `WHERE key = ? AND account_id = ? AND state = 'reserving'`;
      return [
        `DELETE FROM names ${where} AND until_ms IS NULL`,
        `UPDATE names SET state = 'released' ${where}`,
      ].map((sql) => db.prepare(sql).bind(toKey(display), accountId));
    }),
  );
}

/** Releases every name of an account that goes, until their time, and takes it out of the operators' index. */
export async function releaseNames(
  db: D1Database,
  { accountId, displays, untilMs }: { accountId: string; displays: string[]; untilMs: number },
): Promise<void> {
  await db.batch([
    ...displays.map((display) =>
      db
        .prepare(
          `UPDATE names SET state = 'released', until_ms = MAX(COALESCE(until_ms, 0), ?1)
           WHERE key IN (?2, ?3, ?4) AND account_id = ?5`,
        )
        .bind(untilMs, ...toKeys(display), accountId),
    ),
    db.prepare('DELETE FROM accounts WHERE id = ?').bind(accountId),
  ]);
}

/** The key that a name gets today. */
export function toKey(display: string): string {
  const { canonical } = toLookupKeys(display);
  return `${kindOf(canonical)}:${canonical}`;
}

/** The three keys that a name can stand under, best first (`LookupKeys`). */
export function toKeys(display: string): LookupKeys['stored'] {
  const { canonical, stored } = toLookupKeys(display);
  const [asTyped, today, inUnicode] = stored;
  const kind = kindOf(canonical);
  return [`${kind}:${asTyped}`, `${kind}:${today}`, `${kind}:${inUnicode}`];
}

function kindOf(name: string): 'username' | 'email' {
  return isEmailKey(name) ? 'email' : 'username';
}

interface HolderRow {
  key: string;
  accountId: string;
  isReleased: number;
}

function toHolder({ key, accountId, isReleased }: HolderRow): Holder {
  return { key, accountId, isReleased: isReleased === 1 };
}
