import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { findAccountId } from '../../src/directory/directory.ts';
import { NOTHING, readStored } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { awaitMail } from '../support/mailbox.ts';
import { expectProblem, INVALID_TOKEN } from '../support/problem.ts';
import { accountOf, decodePayload, PASSWORD, type Person, Service, uniqueName } from '../support/service.ts';

const service = new Service();

function rename(person: Person, username: string): Promise<Response> {
  return service.fetch('/me', { method: 'PATCH', bearer: person.accessToken, json: { username } });
}

function remove(person: Person, password = PASSWORD): Promise<Response> {
  return service.fetch('/me', { method: 'DELETE', bearer: person.accessToken, json: { password } });
}

describe('PATCH /me', () => {
  it('changes the user name, for sign-in and in the next access token', async () => {
    const ada = await service.register();
    const username = uniqueName();
    const response = await rename(ada, username);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      user: expect.objectContaining({ id: ada.id, username, email: ada.email }),
    });
    const refreshed = await service.post('/refresh', { cookie: ada.cookie });
    expect(decodePayload((await refreshed.json<{ accessToken: string }>()).accessToken).username).toBe(
      username,
    );
    await service.login(username);
    const old = await service.post('/login', { json: { username: ada.name, password: PASSWORD } });
    await expectProblem(old, 401, 'invalid_credentials');
    expect(await findAccountId(env.DIRECTORY, ada.name)).toBeUndefined();
  });

  it('refuses a name that somebody has in another spelling, and one that is none', async () => {
    const ada = await service.register();
    const bob = await service.register();
    await expectProblem(await rename(ada, bob.name.toUpperCase()), 409, 'username_taken');
    const errors = [{ field: 'username', message: 'must not be empty' }];
    await expectProblem(await rename(ada, ''), 422, 'invalid_input', { errors });
    await service.login(ada.name);
  });

  it('takes the blanks off the name, and stores it in NFKC', async () => {
    const ada = await service.register();
    const username = uniqueName();
    const response = await rename(ada, ` Ｐ${username.slice(1)}\u00a0`);
    const { user } = await response.json<{ user: object }>();
    expect(user).toMatchObject({ username: `P${username.slice(1)}` });
    expect(await findAccountId(env.DIRECTORY, username)).toBe(ada.id);
  });

  it('lets the owner change the case of the own name', async () => {
    const ada = await service.register();
    expect((await rename(ada, ada.name.toUpperCase())).status).toBe(200);
  });

  it('of six at once for one name, one wins', async () => {
    const people = await Promise.all(Array.from({ length: 6 }, () => service.register()));
    const username = uniqueName();
    const statuses = await Promise.all(people.map(async (person) => (await rename(person, username)).status));
    expect(statuses.sort()).toEqual([200, 409, 409, 409, 409, 409]);
  });

  it('wants a live session, and claims nothing without one', async () => {
    const ada = await service.register();
    await service.post('/logout', { cookie: ada.cookie });
    const username = uniqueName();
    await expectProblem(await rename(ada, username), 401, 'session_ended', { challenge: INVALID_TOKEN });
    expect(await findAccountId(env.DIRECTORY, username)).toBeUndefined();
  });
});

describe('GET /me/history', () => {
  it('tells what happened, when, and from where, the newest first', async () => {
    const ada = await service.register();
    const headers = { 'User-Agent': 'Guesser/1.0', 'CF-Connecting-IP': '192.0.2.9' };
    await service.post('/login', { json: { username: ada.name, password: 'wrong' }, headers });
    const response = await service.fetch('/me/history', { bearer: ada.accessToken });
    expect(response.status).toBe(200);
    const { events } = await response.json<{ events: Record<string, unknown>[] }>();
    expect(events.map(({ kind }) => kind)).toEqual(['sign_in_failed', 'signed_in', 'registered']);
    expect(events[0]).toEqual({
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      lastAt: events[0]?.at,
      count: 1,
      kind: 'sign_in_failed',
      sessionId: null,
      userAgent: 'Guesser/1.0',
      ip: '192.0.2.9',
      country: null,
      operator: null,
    });
    expect(events[1]).toMatchObject({ sessionId: ada.sid });
  });

  it('tells once what happened several times, with how often, when first and when last', async () => {
    const nowMs = freezeClock();
    const ada = await service.register();
    await service.post('/login', { json: { username: ada.name, password: 'wrong' } });
    passSeconds(3599);
    await service.post('/login', { json: { username: ada.name, password: 'wrong' } });
    const { sid, accessToken } = await service.login(ada.name);
    const response = await service.fetch('/me/history', { bearer: accessToken });
    const toText = (ms: number) => new Date(ms).toISOString();
    expect(await response.json()).toMatchObject({
      events: [
        { kind: 'signed_in', sessionId: sid, count: 1 },
        { kind: 'sign_in_failed', count: 2, at: toText(nowMs), lastAt: toText(nowMs + 3_599_000) },
        { kind: 'signed_in', sessionId: ada.sid, count: 1 },
        { kind: 'registered', count: 1 },
      ],
    });
  });

  it('is for the owner with a live session', async () => {
    const ada = await service.register();
    await expectProblem(await service.fetch('/me/history'), 401, 'unauthorized');
    await service.post('/logout', { cookie: ada.cookie });
    const late = await service.fetch('/me/history', { bearer: ada.accessToken });
    await expectProblem(late, 401, 'session_ended', { challenge: INVALID_TOKEN });
  });
});

describe('DELETE /me', () => {
  it('leaves no row, no storage and no way in, and frees the names for a new id', async () => {
    freezeClock();
    const ada = await service.register();
    expect((await remove(ada)).status).toBe(204);
    await awaitMail(ada.email, 'account_deleted');
    expect(await findAccountId(env.DIRECTORY, ada.name)).toBeUndefined();
    expect(await readStored(accountOf(ada.id))).toEqual(NOTHING);
    await expectProblem(await service.post('/refresh', { cookie: ada.cookie }), 401, 'session_ended', {
      clearsCookie: true,
    });
    const me = await service.fetch('/me', { bearer: ada.accessToken });
    await expectProblem(me, 401, 'session_ended', { challenge: INVALID_TOKEN });
    const gone = await service.post('/login', { json: { username: ada.name, password: PASSWORD } });
    await expectProblem(gone, 401, 'invalid_credentials');
    const json = { username: ada.name, email: `other-${ada.email}`, password: PASSWORD };
    passSeconds(659);
    await expectProblem(await service.post('/register', { json }), 409, 'username_taken');
    passSeconds(1);
    const again = await service.register(ada.name);
    expect(again.id).not.toBe(ada.id);
  });

  it('needs the password, throttled like a sign-in', async () => {
    freezeClock();
    const ada = await service.register();
    const statuses = await Promise.all(
      Array.from({ length: 8 }, async () => (await remove(ada, 'wrong')).status),
    );
    expect(statuses.filter((status) => status === 401)).toHaveLength(6);
    await expectProblem(await remove(ada), 429, 'too_many_attempts');
    passSeconds(30);
    await service.login(ada.name);
  });
});
