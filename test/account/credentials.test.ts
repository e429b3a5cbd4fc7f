// Credentials as rows: an account that has no password, and one that has more than a password.
import { describe, expect, it } from 'vitest';
import {
  createAccount,
  DEVICE,
  inStore,
  POLICY,
  readEvents,
  readSids,
  runInside,
} from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { awaitMail, readLinkToken } from '../support/mailbox.ts';
import { expectProblem } from '../support/problem.ts';
import { grantOf, takeValue } from '../support/results.ts';
import { decodePayload, PASSWORD, Service } from '../support/service.ts';

const service = new Service();

/** Takes an account its password, as if it had been made without one. */
async function removePassword(id: string): Promise<void> {
  await runInside(id, (_, { storage }) => {
    storage.sql.exec('DELETE FROM credential');
  });
}

/** A second factor, as a later version of this service enrols it. */
async function plantFactor(id: string): Promise<void> {
  await runInside(id, (_, { storage }) => {
    storage.sql.exec("INSERT INTO credential VALUES ('factor', 'totp', 1, 'sealed', 1, NULL)");
  });
}

describe('an account without a password', () => {
  it('takes none at a sign-in, and counts each try as for a wrong one', async () => {
    freezeClock();
    const { id, account } = await createAccount();
    await removePassword(id);
    for (let tries = 0; tries < 6; tries += 1)
      expect(await account.signIn(PASSWORD, DEVICE, POLICY)).toEqual({ ok: false, reason: 'wrong_password' });
    const throttled = { ok: false, reason: 'account_throttled', retryAfterSeconds: 30 };
    expect(await account.signIn(PASSWORD, DEVICE, POLICY)).toEqual(throttled);
    expect(await readSids(id)).toHaveLength(1);
  });

  it('takes none as a proof of its owner either', async () => {
    const ada = await service.register();
    await removePassword(ada.id);
    const json = { currentPassword: PASSWORD, newPassword: 'a horse of my own' };
    const response = await service.fetch('/password', { method: 'PUT', bearer: ada.accessToken, json });
    await expectProblem(response, 401, 'invalid_credentials');
    expect(await inStore(ada.id, ({ credentials }) => credentials.list())).toEqual([]);
  });

  it('gets one by the link that is mailed to its owner', async () => {
    const ada = await service.register();
    await removePassword(ada.id);
    const { status } = await service.post('/password/forgot', { json: { email: ada.email } });
    expect(status).toBe(202);
    const token = readLinkToken(await awaitMail(ada.email, 'reset_password'));
    const password = 'a horse of my own';
    const reset = await service.post('/password/reset', { json: { token, newPassword: password } });
    expect(reset.status).toBe(204);
    expect(await inStore(ada.id, ({ credentials }) => credentials.list())).toMatchObject([
      { kind: 'password', version: 1, lastUsedAtMs: null },
    ]);
    expect((await service.post('/login', { json: { username: ada.name, password } })).status).toBe(200);
  });
});

describe('an account with a second factor', () => {
  it('opens no session by its password, whose right try stays counted', async () => {
    const nowMs = freezeClock();
    const { id, account } = await createAccount();
    await plantFactor(id);
    const before = await readEvents(id);
    const result = await account.signIn(PASSWORD, DEVICE, POLICY);
    expect(takeValue(result)).toEqual({ status: 'factor_required', methods: ['totp'] });
    expect(await readSids(id)).toHaveLength(1);
    expect(await readEvents(id)).toEqual(before);
    expect(await inStore(id, ({ throttles }) => throttles.read('other_browsers'))).toEqual({
      failures: 1,
      lastFailureAtMs: nowMs,
    });
  });

  it('is refused on the wire with a code of its own, and without a cookie', async () => {
    const ada = await service.register();
    await plantFactor(ada.id);
    const json = { username: ada.name, password: PASSWORD };
    const response = await service.post('/login', { json, cookie: ada.cookie });
    await expectProblem(response, 403, 'second_factor_required');
    expect(response.headers.get('Set-Cookie')).toBeNull();
    // The session that the cookie stands for goes on: nothing has replaced it.
    expect((await service.post('/refresh', { cookie: ada.cookie })).status).toBe(200);
    json.password = 'wrong horse battery staple';
    await expectProblem(await service.post('/login', { json }), 401, 'invalid_credentials');
  });
});

describe('a session', () => {
  it('says in each of its access tokens how and when it was authenticated', async () => {
    const nowMs = freezeClock();
    const ada = await service.register();
    await runInside(ada.id, (account, { storage }) => {
      storage.sql.exec(
        "UPDATE session SET amr = 'pwd otp mfa', acr = 'aal2', authenticated_at_ms = ?",
        nowMs,
      );
      account.state.cache.forget();
    });
    passSeconds(3600);
    const response = await service.post('/refresh', { cookie: ada.cookie });
    const { accessToken } = await response.json<{ accessToken: string }>();
    expect(decodePayload(accessToken)).toMatchObject({
      amr: ['pwd', 'otp', 'mfa'],
      acr: 'aal2',
      auth_time: Math.floor(nowMs / 1000),
    });
  });

  it('notes when the password was used last', async () => {
    freezeClock();
    const { id, account } = await createAccount();
    passSeconds(60);
    grantOf(await account.signIn(PASSWORD, DEVICE, POLICY));
    const used = [{ lastUsedAtMs: Date.now() }];
    expect(await inStore(id, ({ credentials }) => credentials.list())).toMatchObject(used);
    passSeconds(60);
    const wrong = await account.signIn('wrong horse', DEVICE, POLICY);
    expect(wrong).toEqual({ ok: false, reason: 'wrong_password' });
    await inStore(id, ({ accounts }) => accounts.writeDisabled(Date.now()));
    expect(await account.signIn(PASSWORD, DEVICE, POLICY)).toEqual({ ok: false, reason: 'account_disabled' });
    expect(await inStore(id, ({ credentials }) => credentials.list())).toMatchObject(used);
  });
});
