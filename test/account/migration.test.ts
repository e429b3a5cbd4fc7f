import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { migrate, readSchemaVersion, SCHEMA_VERSION } from '../../src/account/storage/schema.ts';
import { findAccountId } from '../../src/directory/directory.ts';
import { randomId } from '../../src/domain/ids.ts';
import { hashPassword } from '../../src/passwords/scrypt.ts';
import {
  createAccount,
  DEVICE,
  fireAlarm,
  inStore,
  NOTHING,
  openAccount,
  POLICY,
  readAlarmMs,
  readEvents,
  readStored,
  runInside,
} from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { eventually } from '../support/eventually.ts';
import { grantOf, takeValue } from '../support/results.ts';
import { accountOf, PASSWORD, uniqueName } from '../support/service.ts';

const CREATED_MS = Date.UTC(2026, 0, 2);

/** An account as version 1 stored it, with one session, four failures and one event. */
async function plantVersion1(isClaimed: boolean): Promise<string> {
  const id = randomId();
  await runInDurableObject(accountOf(id), (_, { storage }) => {
    migrate(storage, 1);
    const { sql } = storage;
    sql.exec(
      "INSERT INTO account VALUES (1, ?, 'ada', 'ada@example.com', ?, ?, ?)",
      id,
      hashPassword(PASSWORD),
      CREATED_MS,
      isClaimed ? 1 : 0,
    );
    const expMs = (Math.floor(Date.now() / 1000) + 60) * 1000;
    sql.exec(
      "INSERT INTO session VALUES ('AAAAAAAAAAAAAAAAAAAAAA', 7, ?1, 1, ?2, ?1, ?3, ?1, 'Browser', '192.0.2.1', 'NL')",
      Date.now(),
      expMs / 1000,
      expMs,
    );
    sql.exec('INSERT INTO throttle VALUES (1, 4, ?)', Date.now());
    sql.exec(
      "INSERT INTO event VALUES (1, ?, 'signed_in', 'AAAAAAAAAAAAAAAAAAAAAA', 'Browser', '192.0.2.1', 'NL')",
      CREATED_MS,
    );
  });
  await evictDurableObject(accountOf(id));
  return id;
}

describe('an account that version 1 stored', () => {
  it('keeps its password, session, failures and history', async () => {
    const id = await plantVersion1(true);
    const account = openAccount(id);
    expect(await account.refresh('AAAAAAAAAAAAAAAAAAAAAA', 7, DEVICE, POLICY)).toMatchObject({ ok: true });
    const { tables } = await readStored(accountOf(id));
    expect(tables.schema_version).toEqual([{ version: SCHEMA_VERSION }]);
    expect(tables.account).toEqual([
      expect.objectContaining({
        id,
        username: 'ada',
        email_verified_at_ms: null,
        disabled_at_ms: null,
        must_reset_password: 0,
        browser_epoch: 1,
      }),
    ]);
    expect(tables.intent).toEqual([]);
    expect(tables.throttle).toEqual([
      { bucket: 'other_browsers', failures: 4, last_failure_at_ms: expect.any(Number) },
    ]);
    expect(tables.event).toEqual([expect.objectContaining({ kind: 'signed_in', operator: null })]);
    expect(await account.signIn(PASSWORD, DEVICE, POLICY)).toMatchObject({ ok: true });
  });

  it('is still looked for in the directory when it was not claimed yet', async () => {
    const id = await plantVersion1(false);
    await openAccount(id).describe('BBBBBBBBBBBBBBBBBBBBBB');
    const { tables } = await readStored(accountOf(id));
    expect(tables.intent).toEqual([
      expect.objectContaining({ kind: 'register', next_try_at_ms: CREATED_MS + 900_000 }),
    ]);
  });

  it('ends up with the tables of an account that begins today', async () => {
    const id = await plantVersion1(true);
    await openAccount(id).describe('BBBBBBBBBBBBBBBBBBBBBB');
    const fresh = randomId();
    const describeTables = (name: string) =>
      runInDurableObject(accountOf(name), (_, { storage }) => {
        if (readSchemaVersion(storage.sql) === 0) migrate(storage);
        return storage.sql
          .exec<{ name: string; column: string; type: string }>(
            `SELECT m.name, c.name AS "column", c.type FROM sqlite_master AS m, pragma_table_info(m.name) AS c
             WHERE m.type = 'table' AND m.name NOT GLOB '_*' ORDER BY 1, 2`,
          )
          .toArray();
      });
    expect(await describeTables(id)).toEqual(await describeTables(fresh));
  });
});

