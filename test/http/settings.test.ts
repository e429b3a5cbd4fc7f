// The settings whose effect no other file shows: lifetimes, issuer, audience, secrets, and how a value is written.
import { describe, expect, it } from 'vitest';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { expectProblem, INVALID_TOKEN } from '../support/problem.ts';
import {
  ACCESS_SECRET,
  decodePayload,
  PASSWORD,
  REFRESH_SECRET,
  readCookie,
  Service,
  uniqueName,
} from '../support/service.ts';
import { readSessions } from '../support/storage.ts';

const HOUR = 3600;

describe('ACCESS_TOKEN_TTL', () => {
  it('is how long an access token is good', async () => {
    freezeClock();
    const service = new Service({ ACCESS_TOKEN_TTL: '2m' });
    const ada = await service.register();
    const response = await service.post('/refresh', { cookie: ada.cookie });
    const { accessToken, expiresIn } = await response.json<{ accessToken: string; expiresIn: number }>();
    const { iat, exp } = decodePayload(accessToken);
    expect(expiresIn).toBe(120);
    expect(Number(exp) - Number(iat)).toBe(120);
    passSeconds(119);
    expect((await service.fetch('/me', { bearer: accessToken })).status).toBe(200);
    passSeconds(1);
    await expectProblem(await service.fetch('/me', { bearer: accessToken }), 401, 'unauthorized', {
      challenge: INVALID_TOKEN,
    });
  });
});

describe('REFRESH_TOKEN_TTL', () => {
  it('is how long a session may be unused: each refresh begins it anew', async () => {
    freezeClock();
    const service = new Service({ REFRESH_TOKEN_TTL: '1h', ACCESS_TOKEN_TTL: '1d' });
    const ada = await service.register();
    passSeconds(HOUR - 1);
    const refreshed = await service.post('/refresh', { cookie: ada.cookie });
    expect(refreshed.headers.get('Set-Cookie')).toContain('Max-Age=3600');
    passSeconds(HOUR - 1);
    const again = await service.post('/refresh', { cookie: readCookie(refreshed) ?? '' });
    expect(again.status).toBe(200);
    passSeconds(HOUR);
    const late = await service.post('/refresh', { cookie: readCookie(again) ?? '' });
    await expectProblem(late, 401, 'unauthorized', { clearsCookie: true });
    // The access token would have been good for a day, but was cut at the end of its session.
    await expectProblem(await service.fetch('/me', { bearer: ada.accessToken }), 401, 'unauthorized', {
      challenge: INVALID_TOKEN,
    });
    expect(await readSessions(ada.id)).toMatchObject([{ counter: 3 }]);
  });
});

describe('SESSION_TTL', () => {
  it('is the end of a session, however much it is used; no token and no cookie outlives it', async () => {
    const seconds = Math.floor(freezeClock() / 1000);
    const service = new Service({ SESSION_TTL: '2h', REFRESH_TOKEN_TTL: '90m' });
    const ada = await service.register();
    expect(decodePayload(ada.cookie).exp).toBe(seconds + 1.5 * HOUR);
    passSeconds(HOUR);
    const second = await service.post('/refresh', { cookie: ada.cookie });
    const secondCookie = readCookie(second) ?? '';
    expect(decodePayload(secondCookie).exp).toBe(seconds + 2 * HOUR);
    expect(second.headers.get('Set-Cookie')).toContain('Max-Age=3600');
    passSeconds(HOUR - 60);
    const third = await service.post('/refresh', { cookie: secondCookie });
    const { accessToken, expiresIn } = await third.json<{ accessToken: string; expiresIn: number }>();
    expect(expiresIn).toBe(60);
    expect(decodePayload(accessToken).exp).toBe(seconds + 2 * HOUR);
    expect(decodePayload(readCookie(third) ?? '').exp).toBe(seconds + 2 * HOUR);
    expect(third.headers.get('Set-Cookie')).toContain('Max-Age=60');
    passSeconds(60);
    const late = await service.post('/refresh', { cookie: readCookie(third) ?? '' });
    await expectProblem(late, 401, 'unauthorized', { clearsCookie: true });
  });

  it('shortens the first access token, too', async () => {
    freezeClock();
    const service = new Service({ SESSION_TTL: '5m' });
    const ada = await service.register();
    const { iat, exp } = decodePayload(ada.accessToken);
    expect(Number(exp) - Number(iat)).toBe(300);
  });
});

