// The operators' list of accounts: pages, searches and counts over the directory's rows, and the state of an account in its row.
// The accounts themselves hold the truth; a row follows within seconds, and later when D1 does not respond.

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

/** The state of an account, as the account reports it. A higher version is a later state. */
export interface AccountStatus {
  id: string;
  version: number;
  isEmailVerified: boolean;
  isDisabled: boolean;
  mustResetPassword: boolean;
}

/** Writes the state of an account into its row, unless a later one is there: reports can overtake each other. */
export async function writeStatus(
  db: D1Database,
  { id, version, isEmailVerified, isDisabled, mustResetPassword }: AccountStatus,
): Promise<void> {
  await db
    .prepare(
      `UPDATE accounts SET email_verified = ?, disabled = ?, must_reset = ?, index_version = ?
       WHERE id = ? AND index_version < ?`,
    )
    .bind(Number(isEmailVerified), Number(isDisabled), Number(mustResetPassword), version, id, version)
    .run();
}