/** An account as version 2 stored it, with a session, a mailed link and a queued mail. */
async function plantVersion2(): Promise<string> {
  const id = randomId();
  await runInDurableObject(accountOf(id), (_, { storage }) => {
    migrate(storage, 2);
    const { sql } = storage;
    sql.exec(
      `INSERT INTO account (singleton, id, username, email, password_hash, created_at_ms, browser_epoch)
       VALUES (1, ?, 'ada', 'ada@example.com', ?, ?, 7)`,
      id,
      hashPassword(PASSWORD),
      CREATED_MS,
    );
    const expMs = (Math.floor(Date.now() / 1000) + 60) * 1000;
    sql.exec(
      "INSERT INTO session VALUES ('AAAAAAAAAAAAAAAAAAAAAA', 7, ?1, 1, ?2, ?1, ?3, ?1, 'Browser', '192.0.2.1', 'NL')",
      Date.now(),
      expMs / 1000,
      expMs,
    );
    sql.exec("INSERT INTO mail_token VALUES ('hash', 'reset_password', 'ada@example.com', 1, ?)", expMs);
    sql.exec(
      "INSERT INTO outbox VALUES (1, 'verify_email', 'ada@example.com', 2, ?1, ?2, NULL)",
      Date.now(),
      expMs,
    );
  });
  await evictDurableObject(accountOf(id));
  return id;
}

describe('an account that version 2 stored', () => {
  it('keeps its session, its links and its queued mails', async () => {
    const id = await plantVersion2();
    const account = openAccount(id);
    expect(await account.refresh('AAAAAAAAAAAAAAAAAAAAAA', 7, DEVICE, POLICY)).toMatchObject({ ok: true });
    const { tables } = await readStored(accountOf(id));
    expect(tables.session).toEqual([
      expect.objectContaining({ sid: 'AAAAAAAAAAAAAAAAAAAAAA', counter: 8, browser_id: null }),
    ]);
    expect(tables.mail_token).toEqual([expect.objectContaining({ hash: 'hash', used_at_ms: null })]);
    expect(tables.outbox).toEqual([expect.objectContaining({ attempts: 2, counted_at_ms: null })]);
    expect(tables.account).toEqual([expect.objectContaining({ browser_epoch: 7 })]);
    // A browser that it knew is still known.
    const browser = { browserId: 'BBBBBBBBBBBBBBBBBBBBBB', epoch: 7 };
    const signedIn = grantOf(await account.signIn(PASSWORD, DEVICE, POLICY, { browser }));
    expect(signedIn.browser).toEqual(browser);
  });
});

/** An account as version 2 stored it, with as many events as that kept, all of the last minute. */
async function plantHistory(): Promise<{ id: string; startMs: number }> {
  const id = randomId();
  const startMs = Date.now() - 60_000;
  await runInDurableObject(accountOf(id), (_, { storage }) => {
    migrate(storage, 2);
    const { sql } = storage;
    sql.exec(
      `INSERT INTO account (singleton, id, username, email, password_hash, created_at_ms)
       VALUES (1, ?, 'ada', 'ada@example.com', ?, ?)`,
      id,
      hashPassword(PASSWORD),
      CREATED_MS,
    );
    const insert = (atMs: number, kind: string, ip: string | null, operator: string | null = null) =>
      sql.exec(
        'INSERT INTO event (at_ms, kind, user_agent, ip, country, operator) VALUES (?, ?, ?, ?, ?, ?)',
        ...[atMs, kind, DEVICE.userAgent, ip, DEVICE.country, operator],
      );
    insert(startMs, 'disabled', null, 'grace');
    for (let n = 1; n < 99; n += 1) insert(startMs + n, 'session_ended', `2001:db8::${n}`);
    insert(startMs + 99, 'sign_in_failed', DEVICE.ip);
  });
  await evictDurableObject(accountOf(id));
  return { id, startMs };
}