describe('REFRESH_GRACE', () => {
  it.each([
    ['5s', 4, 5],
    ['2m', 119, 120],
  ])('%s lets a used token pass for that long', async (grace, within, after) => {
    freezeClock();
    const service = new Service({ REFRESH_GRACE: grace });
    const ada = await service.register();
    const successor = readCookie(await service.post('/refresh', { cookie: ada.cookie }));
    passSeconds(within);
    expect(readCookie(await service.post('/refresh', { cookie: ada.cookie }))).toBe(successor);
    passSeconds(after - within);
    const late = await service.post('/refresh', { cookie: ada.cookie });
    await expectProblem(late, 401, 'session_ended', { clearsCookie: true });
  });

  it('0s lets none pass', async () => {
    freezeClock();
    const service = new Service({ REFRESH_GRACE: '0s' });
    const ada = await service.register();
    await service.post('/refresh', { cookie: ada.cookie });
    const again = await service.post('/refresh', { cookie: ada.cookie });
    await expectProblem(again, 401, 'session_ended', { clearsCookie: true });
  });
});

describe('ISSUER and AUDIENCE', () => {
  it('are the iss and aud of tokens; those of another are refused', async () => {
    const service = new Service({ ISSUER: 'https://id.example/auth', AUDIENCE: 'https://api.example' });
    const ada = await service.register();
    const iss = 'https://id.example/auth';
    expect(decodePayload(ada.accessToken)).toMatchObject({ iss, aud: 'https://api.example' });
    expect(decodePayload(ada.cookie)).toMatchObject({ iss, aud: `${iss}/refresh` });
    for (const changes of [{ ISSUER: 'https://id.example' }, { AUDIENCE: 'https://other.example' }]) {
      const other = new Service({ ISSUER: iss, AUDIENCE: 'https://api.example', ...changes });
      await expectProblem(await other.fetch('/me', { bearer: ada.accessToken }), 401, 'unauthorized', {
        challenge: INVALID_TOKEN,
      });
    }
    const otherIssuer = new Service({ ISSUER: 'https://id.example' });
    const response = await otherIssuer.post('/refresh', { cookie: ada.cookie });
    await expectProblem(response, 401, 'unauthorized', { clearsCookie: true });
  });
});

describe('PASSWORD_MIN_LENGTH', () => {
  it('is the shortest password that may be chosen, in characters', async () => {
    const service = new Service({ PASSWORD_MIN_LENGTH: '12' });
    for (const [password, status] of [
      ['q7#Lp!xzW3e', 422],
      ['q7#Lp!xzW3e🦊', 201],
    ] as const) {
      const name = uniqueName();
      const json = { username: name, email: `${name}@example.com`, password };
      const response = await service.post('/register', { json });
      expect(response.status).toBe(status);
      if (status === 422) expect(await response.text()).toContain('must be at least 12 characters long');
    }
  });

  it('does not lock out those who chose a shorter one before', async () => {
    const ada = await new Service().register();
    const stricter = new Service({ PASSWORD_MIN_LENGTH: '64' });
    expect((await stricter.login(ada.name, PASSWORD)).sid).toBeDefined();
  });
});

describe('the secrets', () => {
  it('rotate: a new refresh secret signs, the old one still verifies, and a dropped one no longer', async () => {
    const renewed = 'a-second-refresh-token-secret-0123456789';
    const both = new Service({ REFRESH_TOKEN_SECRET: `${renewed},${REFRESH_SECRET}` });
    const onlyNew = new Service({ REFRESH_TOKEN_SECRET: renewed });
    const ada = await new Service().register();
    const bob = await new Service().register();
    const response = await both.post('/refresh', { cookie: ada.cookie });
    expect(response.status).toBe(200);
    expect((await onlyNew.post('/refresh', { cookie: readCookie(response) ?? '' })).status).toBe(200);
    const dropped = await onlyNew.post('/refresh', { cookie: bob.cookie });
    await expectProblem(dropped, 401, 'unauthorized', { clearsCookie: true });
    expect(await readSessions(bob.id)).toMatchObject([{ counter: 1 }]);
  });

  it('decide whose access tokens are good', async () => {
    const ada = await new Service().register();
    const other = new Service({ ACCESS_TOKEN_SECRET: `${ACCESS_SECRET}-changed` });
    await expectProblem(await other.fetch('/me', { bearer: ada.accessToken }), 401, 'unauthorized', {
      challenge: INVALID_TOKEN,
    });
  });
});

describe('a setting', () => {
  it('may be a number, and counts as left out when it is empty', async () => {
    freezeClock();
    const service = new Service({ UNAUTHORIZED_STATUS: 406, PASSWORD_MIN_LENGTH: 12, ACCESS_TOKEN_TTL: '' });
    const ada = await service.register();
    expect((await service.fetch('/me')).status).toBe(406);
    expect(Number(decodePayload(ada.accessToken).exp)).toBe(Math.floor(Date.now() / 1000) + 600);
  });
});
