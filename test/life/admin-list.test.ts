// The operators' list of accounts: order, filters, count, search, cursors, and that it agrees with the accounts.
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { expectAbsent } from '../support/absence.ts';
import { fireAlarm } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { captureLogs } from '../support/logs.ts';
import { awaitMail, readLinkToken } from '../support/mailbox.ts';
import { breakDirectory } from '../support/outage.ts';
import { expectProblem } from '../support/problem.ts';
import { type Person, Service, uniqueName } from '../support/service.ts';

const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789abcdef';
const service = new Service({ ADMIN_TOKEN });

interface Page {
  accounts: { id: string; emailVerified: boolean; disabled: boolean; mustResetPassword: boolean }[];
  count: number | null;
  cursor: string | null;
}

/** A search, as a query of GET or as the body of POST. */
type Fields = Record<string, string | number | boolean>;

function get(fields: Fields): Promise<Response> {
  const query = Object.entries(fields).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return service.fetch(`/admin/accounts?${query.join('&')}`, { bearer: ADMIN_TOKEN });
}

function post(fields: Fields): Promise<Response> {
  return service.post('/admin/accounts/search', { bearer: ADMIN_TOKEN, json: fields });
}

async function read(fields: Fields = {}, ask = post): Promise<Page> {
  const response = await ask(fields);
  expect(response.status).toBe(200);
  return response.json();
}

const idsOf = ({ accounts }: Page) => accounts.map(({ id }) => id);

async function readAllIds(fields: Fields, ask: typeof post): Promise<string[]> {
  const seen: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page = await read({ ...fields, cursor }, ask);
    seen.push(...idsOf(page));
    // A cursor that leads back would go on for ever.
    expect(seen.length).toBeLessThan(20);
    cursor = page.cursor;
  }
  return seen;
}

function act(method: string, path: string, through = service): Promise<Response> {
  return through.fetch(`/admin/accounts/${path}`, { method, bearer: ADMIN_TOKEN });
}

async function confirmAddress(person: Person): Promise<void> {
  const token = readLinkToken(await awaitMail(person.email, 'verify_email'));
  await service.post('/email/verify', { json: { token } });
  await fireAlarm(person.id);
}

/** Accounts that were made a second apart, the oldest first. */
async function registerInTurn(count: number): Promise<Person[]> {
  freezeClock();
  const people: Person[] = [];
  for (let each = 0; each < count; each += 1) {
    people.push(await service.register());
    passSeconds(1);
  }
  return people;
}

beforeEach(async () => {
  await env.DIRECTORY.exec('DELETE FROM accounts');
});

