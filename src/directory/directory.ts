// The directory on D1: names and e-mail addresses to account ids. Written once per registration, read once per sign-in.
// It must never store a secret. One D1 database holds 10 GB, some 30 million accounts; past that, shard by hash of the key.
//
// Queries run without a D1 session, which means at the primary: a replica that lags would refuse an account made a
// second ago, and asking the primary only on a miss would tell unknown names by their time.
import { isEmailKey, type Name } from '../domain/names.ts';

export interface Claim {
  id: string;
  username: Name;
  email: Name;
  createdAtMs: number;
}

export type ClaimOutcome = 'claimed' | 'username_taken' | 'email_taken';

/** The account that a typed name or e-mail address belongs to. `key` is a `toNameKey`. */
export async function findAccountId(db: D1Database, key: string): Promise<string | undefined> {
  const column = isEmailKey(key) ? 'email_key' : 'username_key';
  const row = await db
    .prepare(`SELECT id FROM accounts WHERE ${column} = ?`)
    .bind(key)
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
    .prepare('SELECT id, username_key AS usernameKey FROM accounts WHERE username_key = ? OR email_key = ?')
    .bind(username.key, email.key)
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
       VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    )
    .bind(id, username.key, email.key, username.display, email.display, createdAtMs)
    .run();
  if (inserted.meta.changes > 0) return 'claimed';
  // The row that was in the way can only have vanished if its account was deleted meanwhile; then the name is not ours either.
  return (await findTaken(db, { id, username, email })) ?? 'username_taken';
}

/** One account as the operator's list shows it. */
export interface Entry {
  id: string;
  username: string;
  email: string;
  createdAtMs: number;
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

/**
 * A page of accounts in order of id, which is random and so stable under insertion: a cursor neither repeats nor skips.
 * `search` matches the start of a user name or of an e-mail address, as a range, so that it uses the index.
 */
export async function listAccounts(
  db: D1Database,
  { search, afterId, limit }: { search: string; afterId: string; limit: number },
): Promise<Entry[]> {
  const columns = 'id, username, email, created_at_ms AS createdAtMs';
  const bound = `${search}\u{10ffff}`;
  const page =
    search === ''
      ? db.prepare(`SELECT ${columns} FROM accounts WHERE id > ?1 ORDER BY id LIMIT ?2`).bind(afterId, limit)
      : db
          .prepare(
            `SELECT ${columns} FROM accounts WHERE id > ?1 AND ((username_key >= ?3 AND username_key < ?4)
               OR (email_key >= ?3 AND email_key < ?4)) ORDER BY id LIMIT ?2`,
          )
          .bind(afterId, limit, search, bound);
  return (await page.all<Entry>()).results;
}

/** One statement: whoever comes second changes nothing. */
async function moveClaim(
  db: D1Database,
  kind: 'username' | 'email',
  id: string,
  name: Name,
): Promise<boolean> {
  const { meta } = await db
    .prepare(`UPDATE OR IGNORE accounts SET ${kind} = ?, ${kind}_key = ? WHERE id = ?`)
    .bind(name.display, name.key, id)
    .run();
  return meta.changes > 0;
}
