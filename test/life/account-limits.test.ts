// What one account may do in an hour, right passwords included (domain/limits.ts).
import { describe, expect, it } from 'vitest';
import { ACCOUNT_LIMITS } from '../../src/domain/limits.ts';
import { inStore, plantSession, readEvents, readSids } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { insideAccount } from '../support/inside-account.ts';
import { expectProblem } from '../support/problem.ts';
import { decodePayload, PASSWORD, type Parts, readCookie, Service, uniqueName } from '../support/service.ts';

const service = new Service();
const { burst, refillSeconds } = ACCOUNT_LIMITS.password_proof;

describe('an account', () => {
  it.each([
    ['PUT', '/password', { currentPassword: PASSWORD, newPassword: 'short' }, 422],
    ['PUT', '/email', { email: 'new@example.com', password: PASSWORD }, 202],
  ])('takes so many right passwords an hour, and no more: %s %s', async (method, path, json, status) => {
    freezeClock();
    const ada = await service.register();
    const send = (parts: Parts) => service.fetch(path, { method, json, ...parts });
    const statuses = [];
    for (let sent = 0; sent < burst; sent += 1)
      statuses.push((await send({ bearer: ada.accessToken })).status);
    // A change of address is limited by its mails as well.
    expect(new Set(statuses)).toEqual(new Set(status === 202 ? [202, 429] : [status]));
    const refused = await send({ bearer: ada.accessToken });
    await expectProblem(refused, 429, 'too_many_attempts');
    // DELETE /me shares the limit, and nothing is gone.
    const deletion = { method: 'DELETE', bearer: ada.accessToken, json: { password: PASSWORD } };
    await expectProblem(await service.fetch('/me', deletion), 429, 'too_many_attempts');
    expect((await service.fetch('/me', { bearer: ada.accessToken })).status).toBe(200);
    passSeconds(refillSeconds);
    const { accessToken } = await service.login(ada.name);
    expect((await service.fetch('/me', { ...deletion, bearer: accessToken })).status).toBe(204);
  });

  it('keeps a limit of its own for a browser that is established', async () => {
    freezeClock();
    const ada = await service.register();
    const signedIn = await service.post('/login', { json: { username: ada.name, password: PASSWORD } });
    const device = readCookie(signedIn, '__Host-device');
    passSeconds(86_400);
    const { accessToken: bearer } = await service.login(ada.name);
    const json = { currentPassword: PASSWORD, newPassword: 'short' };
    const change = (headers: Record<string, string> = {}) =>
      service.fetch('/password', { method: 'PUT', bearer, json, headers });
    for (let sent = 0; sent < burst; sent += 1) await change();
    expect((await change()).status).toBe(429);
    expect((await change({ Cookie: `__Host-device=${device}` })).status).toBe(422);
  });

  it('knows a browser that signs in every hour since its first sign-in, until all are revoked', async () => {
    freezeClock();
    const ada = await service.register();
    let device = '';
    const signIn = async () => {
      const json = { username: ada.name, password: PASSWORD };
      const response = await service.post('/login', { json, headers: { Cookie: `__Host-device=${device}` } });
      device = readCookie(response, '__Host-device') ?? '';
      return response.json<{ accessToken: string }>();
    };
    const change = async (currentPassword: string, newPassword: string) => {
      const json = { currentPassword, newPassword };
      const headers = { Cookie: `__Host-device=${device}` };
      return service.fetch('/password', { method: 'PUT', bearer, json, headers });
    };
    const useUp = () =>
      inStore(ada.id, ({ limits }) => {
        while (limits.take('password_proof', Date.now()).allowed);
      });
    await signIn();
    for (let hour = 0; hour < 23; hour += 1) {
      passSeconds(3600);
      await signIn();
    }
    let { accessToken: bearer } = await signIn();
    await useUp();
    expect((await change(PASSWORD, 'short')).status).toBe(429);
    passSeconds(3600);
    ({ accessToken: bearer } = await signIn());
    await useUp();
    const other = 'a new long password';
    const changed = await change(PASSWORD, other);
    expect(changed.status).toBe(204);
    // The renewed cookie is of the browser that all others were revoked for, and begins anew.
    device = readCookie(changed, '__Host-device') ?? '';
    expect((await change(other, 'short')).status).toBe(429);
  });

  it('knows a browser that was revoked since its next sign-in', async () => {
    freezeClock();
    const ada = await service.register();
    const json = { username: ada.name, password: PASSWORD };
    const first = await service.post('/login', { json });
    const { accessToken } = await first.json<{ accessToken: string }>();
    // Its session is still there; a day after the first cookie it is not.
    passSeconds(86_390);
    const { accessToken: owner, cookie } = await service.login(ada.name);
    const ended = `/sessions/${decodePayload(accessToken).sid}`;
    expect((await service.fetch(ended, { method: 'DELETE', bearer: owner, cookie })).status).toBe(204);
    passSeconds(10);
    const headers = { Cookie: `__Host-device=${readCookie(first, '__Host-device')}` };
    const again = await service.post('/login', { json, headers });
    await inStore(ada.id, ({ limits }) => {
      while (limits.take('password_proof', Date.now()).allowed);
    });
    const change = await service.fetch('/password', {
      method: 'PUT',
      bearer: owner,
      json: { currentPassword: PASSWORD, newPassword: 'short' },
      headers: { Cookie: `__Host-device=${readCookie(again, '__Host-device')}` },
    });
    expect(change.status).toBe(429);
  });

  it('changes its password so many times an hour, from however many new browsers, and two notices wait', async () => {
    freezeClock();
    const ada = await service.register();
    let password = PASSWORD;
    const change = async (newPassword: string) => {
      const signedIn = await service.post('/login', { json: { username: ada.name, password } });
      const { accessToken: bearer } = await signedIn.json<{ accessToken: string }>();
      const headers = { Cookie: `__Host-device=${readCookie(signedIn, '__Host-device')}` };
      const json = { currentPassword: password, newPassword };
      const changed = await service.fetch('/password', { method: 'PUT', bearer, json, headers });
      if (changed.ok) password = newPassword;
      return changed;
    };
    await inStore(ada.id, ({ limits }) => {
      while (limits.take('notice', Date.now(), 'password_changed').allowed);
    });
    for (let made = 0; made < burst; made += 1)
      expect((await change(`a new long password ${made}`)).status).toBe(204);
    await expectProblem(await change('one too many of them'), 429, 'too_many_attempts');
    const waiting = await insideAccount(ada.id, (_, { sql }) =>
      sql.exec("SELECT kind FROM outbox WHERE kind = 'password_changed' AND done_at_ms IS NULL").toArray(),
    );
    expect(waiting).toHaveLength(2);
  });

  it('says a few times a day whether a user name is taken', async () => {
    freezeClock();
    const ada = await service.register();
    const bob = await service.register();
    const rename = (username: string) =>
      service.fetch('/me', { method: 'PATCH', bearer: ada.accessToken, json: { username } });
    for (let asked = 0; asked < ACCOUNT_LIMITS.rename.burst; asked += 1)
      await expectProblem(await rename(bob.name), 409, 'username_taken');
    for (const name of [bob.name, uniqueName()]) {
      const refused = await rename(name);
      await expectProblem(refused, 429, 'too_many_attempts');
      expect(refused.headers.get('Retry-After')).toBe('14400');
    }
    passSeconds(14_400);
    const { accessToken } = await service.login(ada.name);
    const name = uniqueName();
    const renamed = await service.fetch('/me', {
      method: 'PATCH',
      bearer: accessToken,
      json: { username: name },
    });
    expect(renamed.status).toBe(200);
  });

  it('opens so many sessions in a row; an established browser has a limit of its own, wrong passwords use none up', async () => {
    freezeClock();
    const ada = await service.register();
    const json = { username: ada.name, password: PASSWORD };
    const device = readCookie(await service.post('/login', { json }), '__Host-device');
    passSeconds(86_400);
    const young = readCookie(await service.post('/login', { json }), '__Host-device');
    await service.post('/login', { json: { ...json, password: 'wrong' } });
    for (let opened = 1; opened < ACCOUNT_LIMITS.sign_in.burst; opened += 1)
      expect((await service.post('/login', { json })).status).toBe(200);
    const refused = await service.post('/login', { json });
    await expectProblem(refused, 429, 'too_many_attempts');
    expect(refused.headers.get('Retry-After')).toBe('60');
    // Only the right password learns of it.
    const guess = await service.post('/login', { json: { ...json, password: 'wrong' } });
    await expectProblem(guess, 401, 'invalid_credentials');
    const again = await service.post('/login', { json, headers: { Cookie: `__Host-device=${young}` } });
    await expectProblem(again, 429, 'too_many_attempts');
    const known = await service.post('/login', { json, headers: { Cookie: `__Host-device=${device}` } });
    expect(known.status).toBe(200);
    passSeconds(60);
    await service.login(ada.name);
  });
});