describe.each([
  ['GET /admin/accounts', get],
  ['POST /admin/accounts/search', post],
] as const)('%s', (_, ask) => {
  it('shows every account once, newest first, page by page, and how many there are', async () => {
    const newest = (await registerInTurn(7)).map(({ id }) => id).toReversed();
    const page = await read({ limit: 3 }, ask);
    expect(page).toMatchObject({ count: 7, cursor: expect.any(String) });
    expect(idsOf(page)).toEqual(newest.slice(0, 3));
    expect(await readAllIds({ limit: 3 }, ask)).toEqual(newest);
    expect(await readAllIds({ limit: 7 }, ask)).toEqual(newest);
    expect(await readAllIds({ limit: 3, order: 'oldest' }, ask)).toEqual(newest.toReversed());
    expect((await read({ limit: 7 }, ask)).cursor).toBeNull();
  });

  it('neither repeats nor skips an account when one comes or goes between two pages', async () => {
    const [first, second, third, fourth] = (await registerInTurn(4)).map(({ id }) => id).toReversed();
    const page = await read({ limit: 2 }, ask);
    expect(idsOf(page)).toEqual([first, second]);
    await service.register();
    await act('DELETE', String(second));
    const next = await read({ limit: 2, cursor: String(page.cursor) }, ask);
    expect(idsOf(next)).toEqual([third, fourth]);
    expect(next).toMatchObject({ count: 4, cursor: null });
  });

  it('tells accounts of one millisecond apart', async () => {
    freezeClock();
    const people = await Promise.all(Array.from({ length: 5 }, () => service.register()));
    expect(await readAllIds({ limit: 2 }, ask)).toEqual(
      people
        .map(({ id }) => id)
        .sort()
        .toReversed(),
    );
  });

  it.each([
    ['cursor', 'x', 'is not a cursor of this list'],
    ['cursor', 'A'.repeat(22), 'is not a cursor of this list'],
    ['cursor', btoa('1').replaceAll('=', ''), 'is not a cursor of this list'],
    ['cursor', btoa(`12.${'A'.repeat(22)}`), 'is not a cursor of this list'],
    ['cursor', btoa(`1.5.${'A'.repeat(22)}`).replaceAll('=', ''), 'is not a cursor of this list'],
    ['order', 'random', 'must be "newest" or "oldest"'],
    ['limit', ask === get ? '0' : 0, 'must be at least 1'],
    ['limit', ask === get ? '101' : 101, 'must be at most 100'],
    ['limit', ask === get ? 'many' : 1.5, 'must be a whole number'],
    ['disabled', false, ask === get ? 'must be "true" or left out' : 'must be true or left out'],
    ['emailVerified', true, ask === get ? 'must be "false" or left out' : 'must be false or left out'],
    ['mustResetPassword', '1', ask === get ? 'must be "true" or left out' : 'must be true or left out'],
  ])('refuses %s=%s', async (field, value, message) => {
    const errors = [{ field, message }];
    await expectProblem(await ask({ [field]: value }), 422, 'invalid_input', { errors });
  });

  it('filters by state, and counts what is left', async () => {
    const [plain, confirmed, disabled, reset, both] = await registerInTurn(5);
    if (!plain || !confirmed || !disabled || !reset || !both) throw new Error('five accounts');
    await confirmAddress(confirmed);
    for (const { id } of [disabled, both]) await act('POST', `${id}/disable`);
    for (const { id } of [reset, both]) await act('POST', `${id}/password-reset`);
    const expectFound = async (fields: Fields, people: Person[]) => {
      const page = await read(fields, ask);
      expect(idsOf(page)).toEqual(people.map(({ id }) => id));
      expect(page.count).toBe(people.length);
    };
    await expectFound({ disabled: true }, [both, disabled]);
    await expectFound({ mustResetPassword: true }, [both, reset]);
    await expectFound({ emailVerified: false }, [both, reset, disabled, plain]);
    await expectFound({ disabled: true, mustResetPassword: true }, [both]);
    await expectFound({ disabled: true, emailVerified: false, order: 'oldest' }, [disabled, both]);
    await expectFound({ disabled: true, search: both.name }, [both]);
    await expectFound({ disabled: true, search: plain.name }, []);
    expect(await readAllIds({ emailVerified: false, limit: 1 }, ask)).toHaveLength(4);
    expect((await read({ search: confirmed.name }, ask)).accounts).toEqual([
      expect.objectContaining({ emailVerified: true, disabled: false, mustResetPassword: false }),
    ]);
    expect((await read({ search: both.name }, ask)).accounts).toEqual([
      expect.objectContaining({ emailVerified: false, disabled: true, mustResetPassword: true }),
    ]);
  });

  it('finds accounts by the start of a name or an address, in any case, and takes no pattern', async () => {
    const ada = await service.register(`zz-${uniqueName()}`);
    const bob = await service.register();
    for (const search of [ada.name, ada.name.slice(0, 8).toUpperCase(), ` ${ada.name}  `]) {
      const names = { id: ada.id, username: ada.name, email: ada.email, createdAt: expect.any(String) };
      const state = { emailVerified: false, disabled: false, mustResetPassword: false };
      expect(await read({ search }, ask)).toEqual({
        accounts: [{ ...names, ...state }],
        count: 1,
        cursor: null,
      });
    }
    for (const search of ['%', '_', "'", 'example.com'])
      expect(await read({ search }, ask)).toEqual({ accounts: [], count: 0, cursor: null });
    expect(idsOf(await read({ search: bob.name.slice(0, 6) }, ask))).toEqual([bob.id]);
    expect((await read({ search: '' }, ask)).count).toBe(2);
  });

  it('pages through what a search finds, each account once', async () => {
    const newest = (await registerInTurn(5)).map(({ id }) => id).toReversed();
    expect(await readAllIds({ search: 'person-', limit: 2 }, ask)).toEqual(newest);
    expect(await readAllIds({ search: 'person-', limit: 2, order: 'oldest' }, ask)).toEqual(
      newest.toReversed(),
    );
    expect((await read({ search: 'person-', limit: 2 }, ask)).count).toBe(5);
  });
});