describe('the history of an account that version 2 stored', () => {
  it('is kept, each event as having happened once', async () => {
    const { id, startMs } = await plantHistory();
    await openAccount(id).describe('BBBBBBBBBBBBBBBBBBBBBB');
    const events = await readEvents(id);
    expect(events).toHaveLength(100);
    for (const [n, event] of events.entries())
      expect(event).toMatchObject({ id: n + 1, at_ms: startMs + n, last_at_ms: startMs + n, count: 1 });
    expect(events[0]).toMatchObject({ kind: 'disabled', operator: 'grace' });
  });

  it('goes on: what happens again counts up, and the next of a kind leaves the last ones of it', async () => {
    const { id, startMs } = await plantHistory();
    const account = openAccount(id);
    await account.signIn('wrong', DEVICE, POLICY);
    await inStore(id, (store) => store.events.record('session_ended', Date.now(), DEVICE));
    const events = await readEvents(id);
    expect(events).toHaveLength(22);
    expect(events[0]).toMatchObject({ kind: 'disabled', count: 1 });
    expect(events.at(-2)).toMatchObject({ kind: 'sign_in_failed', count: 2, at_ms: startMs + 99 });
    expect(events.at(-1)).toMatchObject({ kind: 'session_ended', count: 1, ip: DEVICE.ip });
  });
});

/** An account as version 5 stored it, with a time to look for its claim, or without. */
async function plantVersion5(claimCheckAtMs: number | null): Promise<{ id: string; name: string }> {
  const id = randomId();
  const name = uniqueName();
  await runInDurableObject(accountOf(id), async (_, { storage }) => {
    migrate(storage, 5);
    storage.sql.exec(
      `INSERT INTO account (singleton, id, username, email, password_hash, created_at_ms, claim_check_at_ms)
       VALUES (1, ?, ?, ?, ?, ?, ?)`,
      ...[id, name, `${name}@example.com`, hashPassword(PASSWORD), CREATED_MS, claimCheckAtMs],
    );
    storage.sql.exec('UPDATE account SET disabled_at_ms = NULL, must_reset_password = 0');
    if (claimCheckAtMs !== null) await storage.setAlarm(claimCheckAtMs);
  });
  await evictDurableObject(accountOf(id));
  return { id, name };
}

/** The row of the directory, as the Worker of that time wrote it. */
function claimAsBefore(id: string, name: string): Promise<unknown> {
  return env.DIRECTORY.prepare(
    'INSERT INTO accounts (id, username_key, email_key, username, email, created_at_ms) VALUES (?, ?, ?, ?, ?, ?)',
  )
    .bind(id, name, `${name}@example.com`, name, `${name}@example.com`, CREATED_MS)
    .run();
}

describe('the history of an account that version 6 stored', () => {
  it('names the reuse of a refresh token as log and documentation do', async () => {
    const id = randomId();
    await runInDurableObject(accountOf(id), (_, { storage }) => {
      migrate(storage, 6);
      storage.sql.exec(
        `INSERT INTO account (singleton, id, username, email, password_hash, created_at_ms) VALUES (1, ?, 'ada', 'a@example.com', '', ?)`,
        ...[id, CREATED_MS],
      );
      for (const kind of ['signed_in', 'token_reused'])
        storage.sql.exec('INSERT INTO event (kind, at_ms, last_at_ms) VALUES (?1, ?2, ?2)', kind, CREATED_MS);
    });
    await evictDurableObject(accountOf(id));
    const { events } = takeValue(await openAccount(id).inspect());
    expect(events.map(({ kind }) => kind)).toEqual(['refresh_token_reuse', 'signed_in']);
  });
});

