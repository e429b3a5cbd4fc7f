// The row of an account in the operators' index: that it follows the account, also when D1 fails, and gets in nobody's way.
import { evictDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { reportWhenDue } from '../../src/account/operator-index.ts';
import { findRetryDelayMs } from '../../src/account/retry.ts';
import { migrate } from '../../src/account/storage/schema.ts';
import { FENCE_MS } from '../../src/domain/name-flow.ts';
import {
  createAccount,
  DEVICE,
  fireAlarm,
  inStore,
  noteAlarms,
  openAccount,
  POLICY,
  plantPending,
  plantSession,
  readAlarmMs,
  readStored,
  runInside,
} from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { captureLogs, parseLine } from '../support/logs.ts';
import { awaitMail, deliveriesTo, readLinkToken } from '../support/mailbox.ts';
import { accountOf, PASSWORD, Service, uniqueName } from '../support/service.ts';

const service = new Service();
const OPERATOR = { ...DEVICE, operator: 'grace' };
const HOUR_MS = 60 * 60 * 1000;

/** An account as it is a moment after its registration. */
async function createSettled(): Promise<string> {
  return (await createAccount()).id;
}

/** What the index says of an account, and what the account says. */
async function compare(id: string): Promise<{ index: unknown; account: unknown }> {
  const row = await env.DIRECTORY.prepare(
    'SELECT email_verified, disabled, must_reset FROM accounts WHERE id = ?',
  )
    .bind(id)
    .first();
  const found = await openAccount(id).inspect();
  const account = found.ok && {
    email_verified: Number(found.value.isEmailVerified),
    disabled: Number(found.value.isDisabled),
    must_reset: Number(found.value.mustResetPassword),
  };
  return { index: row, account };
}

async function expectAgreement(id: string, state: object): Promise<void> {
  await fireAlarm(id);
  const { index, account } = await compare(id);
  expect(account).toMatchObject(state);
  expect(index).toEqual(account);
}

async function withoutDirectory(use: () => Promise<void>): Promise<void> {
  await env.DIRECTORY.exec('ALTER TABLE accounts RENAME TO accounts_away');
  try {
    await use();
  } finally {
    await env.DIRECTORY.exec('ALTER TABLE accounts_away RENAME TO accounts');
  }
}

const act = (id: string, action: Parameters<ReturnType<typeof openAccount>['act']>[0]) =>
  openAccount(id).act(action, OPERATOR);

describe('the index, after the alarm,', () => {
  it('agrees with what operators did to the account', async () => {
    const id = await createSettled();
    await act(id, 'disable');
    expect(await compare(id)).toMatchObject({ index: { disabled: 0 }, account: { disabled: 1 } });
    await expectAgreement(id, { disabled: 1, must_reset: 0 });
    await act(id, 'enable');
    await expectAgreement(id, { disabled: 0, must_reset: 0 });
    await act(id, 'force_password_reset');
    await expectAgreement(id, { disabled: 0, must_reset: 1 });
  });

  it('agrees with what the owner did by mail', async () => {
    const ada = await service.register();
    const token = readLinkToken(await awaitMail(ada.email, 'verify_email'));
    await service.post('/email/verify', { json: { token } });
    await expectAgreement(ada.id, { email_verified: 1 });

    const bob = await service.register();
    const email = `${uniqueName()}@example.com`;
    const json = { email, password: PASSWORD };
    await service.fetch('/email', { method: 'PUT', bearer: bob.accessToken, json });
    await service.post('/email/verify', {
      json: { token: readLinkToken(await awaitMail(email, 'confirm_new_email')) },
    });
    await expectAgreement(bob.id, { email_verified: 1 });

    const eve = await service.register();
    await act(eve.id, 'force_password_reset');
    await expectAgreement(eve.id, { must_reset: 1 });
    const reset = readLinkToken(await awaitMail(eve.email, 'reset_password'));
    await service.post('/password/reset', { json: { token: reset, newPassword: 'a better horse' } });
    await expectAgreement(eve.id, { must_reset: 0, email_verified: 1 });
  });

  it('agrees with an account that an operator made without a password', async () => {
    const name = uniqueName();
    const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789abcdef';
    const json = { username: name, email: `${name}@example.com` };
    const response = await new Service({ ADMIN_TOKEN }).post('/admin/accounts', {
      bearer: ADMIN_TOKEN,
      json,
    });
    const { user } = await response.json<{ user: { id: string } }>();
    await awaitMail(json.email, 'reset_password');
    await expectAgreement(user.id, { must_reset: 1 });
  });

  it('is written a second after a change, once for several, and not again', async () => {
    const nowMs = freezeClock();
    const id = await createSettled();
    const readSetMs = await noteAlarms(id);
    await act(id, 'disable');
    expect(readSetMs()).toBe(nowMs + 1000);
    passSeconds(0.5);
    await act(id, 'force_password_reset');
    await openAccount(id).signIn('wrong', DEVICE, POLICY);
    // A sign-in does not put it off.
    expect(readSetMs()).toBe(nowMs + 1000 + 500);
    passSeconds(0.5);
    await openAccount(id).signIn('wrong', DEVICE, POLICY);
    expect(readSetMs()).toBe(nowMs + 1000 + 500);
    await fireAlarm(id);
    const stored = await readStored(accountOf(id));
    expect(stored.tables.index_report).toEqual([{ singleton: 1, version: 3, due_at_ms: null, attempts: 0 }]);
    // The next alarm is the session's.
    expect(readSetMs()).toBeGreaterThan(nowMs + HOUR_MS);
    const { index, account } = await compare(id);
    expect(index).toEqual(account);
  });

  it('is not written for what it does not show, nor for what changes nothing', async () => {
    const { id, account, session } = await createAccount();
    await account.signIn(PASSWORD, DEVICE, POLICY);
    await account.refresh(session.sid, 1, DEVICE, POLICY);
    await act(id, 'enable');
    await act(id, 'end_sessions');
    const reported = { singleton: 1, version: 1, due_at_ms: null, attempts: 0 };
    expect((await readStored(accountOf(id))).tables.index_report).toEqual([reported]);
  });
});

describe('while the directory fails, the report', () => {
  it('is tried again less and less often, and keeps neither expiry nor mail from their time', async () => {
    freezeClock();
    const logs = captureLogs();
    const id = await createSettled();
    const email = await inStore(id, ({ accounts }) => accounts.readAccount()?.email ?? '');
    await act(id, 'disable');
    await withoutDirectory(async () => {
      const waits: number[] = [];
      for (let attempt = 0; attempt < 10; attempt += 1) {
        const { sid } = await plantSession(id, { ...POLICY, refreshTtlSeconds: 1 });
        await inStore(id, ({ mail }) => mail.enqueue('password_changed', email, Date.now()));
        const alarmMs = (await readAlarmMs(id)) ?? 0;
        passSeconds(Math.max(1, (alarmMs - Date.now()) / 1000));
        await fireAlarm(id);
        expect(await inStore(id, ({ sessions }) => sessions.readSession(sid))).toBeUndefined();
        await awaitMail(email, 'password_changed', attempt + 1);
        const due = (await inStore(id, ({ reports }) => reports.read()))?.dueAtMs ?? 0;
        waits.push(due - Date.now());
      }
      for (const [attempt, waitMs] of waits.entries()) {
        const longest = Math.min(60_000 * 2 ** attempt, HOUR_MS);
        expect(waitMs, String(attempt)).toBeLessThanOrEqual(longest);
        expect(waitMs, String(attempt)).toBeGreaterThanOrEqual(longest / 2);
      }
    });
    const failures = logs.map(parseLine).filter(({ event }) => event === 'account_index');
    expect(failures[0]).toEqual({ event: 'account_index', code: 'unavailable', accountId: id, attempts: 1 });
    expect(failures).toHaveLength(10);
    passSeconds(HOUR_MS / 1000);
    await expectAgreement(id, { disabled: 1 });
    expect(deliveriesTo(email).length).toBeGreaterThanOrEqual(10);
  });

  it('waits between half an interval and a whole one, up to an hour', () => {
    expect([0, 1, 5, 6, 50].map((attempts) => findRetryDelayMs(attempts, 0))).toEqual(
      [0.5, 1, 16, 30, 30].map((minutes) => minutes * 60_000),
    );
    expect([0, 1, 5, 6, 50].map((attempts) => findRetryDelayMs(attempts, 1))).toEqual(
      [1, 2, 32, 60, 60].map((minutes) => minutes * 60_000),
    );
  });

  it('is given up after 15 seconds without a response; mail does not wait for it', async () => {
    const nowMs = freezeClock();
    const id = await createSettled();
    const email = await inStore(id, ({ accounts }) => accounts.readAccount()?.email ?? '');
    await act(id, 'disable');
    captureLogs();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: nowMs });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    await runInside(id, async (account) => {
      const { mail, reports } = account.state;
      mail.enqueue('password_changed', email, nowMs);
      const run = () => new Promise(() => {});
      // Only what `writeStatus` uses.
      const DIRECTORY = { prepare: () => ({ bind: () => ({}) }), batch: run };
      const { env: bindings } = account as unknown as { env: Env };
      Object.assign(account, { env: { ...bindings, DIRECTORY } });
      const ringing = account.alarm();
      // Each look moves the clock on by 50 ms.
      await awaitMail(email, 'password_changed');
      expect(Date.now()).toBeLessThan(nowMs + 10_000);
      expect(reports.read()).toMatchObject({ attempts: 1 });
      await vi.advanceTimersByTimeAsync(15_000);
      await ringing;
      expect(reports.read()?.dueAtMs).toBeGreaterThan(Date.now());
      Object.assign(account, { env: bindings });
    });
    passSeconds(60);
    await expectAgreement(id, { disabled: 1 });
  });
});