describe('an address that is searched for', () => {
  it('is found by POST, and is in no log line', async () => {
    const ada = await service.register();
    const logs = captureLogs();
    expect(idsOf(await read({ search: ada.email }))).toEqual([ada.id]);
    expect(idsOf(await read({ search: ada.email.toUpperCase() }))).toEqual([ada.id]);
    expect((await get({ search: ada.email })).status).toBe(422);
    expect(logs).toHaveLength(3);
    for (const { text } of logs) expectAbsent(text, [ada.email]);
  });

  it.each(['ada@example.com', '@', 'ada\uff20example.com', 'ada\ufe6b'])(
    'is refused in a URL: %s',
    async (search) => {
      const message = 'must not hold an address, since URLs are logged: use POST /admin/accounts/search';
      await expectProblem(await get({ search }), 422, 'invalid_input', {
        errors: [{ field: 'search', message }],
      });
    },
  );
});

describe('the list and the account', () => {
  async function readBoth({ id, name }: Person): Promise<unknown[]> {
    const { accounts } = await read({ search: name });
    const detail = await (await act('GET', id)).json<Page['accounts'][0]>();
    return [accounts[0], detail].map((shown) => shown && [shown.disabled, shown.mustResetPassword]);
  }

  it('agree as soon as an operator did something', async () => {
    const ada = await service.register();
    for (const [path, state] of [
      ['disable', [true, false]],
      ['password-reset', [true, true]],
      ['enable', [false, true]],
    ] as const) {
      expect((await act('POST', `${ada.id}/${path}`)).status).toBe(204);
      expect(await readBoth(ada)).toEqual([state, state]);
    }
  });

  it('agree after the alarm when the Worker stopped, or the directory failed, after the action', async () => {
    const ada = await service.register();
    const DIRECTORY = breakDirectory((query) => query.startsWith('UPDATE accounts'));
    const failing = new Service({ ADMIN_TOKEN, DIRECTORY });
    expect((await act('POST', `${ada.id}/disable`, failing)).status).toBe(204);
    expect(await readBoth(ada)).toEqual([
      [false, false],
      [true, false],
    ]);
    await fireAlarm(ada.id);
    expect(await readBoth(ada)).toEqual([
      [true, false],
      [true, false],
    ]);
  });
});

describe('a list of more than 10,000 accounts', () => {
  it('has no count, and a search that matches so many is refused', async () => {
    const insert = (from: number, to: number) =>
      env.DIRECTORY.prepare(
        `INSERT INTO accounts (id, username_key, email_key, username, email, created_at_ms)
         WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i < ?)
         SELECT printf('%022d', i), 'many' || i, 'e' || i || '@example.com', 'Many', 'e@example.com', i FROM n`,
      )
        .bind(from, to)
        .run();
    await insert(1, 10_000);
    expect(await read({ limit: 1 })).toMatchObject({
      count: 10_000,
      accounts: [{ createdAt: expect.any(String) }],
    });
    expect(await read({ search: 'MANY', limit: 1, order: 'oldest' })).toMatchObject({
      count: 10_000,
      accounts: [{ id: '1'.padStart(22, '0') }],
    });
    expect(await read({ emailVerified: false, limit: 1 })).toMatchObject({ count: 10_000 });
    await insert(10_001, 10_001);
    expect(await read({ limit: 1 })).toMatchObject({ count: null });
    expect(await read({ emailVerified: false, limit: 1 })).toMatchObject({ count: null });
    expect(await read({ disabled: true })).toEqual({ accounts: [], count: 0, cursor: null });
    expect(await read({ search: 'many1000', limit: 100 })).toMatchObject({ count: 3 });
    for (const fields of [{ search: 'many' }, { search: 'e' }, { search: 'm', disabled: true }] as Fields[]) {
      await expectProblem(await post(fields), 422, 'invalid_input', {
        errors: [
          {
            ...{ field: 'search', code: 'too_many_matches', params: { max: 10_000 } },
            message: 'matches more than 10000 accounts: give more of the name',
          },
        ],
      });
    }
  });
});