describe('an account that version 7 stored', () => {
  it('keeps its password, which is a credential now, and its session, which was opened by password', async () => {
    freezeClock();
    const id = randomId();
    const sid = 'AAAAAAAAAAAAAAAAAAAAAA';
    const changedMs = CREATED_MS + 60_000;
    const seconds = Math.floor(Date.now() / 1000);
    await runInDurableObject(accountOf(id), (_, { storage }) => {
      migrate(storage, 7);
      storage.sql.exec(
        `INSERT INTO account (singleton, id, username, email, password_hash, created_at_ms) VALUES (1, ?, 'ada', 'a@example.com', ?, ?)`,
        ...[id, hashPassword(PASSWORD), CREATED_MS],
      );
      storage.sql.exec(
        `INSERT INTO session (sid, counter, rotated_at_ms, iat, exp, created_at_ms, expires_at_ms, last_used_at_ms)
         VALUES (?, 3, ?, ?, ?, ?, ?, ?)`,
        ...[sid, changedMs, seconds, seconds + 3600, changedMs, (seconds + 7200) * 1000, changedMs],
      );
      storage.sql.exec(
        "INSERT INTO event (kind, at_ms, last_at_ms) VALUES ('password_changed', ?1, ?1)",
        changedMs,
      );
    });
    await evictDurableObject(accountOf(id));
    const account = openAccount(id);
    const { session } = takeValue(await account.refresh(sid, 3, DEVICE, POLICY));
    expect(session).toMatchObject({ amr: ['pwd'], acr: 'aal1', authenticatedAtMs: changedMs });
    const { tables } = await readStored(accountOf(id));
    expect(tables.account).toEqual([expect.not.objectContaining({ password_hash: expect.anything() })]);
    expect(tables.credential).toEqual([
      expect.objectContaining({ kind: 'password', version: 1, created_at_ms: changedMs }),
    ]);
    expect(tables.credential?.[0]?.id).toMatch(/^[\w-]{22}$/);
    expect(await account.signIn(PASSWORD, DEVICE, POLICY)).toMatchObject({ ok: true });
  });
});

describe('an account that version 5 stored', () => {
  it('has nothing pending when it knew of its claim', async () => {
    const { id, name } = await plantVersion5(null);
    await claimAsBefore(id, name);
    const account = openAccount(id);
    expect(await account.signIn(PASSWORD, DEVICE, POLICY)).toMatchObject({ ok: true });
    const { tables } = await readStored(accountOf(id));
    expect(tables.intent).toEqual([]);
    expect(tables.account).toEqual([expect.not.objectContaining({ claim_check_at_ms: null })]);
  });

  it('is kept by the alarm at the time at which it would have looked for its claim, when the directory has it', async () => {
    freezeClock();
    const { id, name } = await plantVersion5(Date.now() + 900_000);
    await claimAsBefore(id, name);
    await openAccount(id).describe('BBBBBBBBBBBBBBBBBBBBBB');
    expect((await readStored(accountOf(id))).tables.intent).toEqual([
      expect.objectContaining({ kind: 'register', phase: 'reserving', next_try_at_ms: Date.now() + 900_000 }),
    ]);
    passSeconds(900);
    await fireAlarm(id);
    expect((await readStored(accountOf(id))).tables).toMatchObject({ intent: [], account: [{ id }] });
    expect(await findAccountId(env.DIRECTORY, name)).toBe(id);
  });

  it('is removed then when the directory does not have it: its registration failed, or it was being deleted', async () => {
    freezeClock();
    const { id } = await plantVersion5(Date.now() + 900_000);
    passSeconds(900);
    await fireAlarm(id);
    expect(await readStored(accountOf(id))).toEqual(NOTHING);
  });

  it('reports another name to the operators’ index', async () => {
    const { id, name } = await plantVersion5(null);
    await claimAsBefore(id, name);
    const account = openAccount(id);
    const { session } = grantOf(await account.signIn(PASSWORD, DEVICE, POLICY));
    const change = { sid: session.sid, username: uniqueName(), accessTtlSeconds: 600 };
    expect(await account.rename(change, DEVICE)).toMatchObject({ ok: true });
    const row = await env.DIRECTORY.prepare('SELECT username, username_key FROM accounts WHERE id = ?')
      .bind(id)
      .first();
    expect(row).toEqual({ username: change.username, username_key: change.username });
  });
});

describe('an object that has lost its alarm', () => {
  it('sets it again when it starts', async () => {
    const { id, account } = await createAccount();
    await runInside(id, (_, { storage }) => storage.deleteAlarm());
    await evictDurableObject(accountOf(id));
    expect(await account.exists()).toBe(true);
    await eventually(async () => expect(await readAlarmMs(id)).toBeGreaterThan(Date.now()));
  });
});