describe('a report', () => {
  it('is followed by another when the account changed meanwhile', async () => {
    const id = await createSettled();
    await act(id, 'disable');
    await runInside(id, async ({ state }) => {
      const run = async () => state.accounts.writeMustResetPassword(true);
      // Only what `writeStatus` uses.
      const slow = { prepare: () => ({ bind: () => ({}) }), batch: run } as unknown as D1Database;
      state.reports.plan(Date.now());
      await reportWhenDue(state, slow, () => true);
      expect(state.reports.read()).toMatchObject({ version: 3, attempts: 0 });
    });
    await expectAgreement(id, { disabled: 1, must_reset: 1 });
  });

  it('waits until the directory holds the account', async () => {
    const nowMs = freezeClock();
    const { id } = await createAccount();
    await plantPending(id, ['username', 'email']);
    await act(id, 'disable');
    expect(await readAlarmMs(id)).toBe(nowMs + FENCE_MS);
    await fireAlarm(id);
    expect(await inStore(id, ({ reports }) => reports.read())).toMatchObject({ attempts: 0 });
    passSeconds(FENCE_MS / 1000);
    await expectAgreement(id, { disabled: 1 });
  });
});

describe('an account that version 2 stored', () => {
  it.each([
    ['has been disabled', 'disabled_at_ms = 1', 1],
    ['has a confirmed address', 'email_verified_at_ms = 1', 1],
    ['has to set a new password', 'must_reset_password = 1', 1],
    ['is as it was made', 'browser_epoch = 2', 0],
  ])('reports when it is asked about, if it %s', async (_, change, reports) => {
    const { id, profile, nowMs } = await createAccount();
    await runInside(id, async (_, { storage }) => {
      const password = storage.sql.exec('SELECT data FROM credential').one();
      await storage.deleteAll();
      await storage.deleteAlarm();
      migrate(storage, 2);
      storage.sql.exec(
        `INSERT INTO account (singleton, id, username, email, password_hash, created_at_ms) VALUES (1, ?, ?, ?, ?, ?)`,
        profile.id,
        profile.username,
        profile.email,
        password.data,
        nowMs,
      );
      storage.sql.exec(`UPDATE account SET ${change}`);
    });
    await evictDurableObject(accountOf(id));
    await env.DIRECTORY.prepare('UPDATE accounts SET index_version = 0 WHERE id = ?').bind(id).run();
    await openAccount(id).inspect();
    expect((await readStored(accountOf(id))).tables.index_report).toHaveLength(reports);
    expect((await readAlarmMs(id)) !== null).toBe(reports === 1);
    if (reports === 1) await fireAlarm(id);
    const { index, account } = await compare(id);
    expect(index).toEqual(account);
  });
});
