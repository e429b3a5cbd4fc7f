import { describe, expect, it } from 'vitest';
import { BLANKS_IN_HEADERS } from '../support/blanks.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { resign, tamper, unsign } from '../support/forge.ts';
import { brokenAccounts } from '../support/outage.ts';
import { CHALLENGE, expectProblem, INVALID_TOKEN } from '../support/problem.ts';
import {
  ACCESS_SECRET,
  decodePayload,
  ISSUER,
  type Person,
  REFRESH_SECRET,
  Service,
} from '../support/service.ts';
import { readSessions } from '../support/storage.ts';

const service = new Service();
const BEARER_ENDPOINTS = [
  ['GET', '/me'],
  ['GET', '/sessions'],
  ['DELETE', '/sessions'],
  ['DELETE', '/sessions/some-id'],
] as const;

describe('GET /me', () => {
  it('shows the caller’s account and session', async () => {
    const nowMs = freezeClock();
    const ada = await service.register();
    passSeconds(60);
    await service.post('/refresh', { cookie: ada.cookie });
    const response = await service.fetch('/me', { bearer: ada.accessToken });
    expect(response.status).toBe(200);
    expect(response.headers.get('Cache-Control')).toBe('no-store');
    expect(response.headers.getSetCookie()).toEqual([]);
    const startOfSecond = Math.floor(nowMs / 1000) * 1000;
    expect(await response.json()).toEqual({
      user: { id: ada.id, username: ada.name, email: ada.email, createdAt: rfc3339(nowMs) },
      session: {
        id: ada.sid,
        createdAt: rfc3339(nowMs),
        lastUsedAt: rfc3339(nowMs + 60_000),
        expiresAt: rfc3339(startOfSecond + 60_000 + 86_400_000),
        userAgent: null,
        ip: null,
        country: null,
        current: true,
      },
    });
  });

  it('refuses a session that was ended a moment ago, though its token is still good', async () => {
    const ada = await service.register();
    await service.post('/logout', { cookie: ada.cookie });
    const response = await service.fetch('/me', { bearer: ada.accessToken });
    await expectProblem(response, 401, 'session_ended', { challenge: INVALID_TOKEN });
  });

  it('responds to HEAD as to GET, without the body', async () => {
    const ada = await service.register();
    const response = await service.fetch('/me', { method: 'HEAD', bearer: ada.accessToken });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
  });

  it.each([
    ['nothing', {}],
    ['another scheme', { headers: { Authorization: 'Basic YWRhOnNlY3JldA==' } }],
    ['a scheme without token', { headers: { Authorization: 'Bearer' } }],
  ])('asks for a token when it is given %s, as every endpoint that needs one', async (_, parts) => {
    for (const [method, path] of BEARER_ENDPOINTS) {
      const response = await service.fetch(path, { method, ...parts });
      await expectProblem(response, 401, 'unauthorized', { challenge: CHALLENGE });
    }
  });

  it('looks at the Authorization header alone: neither the cookie nor the address counts', async () => {
    const ada = await service.register();
    const response = await service.fetch(`/me?access_token=${ada.accessToken}`, { cookie: ada.cookie });
    await expectProblem(response, 401, 'unauthorized', { challenge: CHALLENGE });
  });
});

describe('a blank beside the bearer token', () => {
  it.each(BLANKS_IN_HEADERS)('makes it a bad token where it is %s, and no missing one', async (_, blank) => {
    const { accessToken } = await service.register();
    for (const Authorization of [`Bearer ${blank}${accessToken}`, `Bearer ${accessToken}${blank}`]) {
      const response = await service.fetch('/me', { headers: { Authorization } });
      await expectProblem(response, 401, 'unauthorized', { challenge: INVALID_TOKEN });
    }
    const headers = { Authorization: `Bearer${blank}${accessToken}` };
    await expectProblem(await service.fetch('/me', { headers }), 401, 'unauthorized', {
      challenge: CHALLENGE,
    });
  });
});

