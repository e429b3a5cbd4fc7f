// The operators' list of accounts: pages, searches and counts over the directory's rows, and the state of an account in its row.
// The accounts themselves hold the truth; a row follows within seconds, and later when D1 does not respond.

import { toKeys } from './directory.ts';

/** One account as its row has it. */
export interface ListedAccount {
  id: string;
  username: string;
  email: string;
  createdAtMs: number;
  isEmailVerified: boolean;
  isDisabled: boolean;
  mustResetPassword: boolean;
}

/** What a page of the list shows. Filters have the one value that an index serves. */
export interface AccountQuery {
  /** The start of a name key or of an address key; empty for every account. */
  search: string;
  disabled?: true | undefined;
  emailVerified?: false | undefined;
  mustResetPassword?: true | undefined;
  order: 'newest' | 'oldest';
  /** The last account of the page before. */
  after?: { createdAtMs: number; id: string } | undefined;
  limit: number;
}

/** Counts go so far, and a search may match so many: more would be read at every page. */
export const MOST_COUNTED = 10_000;

/**
 * A page of accounts by the time of their registration: stable under insertion, so that a cursor neither repeats nor skips.
 * `total` is of all pages, `undefined` above `MOST_COUNTED`. A search that matches more than that has no result: its
 * matches have to be sorted, each time.
 */
export async function listAccounts(
  db: D1Database,
  query: AccountQuery,
): Promise<{ accounts: ListedAccount[]; total: number | undefined } | 'too_many_matches'> {
  const [accounts, { total, matches }] = await Promise.all([readPage(db, query), count(db, query)]);
  if (matches > MOST_COUNTED) return 'too_many_matches';
  return { accounts, total: total > MOST_COUNTED ? undefined : total };
}

interface Row {
  id: string;
  username: string;
  email: string;
  createdAtMs: number;
  emailVerified: number;
  disabled: number;
  mustReset: number;
}

async function readPage(db: D1Database, query: AccountQuery): Promise<ListedAccount[]> {
  const { after, order, limit } = query;
  const { sql: source, values } = selectFrom(query.search);
  const [direction, before] = order === 'newest' ? ['DESC', '<'] : ['ASC', '>'];
  const position = after === undefined ? [] : [`(created_at_ms, accounts.id) ${before} (?, ?)`];
  const { results } = await db
    .prepare(
      `${source.with} SELECT accounts.id, username, email, created_at_ms AS createdAtMs,
         email_verified AS emailVerified, disabled, must_reset AS mustReset
       FROM ${source.from} WHERE ${[...filtersOf(query), ...position].join(' AND ')}
       ORDER BY created_at_ms ${direction}, accounts.id ${direction} LIMIT ?`,
    )
    .bind(...values, ...(after === undefined ? [] : [after.createdAtMs, after.id]), limit)
    .all<Row>();
  return results.map(({ emailVerified, disabled, mustReset, ...names }) => ({
    ...names,
    isEmailVerified: emailVerified === 1,
    isDisabled: disabled === 1,
    mustResetPassword: mustReset === 1,
  }));
}

async function count(db: D1Database, query: AccountQuery): Promise<{ total: number; matches: number }> {
  const { sql: source, values } = selectFrom(query.search);
  const row = await db
    .prepare(
      `${source.with} SELECT ${source.matches} AS matches, (SELECT count(*) FROM
         (SELECT 1 FROM ${source.from} WHERE ${filtersOf(query).join(' AND ')} LIMIT ${MOST_COUNTED + 1})) AS total`,
    )
    .bind(...values)
    .first<{ total: number; matches: number }>();
  if (row === null) throw new Error('a count has one row');
  return row;
}

/** Conditions as the partial indexes have them (migrations/0002_operators.sql), so that SQLite recognises them. */
function filtersOf({ disabled, emailVerified, mustResetPassword }: AccountQuery): string[] {
  return [
    '1 = 1',
    ...(disabled === undefined ? [] : ['disabled = 1']),
    ...(emailVerified === undefined ? [] : ['email_verified = 0']),
    ...(mustResetPassword === undefined ? [] : ['must_reset = 1']),
  ];
}

