// GET /me/export: all that the account holds of its owner, and no secret.
import { describe, expect, it } from 'vitest';
import { ACCOUNT_LIMITS } from '../../src/domain/limits.ts';
import { mintMailToken } from '../../src/tokens/mail-token.ts';
import { expectAbsent } from '../support/absence.ts';
import { inStore, readEvents } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { failNext } from '../support/mailbox.ts';
import { expectProblem, INVALID_TOKEN } from '../support/problem.ts';
import { PASSWORD, type Person, REFRESH_SECRET, Service } from '../support/service.ts';

const service = new Service();
const { burst, refillSeconds } = ACCOUNT_LIMITS.export;

function exportOf({ accessToken }: Pick<Person, 'accessToken'>): Promise<Response> {
  return service.fetch('/me/export', { bearer: accessToken });
}

describe('GET /me/export', () => {
  it('returns user, sessions, history and credentials', async () => {
    freezeClock();
    const ada = await service.register();
    passSeconds(60);
    await service.login(ada.name);
    const response = await exportOf(ada);
    expect(response.status).toBe(200);
    expect(response.headers.get('Cache-Control')).toBe('no-store');
    const show = async (path: string) => (await service.fetch(path, { bearer: ada.accessToken })).json();
    const { user } = (await show('/me')) as { user: { createdAt: string } };
    const { sessions } = (await show('/sessions')) as { sessions: object[] };
    const { events } = (await show('/me/history')) as { events: object[] };
    expect([sessions.length, events.length]).toEqual([2, 3]);
    expect(await response.json()).toEqual({
      ...{ user, emailVerified: false, requestedEmail: null, sessions, history: events },
      credentials: [
        { kind: 'password', createdAt: user.createdAt, lastUsedAt: new Date(Date.now()).toISOString() },
      ],
    });
  });

  it('says since when the password is another one', async () => {
    freezeClock();
    const ada = await service.register();
    passSeconds(3600);
    const changedAt = new Date(Date.now()).toISOString();
    const json = { currentPassword: PASSWORD, newPassword: 'a horse of my own' };
    const { accessToken } = await service.login(ada.name);
    await service.fetch('/password', { method: 'PUT', bearer: accessToken, json });
    passSeconds(3600);
    const { accessToken: latest } = await service.login(ada.name, json.newPassword);
    expect(await (await exportOf({ accessToken: latest })).json()).toMatchObject({
      credentials: [{ kind: 'password', createdAt: changedAt }],
    });
  });

  it('holds no token, no hash and no number of a browser', async () => {
    const ada = await service.register();
    const response = await exportOf(ada);
    expect(response.status).toBe(200);
    const text = await response.text();
    const { hash, browserIds } = await inStore(ada.id, ({ credentials, sessions }) => ({
      hash: credentials.readPasswordHash() ?? '',
      browserIds: sessions.listSessions().map(({ browserId }) => browserId),
    }));
    expect(hash).toMatch(/^\$scrypt\$/);
    expect(browserIds).toHaveLength(1);
    const secrets = [...hash.split('$').slice(-2), ...browserIds, ada.cookie, ada.accessToken];
    expectAbsent(text, secrets.map(String));
  });

  it('says which address was requested, until it is confirmed or withdrawn', async () => {
    const ada = await service.register();
    const read = async () =>
      (await (await exportOf(ada)).json<{ requestedEmail: string | null }>()).requestedEmail;
    const email = `new-${ada.email}`;
    failNext(1);
    const json = { email, password: PASSWORD };
    const asked = await service.fetch('/email', { method: 'PUT', bearer: ada.accessToken, json });
    expect(asked.status).toBe(202);
    expect(await read()).toBe(email);
    const token = await inStore(ada.id, ({ mail }) => {
      const minted = mintMailToken(ada.id, REFRESH_SECRET);
      mail.storeToken(minted, 'change_email', email, Date.now());
      return minted;
    });
    expect(await read()).toBe(email);
    const use = { token: `${ada.id}.${token}` };
    expect((await service.post('/email/verify', { json: use })).status).toBe(204);
    expect(await read()).toBeNull();
  });

  it('is refused once the session has ended', async () => {
    const ada = await service.register();
    await service.post('/logout', { cookie: ada.cookie });
    await expectProblem(await exportOf(ada), 401, 'session_ended', { challenge: INVALID_TOKEN });
  });

  it('is given so many times an hour, and no more', async () => {
    freezeClock();
    const ada = await service.register();
    for (let sent = 0; sent < burst; sent += 1) expect((await exportOf(ada)).status).toBe(200);
    const events = await readEvents(ada.id);
    const refused = await exportOf(ada);
    expect(refused.headers.get('Retry-After')).toBe(String(refillSeconds));
    await expectProblem(refused, 429, 'too_many_attempts');
    expect(await readEvents(ada.id)).toEqual(events);
    // Another limit than that of passwords: whoever has a stolen token cannot use that one up here.
    const json = { currentPassword: PASSWORD, newPassword: 'short' };
    const change = await service.fetch('/password', { method: 'PUT', bearer: ada.accessToken, json });
    expect(change.status).toBe(422);
    passSeconds(refillSeconds);
    const { accessToken } = await service.login(ada.name);
    expect((await exportOf({ accessToken })).status).toBe(200);
  });
});
