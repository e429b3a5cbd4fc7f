import { describe, expect, it } from 'vitest';
import { interceptAccounts } from '../support/outage.ts';
import { expectProblem, INVALID_TOKEN } from '../support/problem.ts';
import { readCookie, Service } from '../support/service.ts';
import { readSessions } from '../support/storage.ts';

const service = new Service();

describe('POST /logout', () => {
  it('ends the session, clears the cookie and returns no body', async () => {
    const ada = await service.register();
    const other = await service.login(ada.name);
    const response = await service.post('/logout', { cookie: ada.cookie });
    expectSignedOut(response);
    expect(await response.text()).toBe('');
    expect((await readSessions(ada.id)).map(({ sid }) => sid)).toEqual([other.sid]);
    await expectProblem(await service.fetch('/me', { bearer: ada.accessToken }), 401, 'session_ended', {
      challenge: INVALID_TOKEN,
    });
  });

  it('ends the session by a cookie that was used before, too', async () => {
    const ada = await service.register();
    const successor = readCookie(await service.post('/refresh', { cookie: ada.cookie })) ?? '';
    await service.post('/refresh', { cookie: successor });
    expectSignedOut(await service.post('/logout', { cookie: ada.cookie }));
    expect(await readSessions(ada.id)).toEqual([]);
  });

  it('responds the second time as the first', async () => {
    const ada = await service.register();
    expectSignedOut(await service.post('/logout', { cookie: ada.cookie }));
    expectSignedOut(await service.post('/logout', { cookie: ada.cookie }));
  });

  it('responds so without a cookie, and with one that is no token', async () => {
    expectSignedOut(await service.post('/logout'));
    expectSignedOut(await service.post('/logout', { cookie: '' }));
    expectSignedOut(await service.post('/logout', { cookie: 'not.a.token' }));
  });

  it('ends the session of each of two cookies, so that neither survives', async () => {
    const [ada, bob] = [await service.register(), await service.register()];
    const response = await service.post('/logout', {
      headers: { Cookie: `__Host-jwt=${ada.cookie}; __Host-jwt=${bob.cookie}` },
    });
    expectSignedOut(response);
    expect(await readSessions(ada.id)).toEqual([]);
    expect(await readSessions(bob.id)).toEqual([]);
  });

  it('ends the session of every genuine one among planted ones', async () => {
    const [ada, bob] = [await service.register(), await service.register()];
    const tokens = ['a.b.c', ada.cookie, '', `"${bob.cookie}"`, 'x', bob.accessToken, bob.cookie];
    const Cookie = tokens.map((token) => `__Host-jwt=${token}`).join('; ');
    expectSignedOut(await service.post('/logout', { headers: { Cookie } }));
    expect(await readSessions(ada.id)).toEqual([]);
    expect(await readSessions(bob.id)).toEqual([]);
  });

  it('asks storage a few times at most, however many cookies a request brings', async () => {
    const ada = await service.register();
    let asked = 0;
    const ACCOUNT = interceptAccounts((_, proceed) => {
      asked += 1;
      return proceed();
    });
    const Cookie = Array(30).fill(`__Host-jwt=${ada.cookie}`).join('; ');
    expectSignedOut(await new Service({ ACCOUNT }).post('/logout', { headers: { Cookie } }));
    expect(asked).toBe(8);
    expect(await readSessions(ada.id)).toEqual([]);
  });

  it('goes by the cookie: an access token ends nothing', async () => {
    const ada = await service.register();
    expectSignedOut(await service.post('/logout', { bearer: ada.accessToken }));
    expectSignedOut(await service.post('/logout', { cookie: ada.accessToken }));
    expect(await readSessions(ada.id)).toHaveLength(1);
  });
});

function expectSignedOut(response: Response): void {
  expect(response.status).toBe(204);
  expect(readCookie(response)).toBe('');
  expect(response.headers.getSetCookie()).toHaveLength(1);
  expect(response.headers.get('Cache-Control')).toBe('no-store');
}
