import { describe, expect, it } from 'vitest';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { resign, tamper, unsign } from '../support/forge.ts';
import { brokenAccounts } from '../support/outage.ts';
import { expectProblem, INVALID_TOKEN } from '../support/problem.ts';
import {
  ACCESS_SECRET,
  decodePayload,
  ISSUER,
  REFRESH_SECRET,
  readCookie,
  Service,
  type SignedIn,
} from '../support/service.ts';
import { readSessions } from '../support/storage.ts';

const service = new Service();

describe('POST /refresh', () => {
  it('trades the cookie for the next pair', async () => {
    const ada = await service.register();
    const response = await service.post('/refresh', { cookie: ada.cookie });
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toBe('application/json');
    expect(response.headers.get('Cache-Control')).toBe('no-store');
    expect(await response.json()).toEqual({
      accessToken: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      tokenType: 'Bearer',
      expiresIn: 600,
    });
    const successor = readCookie(response) ?? '';
    expect(successor).not.toBe(ada.cookie);
    expect(decodePayload(successor)).toMatchObject({ sid: ada.sid, ctr: 2 });
    expect(await readSessions(ada.id)).toMatchObject([{ sid: ada.sid, counter: 2 }]);
  });

  it('needs no body, and looks at none', async () => {
    const ada = await service.register();
    const response = await service.post('/refresh', { cookie: ada.cookie, body: 'x'.repeat(100_000) });
    expect(response.status).toBe(200);
  });

  it('gives a used token the same successor within the grace', async () => {
    freezeClock();
    const ada = await service.register();
    const successor = readCookie(await service.post('/refresh', { cookie: ada.cookie }));
    passSeconds(29);
    const replay = await service.post('/refresh', { cookie: ada.cookie });
    expect(replay.status).toBe(200);
    expect(readCookie(replay)).toBe(successor);
    expect(await readSessions(ada.id)).toMatchObject([{ sid: ada.sid, counter: 2 }]);
  });

  it('ends the session when a used token comes back after the grace', async () => {
    freezeClock();
    const ada = await service.register();
    const successor = readCookie(await service.post('/refresh', { cookie: ada.cookie })) ?? '';
    passSeconds(30);
    const reuse = await service.post('/refresh', { cookie: ada.cookie });
    const problem = await expectProblem(reuse, 401, 'session_ended', { clearsCookie: true });
    expect(problem.message).toBe('Unauthorized');
    expect(await readSessions(ada.id)).toEqual([]);
    const owner = await service.post('/refresh', { cookie: successor });
    await expectProblem(owner, 401, 'session_ended', { clearsCookie: true });
    await expectProblem(await service.fetch('/me', { bearer: ada.accessToken }), 401, 'session_ended', {
      challenge: INVALID_TOKEN,
    });
  });

  it('refuses the token of a session that was signed out', async () => {
    const ada = await service.register();
    await service.post('/logout', { cookie: ada.cookie });
    const response = await service.post('/refresh', { cookie: ada.cookie });
    await expectProblem(response, 401, 'session_ended', { clearsCookie: true });
    expect(await readSessions(ada.id)).toEqual([]);
  });

  it('refuses a genuine token that outlives its session, and opens nothing', async () => {
    freezeClock();
    const ada = await service.register();
    const claims = decodePayload(ada.cookie);
    const longer = await resign(ada.cookie, { exp: Number(claims.exp) + 60 }, REFRESH_SECRET);
    passSeconds(24 * 60 * 60);
    const response = await service.post('/refresh', { cookie: longer });
    await expectProblem(response, 401, 'session_ended', { clearsCookie: true });
    expect(await readSessions(ada.id)).toMatchObject([{ counter: 1 }]);
  });

  it('refuses a request without cookie, and clears it nevertheless', async () => {
    const response = await service.post('/refresh');
    const problem = await expectProblem(response, 401, 'unauthorized', { clearsCookie: true });
    expect(problem.message).toBe('Unauthorized');
  });

  it('looks at the cookie alone: a token as bearer, in the body or in the address does not count', async () => {
    const ada = await service.register();
    const response = await service.post(`/refresh?token=${ada.cookie}&__Host-jwt=${ada.cookie}`, {
      bearer: ada.cookie,
      json: { refreshToken: ada.cookie, token: ada.cookie },
    });
    await expectProblem(response, 401, 'unauthorized', { clearsCookie: true });
    expect(await readSessions(ada.id)).toMatchObject([{ counter: 1 }]);
  });
});

const secondsAgo = (seconds: number) => Math.floor(Date.now() / 1000) - seconds;
const badTokens: [string, (person: SignedIn) => string | Promise<string>][] = [
  ['an empty cookie', () => ''],
  ['what is no token', () => 'not.a.token'],
  ['an access token', ({ accessToken }) => accessToken],
  ['an access token’s claims under the right key', (p) => resign(p.accessToken, {}, REFRESH_SECRET)],
  ['a token signed with the other key', ({ cookie }) => resign(cookie, {}, ACCESS_SECRET)],
  ['a token with a changed signature', ({ cookie }) => tamper(cookie)],
  ['a token without signature', ({ cookie }) => unsign(cookie)],
  ['a token with something after it', ({ cookie }) => `${cookie}.e30`],
  ['a token in quotes', ({ cookie }) => `"${cookie}"`],
  ['a token with its dots escaped', ({ cookie }) => cookie.replaceAll('.', '%2E')],
  ['a token of another issuer', (p) => resign(p.cookie, { iss: 'https://other.test' }, REFRESH_SECRET)],
  ['a token for another audience', (p) => resign(p.cookie, { aud: ISSUER }, REFRESH_SECRET)],
  ['a token without counter', (p) => resign(p.cookie, { ctr: undefined }, REFRESH_SECRET)],
  ['a token whose counter is a text', (p) => resign(p.cookie, { ctr: '1' }, REFRESH_SECRET)],
  ['a token without expiry', (p) => resign(p.cookie, { exp: undefined }, REFRESH_SECRET)],
  ['a token that is valid for ever', (p) => resign(p.cookie, { exp: 2 ** 40 }, REFRESH_SECRET)],
  ['a token from the future', (p) => resign(p.cookie, { iat: secondsAgo(-120) }, REFRESH_SECRET)],
  ['an expired token', (p) => resign(p.cookie, { iat: secondsAgo(90), exp: secondsAgo(1) }, REFRESH_SECRET)],
];

describe('POST /refresh with a bad cookie', () => {
  it.each(badTokens)('refuses %s without asking storage, and clears the cookie', async (_, spoil) => {
    const ada = await service.register();
    const bad = await spoil(ada);
    // An account that is asked would respond 503.
    const edge = new Service({ ACCOUNT: brokenAccounts() });
    const response = await edge.post('/refresh', { cookie: bad });
    await expectProblem(response, 401, 'unauthorized', { clearsCookie: true });
    await expectProblem(await service.post('/refresh', { cookie: bad }), 401, 'unauthorized', {
      clearsCookie: true,
    });
    expect(await readSessions(ada.id)).toMatchObject([{ sid: ada.sid, counter: 1 }]);
  });
});
