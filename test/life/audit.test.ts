// What operators did: on record before it is done, and after the account is gone.
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { AUDIT_RETENTION_MS } from '../../src/directory/audit.ts';
import { expectAbsent } from '../support/absence.ts';
import { NOTHING, readStored } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { breakDirectory, brokenAccounts } from '../support/outage.ts';
import { expectProblem } from '../support/problem.ts';
import { adminRoutes } from '../support/routes.ts';
import { accountOf, Service, uniqueName } from '../support/service.ts';
import { findInDirectory, listStoredUsernames } from '../support/storage.ts';

const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789abcdef';
const service = new Service({ ADMIN_TOKEN });
const NOBODY = 'B'.repeat(22);

/** Every action on an account that exists, by the name that the audit has for it. */
const ACTIONS = [
  ['disable', 'POST', '/disable'],
  ['enable', 'POST', '/enable'],
  ['end_sessions', 'DELETE', '/sessions'],
  ['force_password_reset', 'POST', '/password-reset'],
  ['delete', 'DELETE', ''],
] as const;

interface Entry {
  at: string;
  operator: string;
  action: string;
  accountId: string;
  outcome: string;
  requestId: string;
}

function ask(method: string, path: string, json?: object, through = service): Promise<Response> {
  const headers = { 'X-Operator': 'grace+ops' };
  return through.fetch(`/admin${path}`, { method, bearer: ADMIN_TOKEN, headers, ...(json && { json }) });
}

async function readAudit(query = ''): Promise<{ entries: Entry[]; cursor: string | null }> {
  return (await ask('GET', `/audit${query}`)).json();
}

async function readEntries(accountId: string): Promise<Entry[]> {
  return (await readAudit(`?accountId=${accountId}`)).entries;
}

const newcomer = () => {
  const username = uniqueName();
  return { username, email: `${username}@example.com` };
};

beforeEach(async () => {
  await env.DIRECTORY.exec('DELETE FROM audit');
});

describe('an action of an operator', () => {
  it('is on record: who, what, whom, when, and in which request; after the account is gone, too', async () => {
    const nowMs = freezeClock();
    const ada = await service.register();
    const expected: Entry[] = [];
    for (const [action, method, path] of ACTIONS) {
      const response = await ask(method, `/accounts/${ada.id}${path}`);
      expect(response.status).toBe(204);
      const requestId = String(response.headers.get('X-Request-Id'));
      const at = new Date(nowMs).toISOString();
      expected.unshift({ at, operator: 'grace+ops', action, accountId: ada.id, outcome: 'done', requestId });
    }
    expect(await readStored(accountOf(ada.id))).toEqual(NOTHING);
    expect(await readEntries(ada.id)).toEqual(expected);
    const { results } = await env.DIRECTORY.prepare('SELECT * FROM audit').all();
    expect(results).toHaveLength(ACTIONS.length);
    expectAbsent(JSON.stringify(results), [ada.email]);
  });

  it('that makes an account is on record under the id of the account', async () => {
    const response = await ask('POST', '/accounts', newcomer());
    const { user } = await response.json<{ user: { id: string } }>();
    expect(await readEntries(user.id)).toMatchObject([{ action: 'create', outcome: 'done' }]);
  });

  it.each(ACTIONS)(
    'is refused while its record cannot be stored, and nothing is done: %s',
    async (_, method, path) => {
      const ada = await service.register();
      const before = await readStored(accountOf(ada.id));
      for (const when of ['before', 'after'] as const) {
        const DIRECTORY = breakDirectory((query) => query.startsWith('INSERT INTO audit'), when);
        const failing = new Service({ ADMIN_TOKEN, DIRECTORY });
        const response = await ask(method, `/accounts/${ada.id}${path}`, undefined, failing);
        await expectProblem(response, 503, 'unavailable');
        expect(await readStored(accountOf(ada.id))).toEqual(before);
        expect(await findInDirectory(ada.name)).toBe(ada.id);
      }
      // Only the response of the second was lost: a row without an action, and it says no more than that.
      expect(await readEntries(ada.id)).toMatchObject([{ outcome: 'requested' }]);
    },
  );

  it('makes no account while its record cannot be stored', async () => {
    const DIRECTORY = breakDirectory((query) => query.startsWith('INSERT INTO audit'));
    const json = newcomer();
    const response = await ask('POST', '/accounts', json, new Service({ ADMIN_TOKEN, DIRECTORY }));
    await expectProblem(response, 503, 'unavailable');
    expect(await findInDirectory(json.username)).toBeUndefined();
    expect((await listStoredUsernames()).filter((name) => name === json.username)).toEqual([]);
  });

  it.each(ACTIONS)('that is interrupted stays on record as requested: %s', async (action, method, path) => {
    const ada = await service.register();
    const failing = new Service({ ADMIN_TOKEN, ACCOUNT: brokenAccounts() });
    const response = await ask(method, `/accounts/${ada.id}${path}`, undefined, failing);
    await expectProblem(response, 503, 'unavailable');
    expect(await readEntries(ada.id)).toMatchObject([{ action, outcome: 'requested' }]);
  });

  it('stands when its end could not be recorded', async () => {
    const ada = await service.register();
    const DIRECTORY = breakDirectory((query) => query.startsWith('UPDATE audit'));
    const failing = new Service({ ADMIN_TOKEN, DIRECTORY });
    expect((await ask('DELETE', `/accounts/${ada.id}/sessions`, undefined, failing)).status).toBe(204);
    expect(await readEntries(ada.id)).toMatchObject([{ action: 'end_sessions', outcome: 'requested' }]);
  });

  it('that changes nothing is on record as refused', async () => {
    for (const [, method, path] of ACTIONS)
      await expectProblem(await ask(method, `/accounts/${NOBODY}${path}`), 404, 'not_found');
    const { entries } = await readAudit();
    expect(entries.map(({ action, outcome }) => [action, outcome])).toEqual(
      ACTIONS.map(([action]) => [action, 'refused']).toReversed(),
    );
    const ada = await service.register();
    const json = { username: ada.name, email: 'other@example.com' };
    await expectProblem(await ask('POST', '/accounts', json), 409, 'username_taken');
    expect((await readAudit('?limit=1')).entries).toMatchObject([{ action: 'create', outcome: 'refused' }]);
  });

  it('that only looks is not on record, nor is one that was malformed', async () => {
    const ada = await service.register();
    await ask('GET', '/accounts');
    await ask('GET', `/accounts/${ada.id}`);
    await ask('GET', '/audit');
    await ask('POST', '/accounts', { username: 'a b', email: 'nowhere' });
    await ask('POST', '/accounts/nobody/disable');
    expect(await readAudit()).toEqual({ entries: [], cursor: null });
  });
});

