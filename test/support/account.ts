// One account object as its tests meet it: its methods over RPC, and what it stores, read from inside.
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { Account } from '../../src/account/account.ts';
import type { Grant } from '../../src/account/grant.ts';
import { randomId } from '../../src/account/id.ts';
import { type AccountState, openState } from '../../src/account/state.ts';
import { CLAIM_CHECK_DELAY_MS } from '../../src/account/upkeep.ts';
import { claim } from '../../src/directory/directory.ts';
import { type Device, openSession, type Session, type SessionPolicy } from '../../src/domain/session.ts';
import type { AccountClient } from '../../src/http/storage-calls.ts';
import { withPlantedHash } from './hashes.ts';
import { accountOf, PASSWORD, uniqueName } from './service.ts';

export const DAY_SECONDS = 24 * 60 * 60;
export const DEVICE: Device = { userAgent: 'Testbrowser/1.0', ip: '192.0.2.7', country: 'NL' };
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

/** An account with one session, without the HTTP around it. Unless told otherwise, the directory holds its names. */
export async function createAccount({
  policy = POLICY,
  isClaimed = true,
} = {}): Promise<Grant & { id: string; account: AccountClient }> {
  const id = randomId();
  const username = uniqueName();
  const email = `${username}@example.com`;
  const account = openAccount(id);
  const registration = { id, username, email, password: PASSWORD, device: DEVICE, policy };
  const registered = await withPlantedHash(() => account.register(registration));
  const { session } = registered;
  if (session === undefined) throw new Error('registration with a policy opened no session');
  const grant = { ...registered, session };
  // The first mail waits for the claim; it has tests of its own, and an alarm of its own would hide the others'.
  await runInside(id, (_, { storage }) => {
    storage.sql.exec('DELETE FROM outbox');
  });
  if (isClaimed) await claimNames(grant);
  return { id, account, ...grant };
}

/** The second step of a registration: the directory takes the account's names. */
export async function claimNames({ profile: { id, username, email }, nowMs }: Grant): Promise<void> {
  const names = { username: { display: username, key: username }, email: { display: email, key: email } };
  await claim(env.DIRECTORY, { id, ...names, createdAtMs: nowMs });
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
  return runInside(id, (_, { storage: { sql } }) => use(openState(sql)));
}

/** Another session of an account, without the hash that a sign-in takes. */
export async function plantSession(id: string, policy: SessionPolicy = POLICY): Promise<Session> {
  const session = openSession(randomId(), DEVICE, Date.now(), policy);
  await inStore(id, (store) => store.rows.insertSession(session));
  return session;
}

/** The sessions that an account stores, expired ones included, the latest used first. */
export async function readSids(id: string): Promise<string[]> {
  return (await inStore(id, (store) => store.rows.listSessions())).map(({ sid }) => sid);
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
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*' ORDER BY name",
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

/** Rings the alarm now, as the platform would at its time. Throws when none is set. */
export async function ringAlarm(id: string): Promise<void> {
  if (!(await runDurableObjectAlarm(accountOf(id)))) throw new Error('no alarm is set');
}

/** The same where the platform may have rung it: a test that stops the clock does not stop the platform's. */
export async function ringAlarmIfSet(id: string): Promise<void> {
  await runDurableObjectAlarm(accountOf(id));
}

export function readAlarmMs(id: string): Promise<number | null> {
  return runInside(id, (_, { storage }) => storage.getAlarm());
}

/** An account as it was before the directory's answer reached it: it still has to look for its claim, and has sent no mail. */
export async function forgetConfirmation(id: string): Promise<void> {
  await runInside(id, async (_, { storage }) => {
    const claimCheckAtMs = Date.now() + CLAIM_CHECK_DELAY_MS;
    storage.sql.exec('DELETE FROM outbox; DELETE FROM mail_token');
    storage.sql.exec('UPDATE account SET claim_check_at_ms = ?', claimCheckAtMs);
    await storage.setAlarm(claimCheckAtMs);
  });
}
