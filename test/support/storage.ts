// What is stored, read past the service: the effect of a request, or that it had none.
import { listDurableObjectIds, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { toNameKey } from '../../src/domain/names.ts';
import { readStored } from './account.ts';
import { accountOf } from './service.ts';

export interface StoredSession extends Record<string, SqlStorageValue> {
  sid: string;
  counter: number;
  exp: number;
  expires_at_ms: number;
}

/** The session rows of an account, expired ones included. */
export function readSessions(accountId: string): Promise<StoredSession[]> {
  return readRows<StoredSession>(
    accountId,
    'SELECT sid, counter, exp, expires_at_ms FROM session ORDER BY created_at_ms, sid',
  );
}

/** Failures that the account's throttle has counted since the last success. */
export async function readFailures(accountId: string): Promise<number> {
  const rows = await readRows<{ failures: number }>(accountId, 'SELECT failures FROM throttle');
  return rows[0]?.failures ?? 0;
}

/** Every row of every table of an account, as text: what a dump of it would show. */
export async function dumpAccount(accountId: string): Promise<string> {
  return JSON.stringify((await readStored(accountOf(accountId))).tables);
}

/** The account id that the directory holds for a user name. */
export async function findInDirectory(username: string): Promise<string | undefined> {
  const row = await env.DIRECTORY.prepare('SELECT account_id AS id FROM names WHERE key = ?')
    .bind(`username:${toNameKey(username)}`)
    .first<{ id: string }>();
  return row?.id;
}

/** How many accounts the directory holds. */
export async function countInDirectory(): Promise<number | undefined> {
  const row = await env.DIRECTORY.prepare('SELECT count(*) AS n FROM accounts').first<{ n: number }>();
  return row?.n;
}

/** The user names of all accounts that exist as objects, whether the directory knows them or not. */
export async function listStoredUsernames(): Promise<string[]> {
  const ids = await listDurableObjectIds(env.ACCOUNT);
  const names = await Promise.all(
    ids.map((id) =>
      runInDurableObject(env.ACCOUNT.get(id), (_, { storage }) =>
        hasTables(storage.sql)
          ? storage.sql.exec<{ username: string }>('SELECT username FROM account').toArray()
          : [],
      ),
    ),
  );
  return names.flat().map(({ username }) => username);
}

function readRows<T extends Record<string, SqlStorageValue>>(accountId: string, query: string): Promise<T[]> {
  return runInDurableObject(accountOf(accountId), (_, { storage }) =>
    hasTables(storage.sql) ? storage.sql.exec<T>(query).toArray() : [],
  );
}

function hasTables(sql: SqlStorage): boolean {
  return sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'account'").toArray().length > 0;
}