describe('sign-ins beyond the most sessions of an account', () => {
  it('end the sessions of new browsers first, those of known and established ones last, and are recorded', async () => {
    freezeClock();
    const ada = await service.register();
    const json = { username: ada.name, password: PASSWORD };
    const device = readCookie(await service.post('/login', { json }), '__Host-device');
    passSeconds(86_400);
    const known = await service.post('/login', { json, headers: { Cookie: `__Host-device=${device}` } });
    const knownCookie = readCookie(known) ?? '';
    // A browser that has just learned the password is known too, and not established.
    const recentDevice = readCookie(await service.post('/login', { json }), '__Host-device');
    await service.post('/login', { json, headers: { Cookie: `__Host-device=${recentDevice}` } });
    passSeconds(80_000);
    const recent: string[] = [];
    // Rows of sign-ins, without the hash of each.
    for (let opened = 0; opened < 97; opened += 1) recent.push((await plantSession(ada.id)).sid);
    passSeconds(300);
    expect(await readSids(ada.id)).toHaveLength(100);
    // The known browser's session is the longest unused, and the only established one.
    for (let signIns = 0; signIns < 3; signIns += 1) await service.login(ada.name);
    const evicted = (await readEvents(ada.id)).filter(({ kind }) => kind === 'session_evicted');
    expect(evicted).toHaveLength(3);
    expect((await service.post('/refresh', { cookie: knownCookie })).status).toBe(200);
    expect(await readSids(ada.id)).toHaveLength(100);
    passSeconds(200);
    // A day old: established, although its browser was new.
    const left = await inStore(ada.id, ({ sessions }) => sessions.evictSessions(2, Date.now() - 86_400_000));
    expect(left).toHaveLength(99);
  });

  it('spare a session that is a day old', async () => {
    freezeClock();
    const ada = await service.register();
    passSeconds(86_400 - 60);
    const { cookie, sid } = await service.login(ada.name);
    passSeconds(86_400 - 120);
    const refreshed = readCookie(await service.post('/refresh', { cookie })) ?? '';
    passSeconds(180);
    for (let opened = 0; opened < 99; opened += 1) await plantSession(ada.id);
    await service.login(ada.name);
    expect(await readSids(ada.id)).toContain(sid);
    expect((await service.post('/refresh', { cookie: refreshed })).status).toBe(200);
  });
});
