import { describe, expect, it } from 'vitest';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { Faults } from '../support/faults.ts';
import { expectProblem, INVALID_TOKEN } from '../support/problem.ts';
import { PASSWORD, Service } from '../support/service.ts';
import { readSessions } from '../support/storage.ts';

const service = new Service();

interface Listed {
  sessions: { id: string; current: boolean; userAgent: string | null; ip: string | null }[];
}

describe('GET /sessions', () => {
  it.each([
    ['2001:0DB8:0:0::0007', '2001:db8::7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['192.0.2.7, 198.51.100.1', null],
    ['<script>', null],
    ['1'.repeat(16_384), null],
  ])('shows an address in one form, and no other text for one: %s', async (text, ip) => {
    const ada = await service.register();
    const headers = { 'CF-Connecting-IP': text };
    await service.post('/refresh', { cookie: ada.cookie, headers });
    await service.post('/login', { json: { username: ada.name, password: PASSWORD }, headers });
    const response = await service.fetch('/sessions', { bearer: ada.accessToken });
    const { sessions } = await response.json<{ sessions: { ip: unknown; current: boolean }[] }>();
    expect(sessions.find(({ current }) => !current)).toMatchObject({ ip });
  });

  it('lists the account’s sessions, the one used last first, and tells which is the caller’s', async () => {
    const nowMs = freezeClock();
    const ada = await service.register();
    passSeconds(5);
    const phone = await service.post('/login', {
      json: { username: ada.name, password: PASSWORD },
      headers: { 'User-Agent': 'Phone/1.0', 'CF-Connecting-IP': '192.0.2.7' },
      country: 'CH',
    });
    expect(phone.status).toBe(200);
    const response = await service.fetch('/sessions', { bearer: ada.accessToken });
    expect(response.status).toBe(200);
    expect(response.headers.get('Cache-Control')).toBe('no-store');
    const wholeSecond = Math.floor(nowMs / 1000) * 1000;
    const day = 86_400_000;
    expect(await response.json()).toEqual({
      sessions: [
        {
          id: expect.stringMatching(/^[\w-]{22}$/),
          createdAt: rfc3339(nowMs + 5000),
          lastUsedAt: rfc3339(nowMs + 5000),
          expiresAt: rfc3339(wholeSecond + 5000 + day),
          userAgent: 'Phone/1.0',
          ip: '192.0.2.7',
          country: 'CH',
          current: false,
        },
        {
          id: ada.sid,
          createdAt: rfc3339(nowMs),
          lastUsedAt: rfc3339(nowMs),
          expiresAt: rfc3339(wholeSecond + day),
          userAgent: null,
          ip: null,
          country: null,
          current: true,
        },
      ],
    });
  });

  it('moves a session to the front when it is refreshed', async () => {
    freezeClock();
    const ada = await service.register();
    passSeconds(5);
    const other = await service.login(ada.name);
    passSeconds(5);
    await service.post('/refresh', { cookie: ada.cookie });
    const response = await service.fetch('/sessions', { bearer: other.accessToken });
    const { sessions } = await response.json<Listed>();
    expect(sessions.map(({ id, current }) => [id, current])).toEqual([
      [ada.sid, false],
      [other.sid, true],
    ]);
  });

  it('leaves out a session that has run out', async () => {
    freezeClock();
    const ada = await service.register();
    passSeconds(24 * 60 * 60 - 1);
    const later = await service.login(ada.name);
    passSeconds(1);
    const response = await service.fetch('/sessions', { bearer: later.accessToken });
    const { sessions } = await response.json<Listed>();
    expect(sessions.map(({ id }) => id)).toEqual([later.sid]);
  });

  it('believes the platform about the address, not the client, and cuts a long User-Agent', async () => {
    const ada = await service.register();
    const forwarded = '198.51.100.1';
    await service.post('/login', {
      json: { username: ada.name, password: PASSWORD },
      headers: {
        'User-Agent': 'x'.repeat(5000),
        'X-Forwarded-For': forwarded,
        'X-Real-IP': forwarded,
        'True-Client-IP': forwarded,
        Forwarded: `for=${forwarded}`,
      },
    });
    const response = await service.fetch('/sessions', { bearer: ada.accessToken });
    const { sessions } = await response.json<Listed>();
    const other = sessions.find(({ current }) => !current);
    expect(other).toMatchObject({ ip: null, userAgent: 'x'.repeat(256) });
  });
});

describe('DELETE /sessions/{id}', () => {
  it('ends another session of the caller’s', async () => {
    const ada = await service.register();
    const other = await service.login(ada.name);
    const response = await service.fetch(`/sessions/${other.sid}`, {
      method: 'DELETE',
      bearer: ada.accessToken,
    });
    await expectDone(response);
    expect((await readSessions(ada.id)).map(({ sid }) => sid)).toEqual([ada.sid]);
    await expectProblem(await service.post('/refresh', { cookie: other.cookie }), 401, 'session_ended', {
      clearsCookie: true,
    });
  });

  it('ends the caller’s own, and leaves the cookie to the next refresh', async () => {
    const ada = await service.register();
    const response = await service.fetch(`/sessions/${ada.sid}`, {
      method: 'DELETE',
      bearer: ada.accessToken,
      cookie: ada.cookie,
    });
    await expectDone(response);
    expect(await readSessions(ada.id)).toEqual([]);
  });

  it('does not find another account’s session, and leaves it alone', async () => {
    const [ada, bob] = [await service.register(), await service.register()];
    const response = await service.fetch(`/sessions/${bob.sid}`, {
      method: 'DELETE',
      bearer: ada.accessToken,
    });
    await expectProblem(response, 404, 'not_found');
    expect(await readSessions(bob.id)).toHaveLength(1);
    expect(await readSessions(ada.id)).toHaveLength(1);
  });

  it.each([
    ['that was never given', 'A'.repeat(22)],
    ['with a quote in it', "x' OR '1'='1"],
    ['of many bytes', 'x'.repeat(5000)],
  ])('does not find an id %s', async (_, id) => {
    const ada = await service.register();
    const path = `/sessions/${encodeURIComponent(id)}`;
    const response = await service.fetch(path, { method: 'DELETE', bearer: ada.accessToken });
    await expectProblem(response, 404, 'not_found');
    expect(await readSessions(ada.id)).toHaveLength(1);
  });
});

describe('DELETE /sessions', () => {
  it('ends every session of the account, and no other account’s', async () => {
    const [ada, bob] = [await service.register(), await service.register()];
    await service.login(ada.name);
    const response = await service.fetch('/sessions', { method: 'DELETE', bearer: ada.accessToken });
    await expectDone(response);
    expect(await readSessions(ada.id)).toEqual([]);
    expect(await readSessions(bob.id)).toHaveLength(1);
  });

  it('keeps the caller’s own with keep=current', async () => {
    const ada = await service.register();
    await service.login(ada.name);
    const path = '/sessions?keep=current';
    await expectDone(await service.fetch(path, { method: 'DELETE', bearer: ada.accessToken }));
    expect((await readSessions(ada.id)).map(({ sid }) => sid)).toEqual([ada.sid]);
  });

  it.each([
    'keep=curent',
    'keep=',
    'keep',
    'keep=Current',
    'keep=current&keep=all',
    'keep=current&keep=current',
  ])('ends nothing at ?%s, which may be a slip', async (query) => {
    const ada = await service.register();
    const path = `/sessions?${query}`;
    const response = await service.fetch(path, { method: 'DELETE', bearer: ada.accessToken });
    await expectProblem(response, 422, 'invalid_input', {
      errors: [
        {
          field: 'keep',
          code: 'not_an_option',
          message: 'must be "current" or left out',
          params: { expected: 'current' },
        },
      ],
    });
    expect(await readSessions(ada.id)).toHaveLength(1);
  });
});

describe('DELETE /sessions/{id} with what is no id', () => {
  it.each(['current', 'A'.repeat(21), 'A'.repeat(23), `${'A'.repeat(21)}%0a`])(
    'is a 404, and no account is asked: %s',
    async (id) => {
      const ada = await service.register();
      const faults = new Faults();
      const watched = new Service(faults.bindings());
      const response = await watched.fetch(`/sessions/${id}`, { method: 'DELETE', bearer: ada.accessToken });
      await expectProblem(response, 404, 'not_found');
      expect(faults.opened).toEqual([]);
      expect(await readSessions(ada.id)).toHaveLength(1);
    },
  );
});

describe('a session that has ended', () => {
  it.each([
    ['GET', '/sessions'],
    ['DELETE', '/sessions'],
    ['DELETE', '/sessions?keep=current'],
    ['DELETE', '/sessions/{other}'],
  ])('can no longer %s %s', async (method, template) => {
    const ada = await service.register();
    const other = await service.login(ada.name);
    await service.post('/logout', { cookie: ada.cookie });
    const path = template.replace('{other}', other.sid);
    const response = await service.fetch(path, { method, bearer: ada.accessToken });
    await expectProblem(response, 401, 'session_ended', { challenge: INVALID_TOKEN });
    expect((await readSessions(ada.id)).map(({ sid }) => sid)).toEqual([other.sid]);
  });
});

async function expectDone(response: Response): Promise<void> {
  expect(response.status).toBe(204);
  expect(await response.text()).toBe('');
  // Only a sign-out and a refused refresh clear the cookie.
  expect(response.headers.getSetCookie()).toEqual([]);
}

function rfc3339(ms: number): string {
  return new Date(ms).toISOString();
}
