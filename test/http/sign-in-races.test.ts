import { listDurableObjectIds } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { inStore, NOTHING, readEvents, readSids, readStored } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { expectProblem } from '../support/problem.ts';
import { PASSWORD, readCookie, Service, uniqueName } from '../support/service.ts';

const service = new Service();

function login(username: string, password = PASSWORD): Promise<Response> {
  return service.post('/login', { json: { username, password } });
}

describe('sign-ins at once', () => {
  it('get six of thirty guesses tried, and the right password waits with the rest', async () => {
    const nowMs = freezeClock();
    const ada = await service.register();
    const responses = await Promise.all(Array.from({ length: 30 }, (_, n) => login(ada.name, `guess ${n}`)));
    const refused = responses.filter(({ status }) => status === 401);
    const waiting = responses.filter(({ status }) => status === 429);
    expect([refused.length, waiting.length]).toEqual([6, 24]);
    for (const response of refused) await expectProblem(response, 401, 'invalid_credentials');
    for (const response of waiting) {
      expect(response.headers.get('Retry-After')).toBe('30');
      await expectProblem(response, 429, 'too_many_attempts');
    }
    const throttle = { failures: 6, lastFailureAtMs: nowMs };
    expect(await inStore(ada.id, (store) => store.throttles.read('other_browsers'))).toEqual(throttle);
    expect((await readEvents(ada.id)).filter(({ kind }) => kind === 'sign_in_failed')).toMatchObject([
      { count: 6 },
    ]);

    await expectProblem(await login(ada.name), 429, 'too_many_attempts');
    expect(await readSids(ada.id)).toEqual([ada.sid]);
    passSeconds(30);
    expect((await login(ada.name)).status).toBe(200);
  });
});

describe('a sign-in and the end of all sessions at once', () => {
  it('take turns: what was open before is over, what came after lives', async () => {
    const ada = await service.register();
    let caller = ada.accessToken;
    const outcomes: boolean[] = [];
    for (const isOpened of [false, true, false, true]) {
      const before = await readSids(ada.id);
      const signingIn = login(ada.name);
      // Either at once, or when the session is open but its tokens are not yet minted.
      while (isOpened && (await readSids(ada.id)).length === before.length);
      const ending = service.fetch('/sessions', { method: 'DELETE', bearer: caller });
      const [signedIn, ended] = await Promise.all([signingIn, ending]);
      expect([signedIn.status, ended.status]).toEqual([200, 204]);

      const events = (await readEvents(ada.id)).slice(-2);
      const isLive = events[1]?.kind === 'signed_in';
      expect(events.map(({ kind }) => kind).sort()).toEqual(['session_ended', 'signed_in']);
      expect(await readSids(ada.id)).toEqual(isLive ? [events[1]?.sid] : []);
      const cookie = readCookie(signedIn) ?? '';
      const refreshed = await service.post('/refresh', { cookie });
      if (isLive) expect(refreshed.status).toBe(200);
      else await expectProblem(refreshed, 401, 'session_ended', { clearsCookie: true });
      expect((await service.fetch('/me', { bearer: caller })).status).toBe(401);
      outcomes.push(isLive);
      caller = (await service.login(ada.name)).accessToken;
    }
    expect(new Set(outcomes).size).toBe(2);
  });
});

describe('registrations at once', () => {
  it('give a name to one of six, and leave nothing of the others', async () => {
    const username = uniqueName();
    const known = new Set((await listDurableObjectIds(env.ACCOUNT)).map(String));
    const responses = await Promise.all(
      Array.from({ length: 6 }, (_, n) =>
        service.post('/register', {
          json: { username, email: `${n}-${username}@example.com`, password: PASSWORD },
        }),
      ),
    );
    const [winner, ...losers] = responses.sort((a, b) => a.status - b.status);
    expect(winner?.status).toBe(201);
    expect(losers).toHaveLength(5);
    for (const loser of losers) await expectProblem(loser, 409, 'username_taken');

    const body = await winner?.json<{ user: { id: string } }>();
    const { results } = await env.DIRECTORY.prepare('SELECT account_id AS id FROM names WHERE key = ?')
      .bind(`username:${username}`)
      .all();
    expect(results).toEqual([{ id: body?.user.id }]);
    const made = (await listDurableObjectIds(env.ACCOUNT)).filter((id) => !known.has(String(id)));
    const stored = await Promise.all(made.map((id) => readStored(env.ACCOUNT.get(id))));
    // Several got as far as an account of their own: otherwise nothing was raced for.
    expect(stored.length).toBeGreaterThan(1);
    expect(stored.filter(({ tables }) => tables.account !== undefined)).toHaveLength(1);
    expect(stored.filter(({ tables }) => tables.account === undefined)).toEqual(
      Array(stored.length - 1).fill(NOTHING),
    );
  });
});