const secondsAgo = (seconds: number) => Math.floor(Date.now() / 1000) - seconds;
const badTokens: [string, (person: Person) => string | Promise<string>][] = [
  ['what is no token', () => 'not.a.token'],
  ['a refresh token', ({ cookie }) => cookie],
  ['a refresh token’s claims under the right key', (p) => resign(p.cookie, {}, ACCESS_SECRET)],
  ['a token signed with the other key', (p) => resign(p.accessToken, {}, REFRESH_SECRET)],
  ['a token with a changed signature', (p) => tamper(p.accessToken)],
  ['a token without signature', (p) => unsign(p.accessToken)],
  ['a token of another issuer', (p) => resign(p.accessToken, { iss: 'https://other.test' }, ACCESS_SECRET)],
  ['a token for another audience', (p) => resign(p.accessToken, { aud: `${ISSUER}/refresh` }, ACCESS_SECRET)],
  ['a token for several audiences', (p) => resign(p.accessToken, { aud: [ISSUER] }, ACCESS_SECRET)],
  ['a token without session', (p) => resign(p.accessToken, { sid: undefined }, ACCESS_SECRET)],
  ['a token without e-mail address', (p) => resign(p.accessToken, { email: undefined }, ACCESS_SECRET)],
  [
    'a token whose time of sign-in is a text',
    (p) => resign(p.accessToken, { auth_time: '1' }, ACCESS_SECRET),
  ],
  ['a token without expiry', (p) => resign(p.accessToken, { exp: undefined }, ACCESS_SECRET)],
  [
    'an expired token',
    (p) => resign(p.accessToken, { iat: secondsAgo(700), exp: secondsAgo(1) }, ACCESS_SECRET),
  ],
];

describe('a genuine bearer token of an expired session', () => {
  it('ends nothing and shows nothing, though it would outlive the session by a minute', async () => {
    freezeClock();
    const short = new Service({ REFRESH_TOKEN_TTL: '5m', ACCESS_TOKEN_TTL: '5m' });
    const ada = await short.register();
    const exp = Number(decodePayload(ada.accessToken).exp) + 60;
    const bearer = await resign(ada.accessToken, { exp }, ACCESS_SECRET);
    passSeconds(299);
    const other = await short.login(ada.name);
    expect((await short.fetch('/me', { bearer })).status).toBe(200);
    passSeconds(1);
    for (const [method, path] of BEARER_ENDPOINTS) {
      const response = await short.fetch(path.replace('some-id', other.sid), { method, bearer });
      await expectProblem(response, 401, 'session_ended', { challenge: INVALID_TOKEN });
    }
    expect(await readSessions(ada.id)).toHaveLength(2);
  });
});

describe('a bad bearer token', () => {
  it.each(badTokens)('%s is refused without asking the account, at every endpoint', async (_, spoil) => {
    const ada = await service.register();
    const bearer = await spoil(ada);
    // An account that is asked would respond 503.
    const edge = new Service({ ACCOUNT: brokenAccounts() });
    for (const [method, path] of BEARER_ENDPOINTS) {
      const response = await edge.fetch(path, { method, bearer, cookie: ada.cookie });
      const problem = await expectProblem(response, 401, 'unauthorized', { challenge: INVALID_TOKEN });
      expect(problem.message).toBe('Unauthorized');
    }
  });

  it.each([
    ['a space', 'a b'],
    ['a comma', 'a,b'],
    ['a space behind a comma, as two headers are joined', 'a, Bearer b'],
    ['a tab', 'a\tb'],
    ['nothing but a comma', ','],
  ])('with %s in it is a bad one, not a missing one', async (_, bearer) => {
    for (const [method, path] of BEARER_ENDPOINTS) {
      const response = await service.fetch(path, { method, bearer });
      await expectProblem(response, 401, 'unauthorized', { challenge: INVALID_TOKEN });
    }
  });

  it('is a genuine one with something behind it, or twice', async () => {
    const { accessToken } = await service.register();
    for (const bearer of [`${accessToken} x`, `${accessToken},x`, `${accessToken}, Bearer ${accessToken}`]) {
      const response = await service.fetch('/me', { bearer });
      await expectProblem(response, 401, 'unauthorized', { challenge: INVALID_TOKEN });
    }
  });

  it('is one that has run out: good to its last second, refused at its end', async () => {
    freezeClock();
    const ada = await service.register();
    passSeconds(599);
    expect((await service.fetch('/me', { bearer: ada.accessToken })).status).toBe(200);
    passSeconds(1);
    const response = await service.fetch('/me', { bearer: ada.accessToken });
    await expectProblem(response, 401, 'unauthorized', { challenge: INVALID_TOKEN });
  });
});

function rfc3339(ms: number): string {
  return new Date(ms).toISOString();
}
