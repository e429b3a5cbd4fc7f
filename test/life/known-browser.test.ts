import { describe, expect, it } from 'vitest';
import { inStore, readEvents } from '../support/account.ts';
import { BLANKS_IN_HEADERS } from '../support/blanks.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { awaitMail, readLinkToken } from '../support/mailbox.ts';
import { expectProblem } from '../support/problem.ts';
import { decodePayload, PASSWORD, readCookie, Service } from '../support/service.ts';

const service = new Service();

function signIn(username: string, device?: string, password = PASSWORD): Promise<Response> {
  const headers = device === undefined ? {} : { Cookie: `__Host-device=${device}` };
  return service.post('/login', { json: { username, password }, headers });
}

async function deviceOf(response: Response): Promise<string> {
  const device = readCookie(response, '__Host-device');
  if (device === undefined) throw new Error('no device cookie was set');
  return device;
}

/** Six failures of other browsers, without the hashes that they took. */
function plantFailures(id: string): Promise<void> {
  return inStore(id, ({ throttles }) =>
    throttles.write('other_browsers', { failures: 6, lastFailureAtMs: Date.now() }),
  );
}

describe('a browser that signed in before', () => {
  it('gets a long-lived, script-proof cookie that names the account and nobody', async () => {
    const ada = await service.register();
    const response = await signIn(ada.name);
    const line = response.headers.getSetCookie().find((cookie) => cookie.startsWith('__Host-device='));
    expect(line).toMatch(/; Max-Age=34560000; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    const claims = decodePayload(await deviceOf(response));
    expect(Object.keys(claims).sort()).toEqual(['aud', 'bid', 'epoch', 'exp', 'iat', 'iss', 'since', 'sub']);
    expect(claims.sub).toBe(ada.id);
  });

  it('signs in at the first try while other browsers guess a thousand times', async () => {
    freezeClock();
    const ada = await service.register();
    const device = await deviceOf(await signIn(ada.name));
    let tried = 0;
    for (let batch = 0; batch < 20; batch += 1) {
      const guesses = await Promise.all(
        Array.from({ length: 50 }, (_, i) => signIn(ada.name, undefined, `guess ${batch} ${i}`)),
      );
      tried += guesses.filter(({ status }) => status === 401).length;
    }
    expect(tried).toBe(6);
    await expectProblem(await signIn(ada.name), 429, 'too_many_attempts');
    expect((await signIn(ada.name, device)).status).toBe(200);
    // The owner's success clears only its own failures.
    await expectProblem(await signIn(ada.name), 429, 'too_many_attempts');
  });

  it('has a throttle of its own', async () => {
    freezeClock();
    const ada = await service.register();
    const device = await deviceOf(await signIn(ada.name));
    const guesses = await Promise.all(Array.from({ length: 12 }, () => signIn(ada.name, device, 'wrong')));
    expect(guesses.filter(({ status }) => status === 401)).toHaveLength(6);
    await expectProblem(await signIn(ada.name, device), 429, 'too_many_attempts');
    expect((await signIn(ada.name)).status).toBe(200);
    passSeconds(30);
    expect((await signIn(ada.name, device)).status).toBe(200);
    expect((await readEvents(ada.id)).filter(({ kind }) => kind === 'sign_in_failed')).toMatchObject([
      { count: 6 },
    ]);
  });

  it('keeps its number when it signs in again', async () => {
    const ada = await service.register();
    const first = await deviceOf(await signIn(ada.name));
    const second = await deviceOf(await signIn(ada.name, first));
    expect(decodePayload(second).bid).toBe(decodePayload(first).bid);
  });

  it('is known by the first of several cookies that verifies for the account', async () => {
    const ada = await service.register();
    const bob = await service.register();
    const [ofAda, ofBob] = [await deviceOf(await signIn(ada.name)), await deviceOf(await signIn(bob.name))];
    const others = ['', 'a.b.c', `"${ofAda}"`, ofBob, ofAda.slice(0, -2)];
    const response = await signIn(ada.name, [...others, ofAda].join('; __Host-device='));
    expect(decodePayload(await deviceOf(response)).bid).toBe(decodePayload(ofAda).bid);
    // Eight are looked at.
    const late = await signIn(ada.name, [...others, 'x', 'y', 'z', ofAda].join('; __Host-device='));
    expect(decodePayload(await deviceOf(late)).bid).not.toBe(decodePayload(ofAda).bid);
  });

  it.each(BLANKS_IN_HEADERS)('is not known by a cookie whose name has %s around it', async (_, blank) => {
    const ada = await service.register();
    const device = await deviceOf(await signIn(ada.name));
    const headers = { Cookie: `${blank}__Host-device=${device}; __Host-device${blank}=${device}` };
    const response = await service.post('/login', {
      json: { username: ada.name, password: PASSWORD },
      headers,
    });
    expect(decodePayload(await deviceOf(response)).bid).not.toBe(decodePayload(device).bid);
  });

  it('is not known to any other account', async () => {
    freezeClock();
    const ada = await service.register();
    const bob = await service.register();
    const device = await deviceOf(await signIn(bob.name));
    await plantFailures(ada.id);
    await expectProblem(await signIn(ada.name, device), 429, 'too_many_attempts');
  });

  it('cannot be made up: forged, changed and other tokens count as not known', async () => {
    freezeClock();
    const ada = await service.register();
    const device = await deviceOf(await signIn(ada.name));
    await plantFailures(ada.id);
    const [header, , signature] = device.split('.');
    const bid = btoa(JSON.stringify({ ...decodePayload(device), bid: 'A'.repeat(22) })).replace(/=+$/, '');
    for (const forged of [`${header}.${bid}.${signature}`, ada.cookie, ada.accessToken, 'rubbish', '']) {
      await expectProblem(await signIn(ada.name, forged), 429, 'too_many_attempts');
    }
  });
});

describe('the standing of known browsers', () => {
  async function expectRevoked(
    revoke: (person: Awaited<ReturnType<Service['register']>>) => Promise<string>,
  ): Promise<void> {
    freezeClock();
    const ada = await service.register();
    const device = await deviceOf(await signIn(ada.name));
    const password = await revoke(ada);
    await plantFailures(ada.id);
    await expectProblem(await signIn(ada.name, device, password), 429, 'too_many_attempts');
  }

  it('ends with all other sessions', () =>
    expectRevoked(async (ada) => {
      const cookie = ada.cookie;
      await service.fetch('/sessions?keep=current', { method: 'DELETE', bearer: ada.accessToken, cookie });
      return PASSWORD;
    }));

  it('ends with its session, ended by its owner from another one', async () => {
    freezeClock();
    const ada = await service.register();
    const response = await signIn(ada.name);
    const device = await deviceOf(response);
    const { accessToken } = await response.json<{ accessToken: string }>();
    const path = `/sessions/${decodePayload(accessToken).sid}`;
    const ended = await service.fetch(path, {
      ...{ method: 'DELETE', bearer: ada.accessToken, cookie: ada.cookie },
    });
    expect(ended.status).toBe(204);
    await plantFailures(ada.id);
    await expectProblem(await signIn(ada.name, device), 429, 'too_many_attempts');
    passSeconds(30);
    // The browser is a new one from now on.
    const again = await deviceOf(await signIn(ada.name, device));
    expect(decodePayload(again).bid).not.toBe(decodePayload(device).bid);
  });

  it('ends with its session, ended by the reuse of its token', async () => {
    freezeClock();
    const ada = await service.register();
    const response = await signIn(ada.name);
    const device = await deviceOf(response);
    const first = readCookie(response) ?? '';
    const second = readCookie(await service.post('/refresh', { cookie: first })) ?? '';
    await service.post('/refresh', { cookie: second });
    passSeconds(31);
    await expectProblem(await service.post('/refresh', { cookie: first }), 401, 'session_ended', {
      clearsCookie: true,
    });
    await plantFailures(ada.id);
    await expectProblem(await signIn(ada.name, device), 429, 'too_many_attempts');
  });

  it('outlives a sign-out', async () => {
    freezeClock();
    const ada = await service.register();
    const response = await signIn(ada.name);
    await service.post('/logout', { cookie: readCookie(response) ?? '' });
    await plantFailures(ada.id);
    expect((await signIn(ada.name, await deviceOf(response))).status).toBe(200);
  });

  it.each(['/sessions', '/sessions?keep=current', '/sessions/{id}'])(
    'is not taken away by an access token alone: DELETE %s',
    async (template) => {
      freezeClock();
      const ada = await service.register();
      const response = await signIn(ada.name);
      const { accessToken } = await response.json<{ accessToken: string }>();
      const path = template.replace('{id}', String(decodePayload(accessToken).sid));
      const foreign = (await service.register()).cookie;
      const stolen = { method: 'DELETE', bearer: ada.accessToken, cookie: foreign };
      expect((await service.fetch(path, stolen)).status).toBe(204);
      await plantFailures(ada.id);
      expect((await signIn(ada.name, await deviceOf(response))).status).toBe(200);
    },
  );

  it('ends with a new password', () =>
    expectRevoked(async (ada) => {
      const json = { currentPassword: PASSWORD, newPassword: 'a better horse' };
      await service.fetch('/password', { method: 'PUT', bearer: ada.accessToken, json });
      return json.newPassword;
    }));

  it('ends with a reset', () =>
    expectRevoked(async (ada) => {
      await service.post('/password/forgot', { json: { email: ada.email } });
      const token = readLinkToken(await awaitMail(ada.email, 'reset_password'));
      await service.post('/password/reset', { json: { token, newPassword: 'a better horse' } });
      return 'a better horse';
    }));

  it('is renewed for the browser that ended the others', async () => {
    freezeClock();
    const ada = await service.register();
    const ended = await service.fetch('/sessions?keep=current', {
      ...{ method: 'DELETE', bearer: ada.accessToken, cookie: ada.cookie },
    });
    const renewed = await deviceOf(ended);
    await plantFailures(ada.id);
    expect((await signIn(ada.name, renewed)).status).toBe(200);
  });
});
