import { evictDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { deriveDecoyId, importDecoyKey } from '../../src/directory/decoy.ts';
import { fireAlarm, plantPending, readStored } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { expectProblem } from '../support/problem.ts';
import {
  accountOf,
  PASSWORD,
  type Parts,
  REFRESH_SECRET,
  readCookie,
  Service,
  uniqueName,
} from '../support/service.ts';

const service = new Service();

/** Calls after which the account's object leaves memory, as it does on the platform whenever nobody calls it. */
function forgetful(id: string) {
  const call = async (path: string, parts: Parts = {}) => {
    const response = await service.fetch(path, parts);
    await evictDurableObject(accountOf(id));
    return response;
  };
  return {
    get: (path: string, bearer: string) => call(path, { bearer }),
    delete: (path: string, bearer: string) => call(path, { method: 'DELETE', bearer }),
    post: (path: string, parts: Parts = {}) => call(path, { method: 'POST', ...parts }),
    refresh: (cookie: string) => call('/refresh', { method: 'POST', cookie }),
    login: (username: string, password = PASSWORD) =>
      call('/login', { method: 'POST', json: { username, password } }),
  };
}

async function readTokens(response: Response): Promise<{ accessToken: string; cookie: string }> {
  expect(response.status).toBe(200);
  const { accessToken } = await response.json<{ accessToken: string }>();
  return { accessToken, cookie: readCookie(response) ?? '' };
}

describe('an account that leaves memory between all calls', () => {
  it('rotates, repeats within the window, and ends the session at a reuse', async () => {
    freezeClock();
    const ada = await service.register();
    await evictDurableObject(accountOf(ada.id));
    const client = forgetful(ada.id);
    const elsewhere = await readTokens(await client.login(ada.name));

    const second = await readTokens(await client.refresh(ada.cookie));
    passSeconds(29);
    const replayed = await readTokens(await client.refresh(ada.cookie));
    expect(replayed.cookie).toBe(second.cookie);
    const third = await readTokens(await client.refresh(second.cookie));
    expect(third.cookie).not.toBe(second.cookie);
    expect((await client.get('/me', ada.accessToken)).status).toBe(200);

    await expectProblem(await client.refresh(ada.cookie), 401, 'session_ended', { clearsCookie: true });
    await expectProblem(await client.refresh(third.cookie), 401, 'session_ended', { clearsCookie: true });
    expect((await client.get('/me', ada.accessToken)).status).toBe(401);
    await readTokens(await client.refresh(elsewhere.cookie));
  });

  it('remembers who signed out, and which sessions were ended', async () => {
    const ada = await service.register();
    await evictDurableObject(accountOf(ada.id));
    const client = forgetful(ada.id);
    const [second, third, fourth] = [
      await readTokens(await client.login(ada.name)),
      await readTokens(await client.login(ada.email)),
      await readTokens(await client.login(ada.name)),
    ];
    const list = await client.get('/sessions', ada.accessToken);
    expect((await list.json<{ sessions: unknown[] }>()).sessions).toHaveLength(4);

    expect((await client.post('/logout', { cookie: second.cookie })).status).toBe(204);
    await expectProblem(await client.refresh(second.cookie), 401, 'session_ended', { clearsCookie: true });
    expect((await client.delete(`/sessions/${ada.sid}`, third.accessToken)).status).toBe(204);
    await expectProblem(await client.refresh(ada.cookie), 401, 'session_ended', { clearsCookie: true });
    expect((await client.delete('/sessions?keep=current', third.accessToken)).status).toBe(204);
    await expectProblem(await client.refresh(fourth.cookie), 401, 'session_ended', { clearsCookie: true });
    expect((await client.delete('/sessions', third.accessToken)).status).toBe(204);
    await expectProblem(await client.refresh(third.cookie), 401, 'session_ended', { clearsCookie: true });
    expect((await readStored(accountOf(ada.id))).tables.session).toEqual([]);
    await readTokens(await client.login(ada.name));
  });

  it('remembers failed sign-ins, and the wait after them', async () => {
    freezeClock();
    const ada = await service.register();
    await evictDurableObject(accountOf(ada.id));
    const client = forgetful(ada.id);
    for (let n = 1; n <= 6; n += 1) {
      await expectProblem(await client.login(ada.name, 'wrong'), 401, 'invalid_credentials');
    }
    await expectProblem(await client.login(ada.name), 429, 'too_many_attempts');
    passSeconds(30);
    await readTokens(await client.login(ada.name));
  });

  it('finds its alarm and what is pending again', async () => {
    freezeClock();
    const ada = await service.register();
    await plantPending(ada.id, ['username', 'email']);
    passSeconds(3600);
    await evictDurableObject(accountOf(ada.id));
    await fireAlarm(ada.id);
    await evictDurableObject(accountOf(ada.id));
    const { tables } = await readStored(accountOf(ada.id));
    expect([tables.account?.length, tables.intent]).toEqual([1, []]);
    expect((await service.post('/refresh', { cookie: ada.cookie })).status).toBe(200);
  });
});

describe('a name that nobody has', () => {
  it('keeps its wait when its object leaves memory', async () => {
    freezeClock();
    const nobody = uniqueName();
    const client = forgetful(await deriveDecoyId(await importDecoyKey(REFRESH_SECRET), nobody));
    for (let n = 1; n <= 6; n += 1) {
      await expectProblem(await client.login(nobody), 401, 'invalid_credentials');
    }
    await expectProblem(await client.login(nobody), 429, 'too_many_attempts');
  });
});
