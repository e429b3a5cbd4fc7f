// The directory on D1: names and e-mail addresses to account ids. Written once per registration, read once per sign-in.
// It must never store a secret. One D1 database holds 10 GB, some 30 million accounts; past that, shard by hash of the key.
//
// Queries run without a D1 session, which means at the primary: a replica that lags would refuse an account made a
// second ago, and asking the primary only on a miss would tell unknown names by their time.
import { isEmailKey, type Name, toLookupKeys } from '../domain/names.ts';

export interface Claim {
  id: string;
  username: Name;
  email: Name;
  createdAtMs: number;
}

export type ClaimOutcome = 'claimed' | 'username_taken' | 'email_taken';

/** The account that a typed name or e-mail address belongs to: by the key as typed first, which one account has at most. */
export async function findAccountId(db: D1Database, typed: string): Promise<string | undefined> {
  const { canonical, stored } = toLookupKeys(typed);
  const column = isEmailKey(canonical) ? 'email_key' : 'username_key';
  const row = await db
    .prepare(
      `SELECT id FROM accounts WHERE ${column} IN (?1, ?2, ?3)
       ORDER BY CASE ${column} WHEN ?1 THEN 1 WHEN ?2 THEN 2 ELSE 3 END LIMIT 1`,
    )
    .bind(...stored)
    .first<{ id: string }>();
  return row?.id;
}

/** Whether a claim names this account: what an account without one asks before it removes itself. */
export async function hasClaim(db: D1Database, id: string): Promise<boolean> {
  return (await db.prepare('SELECT 1 FROM accounts WHERE id = ?').bind(id).first()) !== null;
}

/** Which of the two names is taken, if any; the user name first. */
export async function findTaken(
  db: D1Database,
  { username, email, id }: Pick<Claim, 'username' | 'email'> & { id?: string },
): Promise<ClaimOutcome | undefined> {
  const { results } = await db
    .prepare(
      'SELECT id, username_key AS usernameKey FROM accounts WHERE username_key = ? OR email_key IN (?, ?, ?)',
    )
    .bind(username.key, ...toLookupKeys(email.display).stored)
    .all<{ id: string; usernameKey: string }>();
  if (results.length === 0) return undefined;
  // Our own row: an earlier try got through after all.
  if (results.some((row) => row.id === id)) return 'claimed';
  return results.some((row) => row.usernameKey === username.key) ? 'username_taken' : 'email_taken';
}

/** Claims both names for an account, or neither. One statement: of several at once, one wins. */
export async function claim(
  db: D1Database,
  { id, username, email, createdAtMs }: Claim,
): Promise<ClaimOutcome> {
  const inserted = await db
    .prepare(
      `INSERT INTO accounts (id, username_key, email_key, username, email, created_at_ms)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS (SELECT 1 FROM accounts WHERE email_key IN (?7, ?8, ?9))
       ON CONFLICT DO NOTHING`,
    )
    .bind(
      ...[id, username.key, email.key, username.display, email.display, createdAtMs],
      ...toLookupKeys(email.display).stored,
    )
    .run();
  if (inserted.meta.changes > 0) return 'claimed';
  // The row that was in the way can only have vanished if its account was deleted meanwhile; then the name is not ours either.
  return (await findTaken(db, { id, username, email })) ?? 'username_taken';
}

/** Gives an account another user name, unless somebody has it. The account takes it over afterwards. */
export async function renameAccount(
  db: D1Database,
  id: string,
  username: Name,
): Promise<'claimed' | 'username_taken'> {
  return (await moveClaim(db, 'username', id, username)) ? 'claimed' : 'username_taken';
}

/** Gives an account another e-mail address, unless somebody has it. Repeating it for the same account does no harm. */
export async function readdressAccount(
  db: D1Database,
  id: string,
  email: Name,
): Promise<'claimed' | 'email_taken'> {
  return (await moveClaim(db, 'email', id, email)) ? 'claimed' : 'email_taken';
}

/** Gives up both names. The id is never used again: ids are random. */
export async function releaseClaim(db: D1Database, id: string): Promise<void> {
  await db.prepare('DELETE FROM accounts WHERE id = ?').bind(id).run();
}

/** One statement: whoever comes second changes nothing. The same address of another account may stand under an older key. */
async function moveClaim(
  db: D1Database,
  kind: 'username' | 'email',
  id: string,
  name: Name,
): Promise<boolean> {
  const { meta } = await db
    .prepare(
      `UPDATE OR IGNORE accounts SET ${kind} = ?1, ${kind}_key = ?2 WHERE id = ?3
       AND NOT EXISTS (SELECT 1 FROM accounts WHERE ${kind}_key IN (?4, ?5, ?6) AND id <> ?3)`,
    )
    .bind(name.display, name.key, id, ...toLookupKeys(name.display).stored)
    .run();
  return meta.changes > 0;
}