describe('the audit', () => {
  it('has every operation that changes something', () => {
    const reads = ['POST /admin/accounts/search'];
    const changes = Object.entries(adminRoutes).flatMap(([path, methods]) =>
      Object.keys(methods)
        .filter((method) => method !== 'GET')
        .map((method) => `${method} ${path}`),
    );
    const recorded = ACTIONS.map(([, method, path]) => `${method} /admin/accounts/:id${path}`);
    expect(changes.filter((one) => !reads.includes(one)).toSorted()).toEqual(
      ['POST /admin/accounts', ...recorded].toSorted(),
    );
  });

  it('is listed newest first, page by page, by account and by operator', async () => {
    const ada = await service.register();
    const bob = await service.register();
    for (const [index, id] of [ada.id, bob.id, ada.id, ada.id, bob.id].entries()) {
      const headers = { 'X-Operator': index % 2 === 0 ? 'grace' : 'hopper' };
      await service.post(`/admin/accounts/${id}/enable`, { bearer: ADMIN_TOKEN, headers });
    }
    const readAll = async (query: string) => {
      const seen: Entry[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const page = await readAudit(`?limit=2&cursor=${cursor}${query}`);
        expect(page.entries.length).toBeLessThanOrEqual(2);
        seen.push(...page.entries);
        // A cursor that leads back would go on for ever.
        expect(seen.length).toBeLessThan(20);
        cursor = page.cursor;
      }
      return seen.map(({ operator, accountId }) => [operator, accountId]);
    };
    const all = [
      ['grace', bob.id],
      ['hopper', ada.id],
      ['grace', ada.id],
      ['hopper', bob.id],
      ['grace', ada.id],
    ];
    expect(await readAll('')).toEqual(all);
    expect(await readAll(`&accountId=${ada.id}`)).toEqual(all.filter(([, id]) => id === ada.id));
    expect(await readAll('&operator=grace')).toEqual(all.filter(([operator]) => operator === 'grace'));
    expect(await readAll(`&operator=hopper&accountId=${bob.id}`)).toEqual([['hopper', bob.id]]);
  });

  it.each([
    ['cursor=x', 'cursor', 'is not a cursor of this list'],
    ['cursor=MQ%3D%3D', 'cursor', 'is not a cursor of this list'],
    ['cursor=MR', 'cursor', 'is not a cursor of this list'],
    ['cursor=LTE', 'cursor', 'is not a cursor of this list'],
    ['accountId=ada', 'accountId', 'must be an id'],
    ['limit=0', 'limit', 'must be at least 1'],
  ])('refuses %s', async (query, field, message) => {
    const errors = [{ field, message }];
    await expectProblem(await ask('GET', `/audit?${query}`), 422, 'invalid_input', { errors });
  });

  it('is kept for a year; what is older goes as new rows come, twenty at a time', async () => {
    freezeClock();
    const ada = await service.register();
    const act = () => ask('POST', `/accounts/${ada.id}/enable`);
    for (let row = 0; row < 22; row += 1) await act();
    passSeconds(AUDIT_RETENTION_MS / 1000);
    const count = async () =>
      (await env.DIRECTORY.prepare('SELECT count(*) AS n FROM audit').first<{ n: number }>())?.n;
    await act();
    expect(await count()).toBe(23);
    passSeconds(1);
    await act();
    expect(await count()).toBe(4);
    await act();
    expect(await count()).toBe(3);
  });
});
