// One account object as its tests meet it: its methods over RPC, and what it stores, read from inside.
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect } from 'vitest';
import type { Account } from '../../src/account/account.ts';
import type { Grant } from '../../src/account/contract.ts';
import type { AccountState } from '../../src/account/state.ts';
import { toKey } from '../../src/directory/directory.ts';
import { authenticateByPassword } from '../../src/domain/authentication.ts';
import { randomId } from '../../src/domain/ids.ts';
import { FENCE_MS } from '../../src/domain/name-flow.ts';
import { type ClientInfo, openSession, type Session, type SessionPolicy } from '../../src/domain/session.ts';
import type { AccountClient } from '../../src/http/storage-calls.ts';
import { eventually } from './eventually.ts';
import { withPlantedHash } from './hashes.ts';
import { takeValue } from './results.ts';
import { accountOf, PASSWORD, uniqueName } from './service.ts';

export const DAY_SECONDS = 24 * 60 * 60;
export const DEVICE: ClientInfo = { userAgent: 'Testbrowser/1.0', ip: '192.0.2.7', country: 'NL' };
/** The lifetimes of the contract. */
export const POLICY: SessionPolicy = {
  refreshTtlSeconds: DAY_SECONDS,
  sessionTtlSeconds: 30 * DAY_SECONDS,
  graceSeconds: 30,
};

/** The methods of an account, each a promise. */
export function openAccount(id: string): AccountClient {
  // Every argument and result of these methods is plain data, which RPC copies as it is.
  return accountOf(id) as unknown as AccountClient;
}

/** An account with one session, without the HTTP around it. Its first mail is sent, and forgotten. */
export async function createAccount({
  policy = POLICY,
} = {}): Promise<Grant & { id: string; account: AccountClient }> {
  const id = randomId();
  const username = uniqueName();
  const email = `${username}@example.com`;
  const account = openAccount(id);
  const registration = { id, username, email, password: PASSWORD, client: DEVICE, policy };
  const grant = takeValue(await withPlantedHash(() => account.register(registration)));
  if (grant.session === undefined) throw new Error('registration with a policy opened no session');
  // Mail has tests of its own, and alarms of its own would hide the others'.
  await eventually(async () => expect(await inStore(id, ({ mail }) => mail.readNextTryMs())).toBeUndefined());
  await runInside(id, (_, { storage }) => {
    storage.sql.exec('DELETE FROM outbox; DELETE FROM mail_token; DELETE FROM limit_use');
  });
  await account.inspect();
  return { id, account, ...grant };
}

/**
 * An account whose registration stopped right after it was stored: with its intent, and nothing in the directory. `names` says which
 * of its names the directory holds for it.
 */
export async function plantPending(
  id: string,
  names: ('username' | 'email')[] = [],
  nextTryAtMs = Date.now() + FENCE_MS,
): Promise<void> {
  const account = await inStore(id, ({ accounts }) => accounts.readAccount());
  if (account === undefined) throw new Error('there is no account');
  const { username, email } = account;
  for (const [kind, display] of [
    ['username', username],
    ['email', email],
  ] as const) {
    const sql = names.includes(kind)
      ? "UPDATE names SET state = 'reserving' WHERE key = ?"
      : 'DELETE FROM names WHERE key = ?';
    await env.DIRECTORY.prepare(sql).bind(toKey(display)).run();
  }
  await runInside(id, async ({ state: { intents } }, { storage }) => {
    intents.begin({ kind: 'register', phase: 'reserving', accountId: id, username, email }, Date.now());
    intents.postpone(nextTryAtMs);
    await storage.setAlarm(nextTryAtMs);
  });
}

/** Runs inside an account's object: with its instance and its storage. */
export function runInside<T>(
  id: string,
  use: (account: Account, state: DurableObjectState) => T | Promise<T>,
): Promise<T> {
  // `accountOf` names the class: the platform's types lose it.
  return runInDurableObject(accountOf(id), (instance, state) => use(instance as Account, state));
}

/** Reads or plants rows of an account. */
export function inStore<T>(id: string, use: (store: AccountState) => T): Promise<T> {
  return runInside(id, ({ state }) => use(state));
}

/** Another session of an account, without the hash that a sign-in takes. */
export async function plantSession(id: string, policy: SessionPolicy = POLICY): Promise<Session> {
  const session = openSession(randomId(), DEVICE, Date.now(), policy, authenticateByPassword(Date.now()));
  await inStore(id, (store) => store.sessions.insertSession(session));
  return session;
}

/** The sessions that an account stores, expired ones included, the latest used first. */
export async function readSids(id: string): Promise<string[]> {
  return (await inStore(id, (store) => store.sessions.listSessions())).map(({ sid }) => sid);
}

/** The history of an account, the earliest first. */
export function readEvents(id: string): Promise<Record<string, SqlStorageValue>[]> {
  return runInside(id, (_, { storage }) => storage.sql.exec('SELECT * FROM event ORDER BY id').toArray());
}

/** All that an object stores: the rows of every table, the key-value pairs, the alarm. */
export interface Stored {
  tables: Record<string, Record<string, SqlStorageValue>[]>;
  pairs: [string, unknown][];
  alarmMs: number | null;
}

/** What an object stores that was never written to. */
export const NOTHING: Stored = { tables: {}, pairs: [], alarmMs: null };

export function readStored(stub: DurableObjectStub<Account>): Promise<Stored> {
  return runInDurableObject(stub, async (_, { storage }) => {
    const names = storage.sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*' ORDER BY name",
      )
      .toArray();
    return {
      tables: Object.fromEntries(
        names.map(({ name }) => [name, storage.sql.exec(`SELECT * FROM ${name}`).toArray()]),
      ),
      pairs: [...(await storage.list())],
      alarmMs: await storage.getAlarm(),
    };
  });
}

/** Rows written since the object started, those written back unchanged included. */
export function countWrites(id: string): Promise<number> {
  return runInside(
    id,
    (_, { storage }) => storage.sql.exec<{ writes: number }>('SELECT total_changes() AS writes').one().writes,
  );
}

/** Fires the alarm now, as the platform would at its time. Throws when none is set. */
export async function fireAlarm(id: string): Promise<void> {
  if (!(await runDurableObjectAlarm(accountOf(id)))) throw new Error('no alarm is set');
}

/** The same where the platform may have fired it: a test that stops the clock does not stop the platform's. */
export async function fireAlarmIfSet(id: string): Promise<void> {
  await runDurableObjectAlarm(accountOf(id));
}

/**
 * From here on, alarms of an account are noted and set an hour off: where a test stops the clock and an alarm is due within
 * seconds, the platform would fire it while the test runs. Returns what reads the time that was set last.
 */
export async function noteAlarms(id: string): Promise<() => number | undefined> {
  let lastMs: number | undefined;
  await runInside(id, (_, { storage }) => {
    const { setAlarm } = storage;
    storage.setAlarm = (at) => {
      lastMs = Number(at);
      return setAlarm.call(storage, Date.now() + 3_600_000);
    };
  });
  return () => lastMs;
}

export function readAlarmMs(id: string): Promise<number | null> {
  return runInside(id, (_, { storage }) => storage.getAlarm());
}