/**
 * Where a query reads: the table by its indexes, or the matches of a search, each found in a range of a key's index. The
 * CROSS JOIN keeps SQLite from going through the whole table in order of time instead.
 */
function selectFrom(search: string): {
  sql: { with: string; from: string; matches: string };
  values: string[];
} {
  if (search === '') return { sql: { with: '', from: 'accounts', matches: '0' }, values: [] };
  const range = (column: string) =>
    `SELECT id FROM (SELECT id FROM accounts WHERE ${column} >= ? AND ${column} < ? LIMIT ${MOST_COUNTED + 1})`;
  const bounds = [search, `${search}\u{10ffff}`];
  return {
    sql: {
      with: `WITH found AS MATERIALIZED (${range('username_key')} UNION ${range('email_key')})`,
      from: 'found CROSS JOIN accounts ON accounts.id = found.id',
      matches: '(SELECT count(*) FROM found)',
    },
    values: [...bounds, ...bounds],
  };
}

/** An account as its row is to show it. A higher version is a later state. */
export interface AccountStatus extends ListedAccount {
  version: number;
}

/**
 * Writes an account into its row, unless a later state is there: reports can overtake each other. A row of another account that
 * still shows a name of this one gets a key that nobody searches for, until that account reports as well. An account that holds
 * none of its names gets no row: it was deleted meanwhile.
 */
export async function writeStatus(db: D1Database, status: AccountStatus): Promise<void> {
  const { id, version, username, email, createdAtMs } = status;
  const flags = [status.isEmailVerified, status.isDisabled, status.mustResetPassword].map(Number);
  const makeRoom = ([kind, display]: readonly ['username' | 'email', string]) =>
    db
      .prepare(
        // Every write of a new key moves the version (migrations/0004_names.sql, triggers).
        `UPDATE accounts SET ${kind}_key = '#' || id, index_version = index_version - 1
         WHERE id <> ?4 AND ${kind}_key = ${selectKey('?1, ?2, ?3', '?4')}`,
      )
      .bind(...toKeys(display), id);
  const usernameKey = selectKey('?1, ?2, ?3', '?7');
  const emailKey = selectKey('?4, ?5, ?6', '?7');
  const values = [...toKeys(username), ...toKeys(email), id, username, email, ...flags, version];
  await db.batch([
    ...(
      [
        ['username', username],
        ['email', email],
      ] as const
    ).map(makeRoom),
    db
      .prepare(
        `UPDATE accounts SET username_key = COALESCE(${usernameKey}, username_key), username = ?8,
           email_key = COALESCE(${emailKey}, email_key), email = ?9,
           email_verified = ?10, disabled = ?11, must_reset = ?12, index_version = ?13
         WHERE id = ?7 AND index_version < ?13`,
      )
      .bind(...values),
    db
      .prepare(
        `INSERT INTO accounts (id, username_key, username, email_key, email, email_verified, disabled, must_reset,
           index_version, created_at_ms)
         SELECT ?7, ${usernameKey}, ?8, ${emailKey}, ?9, ?10, ?11, ?12, ?13, ?14
         WHERE ?13 > 0 AND NOT EXISTS (SELECT 1 FROM accounts WHERE id = ?7)
           AND ${usernameKey} IS NOT NULL AND ${emailKey} IS NOT NULL`,
      )
      .bind(...values, createdAtMs),
  ]);
}

/** The key under which an account holds a name, without the kind in front: an older account may have an older one. */
function selectKey(keys: string, id: string): string {
  return `(SELECT substr(key, length(kind) + 2) FROM names
    WHERE key IN (${keys}) AND account_id = ${id} AND state <> 'released' LIMIT 1)`;
}
