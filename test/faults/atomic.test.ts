// Storage that fails in the middle of an operation: all that it writes is stored, or nothing.
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Account } from '../../src/account/account.ts';
import { randomId } from '../../src/domain/ids.ts';
import { DEVICE, inStore, POLICY, plantSession, readStored, runInside } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { execInAccount } from '../support/faults.ts';
import { awaitMail } from '../support/mailbox.ts';
import { expectSettled, isFree, settle } from '../support/names.ts';
import { accountOf, decodePayload, PASSWORD, type Person, Service, uniqueName } from '../support/service.ts';

const service = new Service();
const caller = { actor: DEVICE };
const accessTtlSeconds = 600;

beforeEach(() => {
  freezeClock();
  vi.spyOn(console, 'error').mockImplementation(() => {});
});

async function plantLink(
  id: string,
  purpose: 'verify_email' | 'change_email',
  email: string,
): Promise<string> {
  const token = randomId();
  await inStore(id, ({ mail }) => mail.storeToken(token, purpose, email, Date.now()));
  return token;
}

/** What begins an operation, once what it needs is there. */
type Prepare = (ada: Person) => Promise<(account: Account) => unknown>;

const OPERATIONS: [string, Prepare][] = [
  [
    'a reuse of a refresh token',
    async ({ sid }) =>
      (account) =>
        account.refresh(sid, 99, DEVICE, POLICY),
  ],
  [
    'a sign-out',
    async ({ sid }) =>
      (account) =>
        account.signOut(sid, DEVICE),
  ],
  [
    'the end of another session',
    async ({ id, sid }) => {
      const other = await plantSession(id);
      return (account) => account.endSession(sid, other.sid, DEVICE, true);
    },
  ],
  [
    'the end of all sessions',
    async ({ sid }) =>
      (account) =>
        account.endSessions(sid, false, DEVICE, true),
  ],
  ['a request for a new password', async () => (account) => account.requestPasswordReset(caller)],
  [
    'a verification',
    async ({ id, email }) => {
      const token = await plantLink(id, 'verify_email', email);
      return (account) => account.verifyEmail({ token, accessTtlSeconds }, caller);
    },
  ],
  ['a disabling', async () => (account) => account.act('disable', { ...DEVICE, operator: 'grace' })],
  [
    'a forced reset',
    async () => (account) => account.act('force_password_reset', { ...DEVICE, operator: 'grace' }),
  ],
  ['a sign-in', async () => (account) => account.signIn(PASSWORD, DEVICE, POLICY)],
];

/** The rows of all tables; the alarm is left out. */
async function readRows(id: string): Promise<object> {
  const { tables } = await readStored(accountOf(id));
  return tables;
}

/** Calls inside the object, because the test runner reports an exception that leaves an object as unhandled. */
function attempt(id: string, operation: (account: Account) => unknown): Promise<string> {
  return runInside(id, async (account) => {
    try {
      await operation(account);
      return 'done';
    } catch (error) {
      return String(error);
    }
  });
}

async function breakHistory(id: string): Promise<() => Promise<void>> {
  const trigger = "CREATE TRIGGER broken BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'full'); END";
  await execInAccount(id, trigger);
  return () => execInAccount(id, 'DROP TRIGGER broken');
}

describe('storage that fails half-way through', () => {
  it.each(OPERATIONS)('%s keeps what was stored before', async (_, prepare) => {
    const ada = await service.register();
    await awaitMail(ada.email, 'verify_email');
    const operation = await prepare(ada);
    const before = await readRows(ada.id);
    const mend = await breakHistory(ada.id);
    expect(await attempt(ada.id, operation)).toContain('full');
    expect(await readRows(ada.id)).toEqual(before);
    await mend();
    expect(await attempt(ada.id, operation)).toBe('done');
    expect(await readRows(ada.id)).not.toEqual(before);
  });

  it('a change of the user name leaves the account its name, and the other one free', async () => {
    const ada = await service.register();
    const next = uniqueName();
    const mend = await breakHistory(ada.id);
    const rename = () =>
      service.fetch('/me', { method: 'PATCH', bearer: ada.accessToken, json: { username: next } });
    expect((await rename()).status).toBe(503);
    await mend();
    const refreshed = await service.post('/refresh', { cookie: ada.cookie });
    const { accessToken } = await refreshed.json<{ accessToken: string }>();
    expect(decodePayload(accessToken).username).toBe(ada.name);
    passSeconds(60);
    await settle(ada.id);
    await expectSettled(ada.id);
    expect(await isFree(next)).toBe(true);
  });

  it('a change of the address leaves the account its address, and the other one free', async () => {
    const ada = await service.register();
    const next = `${uniqueName()}@example.com`;
    const token = await plantLink(ada.id, 'change_email', next);
    const mend = await breakHistory(ada.id);
    const verify = (account: Account) => account.verifyEmail({ token, accessTtlSeconds }, caller);
    expect(await attempt(ada.id, verify)).toContain('full');
    await mend();
    expect(await inStore(ada.id, ({ accounts }) => accounts.readAccount()?.email)).toBe(ada.email);
    passSeconds(60);
    await settle(ada.id);
    await expectSettled(ada.id);
    expect(await isFree(next)).toBe(true);
  });
});
