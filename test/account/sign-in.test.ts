import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { findAccountId } from '../../src/directory/directory.ts';
import { hashPassword } from '../../src/passwords/scrypt.ts';
import {
  countWrites,
  createAccount,
  DAY_SECONDS,
  DEVICE,
  inStore,
  POLICY,
  readAlarmMs,
  readStored,
  runInside,
} from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { hashForReal } from '../support/hashes.ts';
import { grantOf } from '../support/results.ts';
import { accountOf, PASSWORD } from '../support/service.ts';

hashForReal();

const TODAYS_HASH = /^\$scrypt\$ln=14,r=8,p=5\$[\w+/]{22}\$[\w+/]{43}$/;

describe('registration', () => {
  it('stores the account, gets its names, and signs it in', async () => {
    const nowMs = freezeClock();
    const { id, profile, session } = await createAccount();
    const iat = Math.floor(nowMs / 1000);
    expect(session).toEqual({
      sid: expect.stringMatching(/^[\w-]{22}$/),
      counter: 1,
      rotatedAtMs: nowMs,
      iat,
      exp: iat + POLICY.refreshTtlSeconds,
      createdAtMs: nowMs,
      expiresAtMs: (iat + POLICY.sessionTtlSeconds) * 1000,
      lastUsedAtMs: nowMs,
      ...DEVICE,
      browserId: expect.stringMatching(/^[\w-]{22}$/),
      ...{ amr: ['pwd'], acr: 'aal1', authenticatedAtMs: nowMs },
    });
    expect(await inStore(id, (store) => store.sessions.listSessions())).toEqual([session]);
    expect(await inStore(id, (store) => store.accounts.readAccount())).toEqual({
      ...profile,
      emailVerifiedAtMs: null,
      disabledAtMs: null,
      mustResetPassword: false,
      browserEpoch: 1,
    });
    expect(await inStore(id, (store) => store.credentials.list())).toEqual([
      {
        ...{ id: expect.stringMatching(/^[\w-]{22}$/), kind: 'password', version: 1 },
        ...{ data: expect.stringMatching(TODAYS_HASH), createdAtMs: nowMs, lastUsedAtMs: nowMs },
      },
    ]);
    expect(await inStore(id, ({ intents }) => intents.read())).toBeUndefined();
    expect(await readAlarmMs(id)).toBe(session.exp * 1000);
    for (const name of [profile.username, profile.email])
      expect(await findAccountId(env.DIRECTORY, name)).toBe(id);
  });

  it('cannot overwrite an account that is there', async () => {
    const { id, profile } = await createAccount();
    const before = await readStored(accountOf(id));
    const again = { ...profile, password: 'another horse entirely', client: DEVICE, policy: POLICY };
    await runInside(id, (instance) =>
      expect(instance.register(again)).rejects.toThrow('UNIQUE constraint failed'),
    );
    expect(await readStored(accountOf(id))).toEqual(before);
  });
});

describe('a sign-in', () => {
  it('opens a session of its own with the right password', async () => {
    freezeClock();
    const { id, account, session: first, profile } = await createAccount();
    passSeconds(60);
    const nowMs = Date.now();
    const granted = grantOf(await account.signIn(PASSWORD, DEVICE, POLICY));
    expect(granted).toMatchObject({
      profile,
      nowMs,
      session: { counter: 1, createdAtMs: nowMs },
    });
    const sessions = await inStore(id, (store) => store.sessions.listSessions());
    expect(sessions).toHaveLength(2);
    expect(sessions).toEqual([granted.session, first]);
  });

  it('opens none with a wrong password, and counts the failure', async () => {
    const nowMs = freezeClock();
    const { id, account, session } = await createAccount();
    expect(await account.signIn('wrong horse battery staple', DEVICE, POLICY)).toEqual({
      ok: false,
      reason: 'wrong_password',
    });
    expect(await inStore(id, (store) => store.sessions.listSessions())).toEqual([session]);
    expect(await inStore(id, (store) => store.throttles.read('other_browsers'))).toEqual({
      failures: 1,
      lastFailureAtMs: nowMs,
    });
  });

  it('takes the same password in another Unicode form', async () => {
    const { account } = await createAccount();
    const fullWidth = PASSWORD.replaceAll('e', '\uFF45');
    expect(await account.signIn(fullWidth, DEVICE, POLICY)).toMatchObject({ ok: true });
  });

  it('clears the failures of its own browser, and never those that all other browsers share', async () => {
    const nowMs = freezeClock();
    const { id, account, browser } = await createAccount();
    const failures = { failures: 5, lastFailureAtMs: nowMs };
    const own = `browser:${browser.browserId}`;
    await inStore(id, ({ throttles }) => {
      for (const bucket of ['other_browsers', own]) throttles.write(bucket, failures);
    });
    for (const conditions of [{}, { browser }])
      expect(await account.signIn(PASSWORD, DEVICE, POLICY, conditions)).toMatchObject({ ok: true });
    expect(
      await inStore(id, ({ throttles }) => [throttles.read('other_browsers'), throttles.read(own)]),
    ).toEqual([failures, undefined]);
  });
});

describe('the throttle', () => {
  it('lets five wrong passwords go, and after the sixth even the right one waits', async () => {
    const nowMs = freezeClock();
    const { id, account, session } = await createAccount();
    for (let failures = 1; failures <= 6; failures += 1) {
      expect(await account.signIn('wrong', DEVICE, POLICY)).toEqual({ ok: false, reason: 'wrong_password' });
    }
    const throttled = { ok: false, reason: 'account_throttled', retryAfterSeconds: 30 };
    expect(await account.signIn(PASSWORD, DEVICE, POLICY)).toEqual(throttled);
    expect(await inStore(id, (store) => store.throttles.read('other_browsers'))).toEqual({
      failures: 6,
      lastFailureAtMs: nowMs,
    });
    expect(await inStore(id, (store) => store.sessions.listSessions())).toEqual([session]);
    passSeconds(30);
    expect(await account.signIn(PASSWORD, DEVICE, POLICY)).toMatchObject({ ok: true });
  });

  it('responds without hashing, and without writing', async () => {
    const nowMs = freezeClock();
    const { id, account } = await createAccount();
    await inStore(id, (store) => {
      store.throttles.write('other_browsers', { failures: 6, lastFailureAtMs: nowMs });
      // Not a hash at all: from here on, whoever goes as far as checking a password fails.
      store.credentials.rehashPassword('tripwire');
    });
    const before = { stored: await readStored(accountOf(id)), writes: await countWrites(id) };
    for (const password of [PASSWORD, 'wrong']) {
      expect(await account.signIn(password, DEVICE, POLICY)).toEqual({
        ok: false,
        reason: 'account_throttled',
        retryAfterSeconds: 30,
      });
    }
    expect({ stored: await readStored(accountOf(id)), writes: await countWrites(id) }).toEqual(before);
    passSeconds(30);
    await runInside(id, (instance) =>
      expect(instance.signIn(PASSWORD, DEVICE, POLICY)).rejects.toThrow('not a PHC string'),
    );
  });

  it('starts again after a day without failures', async () => {
    const nowMs = freezeClock();
    const { id, account } = await createAccount();
    await inStore(id, (store) =>
      store.throttles.write('other_browsers', { failures: 20, lastFailureAtMs: nowMs }),
    );
    passSeconds(DAY_SECONDS);
    expect(await account.signIn('wrong', DEVICE, POLICY)).toEqual({ ok: false, reason: 'wrong_password' });
    expect(await inStore(id, (store) => store.throttles.read('other_browsers'))).toMatchObject({
      failures: 1,
    });
  });
});

describe('a password hash below the parameters of today', () => {
  const plantWeakHash = (id: string) => {
    const weak = hashPassword(PASSWORD, { ln: 10, r: 8, p: 1 });
    return inStore(id, (store) => store.credentials.rehashPassword(weak)).then(() => weak);
  };
  const readHash = (id: string) => inStore(id, (store) => store.credentials.readPasswordHash());

  it('is replaced at the next sign-in, once', async () => {
    const { id, account } = await createAccount();
    await plantWeakHash(id);
    expect(await account.signIn(PASSWORD, DEVICE, POLICY)).toMatchObject({ ok: true });
    const raised = await readHash(id);
    expect(raised).toMatch(TODAYS_HASH);
    expect(await account.signIn(PASSWORD, DEVICE, POLICY)).toMatchObject({ ok: true });
    expect(await readHash(id)).toBe(raised);
  });

  it('stays when the password is wrong', async () => {
    const { id, account } = await createAccount();
    const weak = await plantWeakHash(id);
    expect(await account.signIn('wrong', DEVICE, POLICY)).toEqual({ ok: false, reason: 'wrong_password' });
    expect(await readHash(id)).toBe(weak);
  });
});
