// Names in D1: who gets one, who keeps it, and for how long. How the accounts use this is in test/flows.
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import {
  activateNames,
  findAccountId,
  findTaken,
  holdsNames,
  releaseNames,
  reserveName,
  undoReservations,
} from '../../src/directory/directory.ts';
import { randomId } from '../../src/domain/ids.ts';
import { type Name, parseEmail, parseUsername } from '../../src/domain/names.ts';
import { uniqueName } from '../support/service.ts';

const db = env.DIRECTORY;
const NOW_MS = Date.UTC(2026, 7, 15, 12);

/** Somebody with names that no other test has, as the service would read them. */
function makePerson(names: { username?: string; email?: string } = {}) {
  const name = uniqueName();
  const username = parseUsername(names.username ?? name);
  const email = parseEmail(names.email ?? `${name}@example.com`);
  if (!username.ok || !email.ok) throw new Error('a test has names that the service would refuse');
  return { id: randomId(), username: username.value, email: email.value };
}

type Person = ReturnType<typeof makePerson>;

function reserve({ id }: { id: string }, { display }: { display: string }, nowMs = NOW_MS) {
  return reserveName(db, { accountId: id, display, nowMs });
}

/** Both names, as after a registration. */
async function register(person: Person): Promise<void> {
  for (const name of [person.username, person.email])
    expect(await reserve(person, name)).toEqual({ outcome: 'reserved' });
  const displays = [person.username.display, person.email.display];
  await activateNames(db, { accountId: person.id, displays, former: null, untilMs: null });
}

async function readRows({ id }: { id: string }): Promise<unknown[]> {
  const statement = db.prepare(
    'SELECT key, kind, display, state, until_ms FROM names WHERE account_id = ? ORDER BY key',
  );
  return (await statement.bind(id).all()).results;
}

const rowOf = (
  kind: 'username' | 'email',
  { key, display }: Name,
  state = 'active',
  until_ms: number | null = null,
) => ({
  key: `${kind}:${key}`,
  ...{ kind, display, state, until_ms },
});

const takenBy = ({ id }: { id: string }, key: string, isReleased = false) => ({
  outcome: 'taken',
  holder: { key, accountId: id, isReleased },
});

describe('a reservation', () => {
  it('takes a name: compared by its key, kept as it is shown, and found at once', async () => {
    const ada = makePerson({ username: 'Ada.Löve', email: 'Ada.Loeve@Example.com' });
    await reserve(ada, ada.username);
    expect(await readRows(ada)).toEqual([rowOf('username', ada.username, 'reserving')]);
    expect(await findAccountId(db, ' ADA.LÖVE')).toBe(ada.id);
    await register(ada);
    expect(await readRows(ada)).toEqual([
      { ...rowOf('email', ada.email), key: 'email:ada.loeve@example.com', display: 'Ada.Loeve@Example.com' },
      { ...rowOf('username', ada.username), key: 'username:ada.löve', display: 'Ada.Löve' },
    ]);
  });

  it('is refused in every spelling of a taken name, tells who has it, and changes nothing', async () => {
    const ada = makePerson();
    const eve = makePerson();
    await register(ada);
    const before = await readRows(ada);
    for (const { display, key } of [ada.username, ada.email]) {
      const kind = key.includes('@') ? 'email' : 'username';
      expect(await reserve(eve, { display: display.toUpperCase() })).toEqual(takenBy(ada, `${kind}:${key}`));
    }
    expect(await readRows(eve)).toEqual([]);
    expect(await readRows(ada)).toEqual(before);
  });

  it('of a name that the account has already does no harm: a try that got through may be repeated', async () => {
    const ada = makePerson();
    await register(ada);
    const before = await readRows(ada);
    for (const name of [ada.username, ada.email])
      expect(await reserve(ada, name)).toEqual({ outcome: 'reserved' });
    expect(await readRows(ada)).toEqual(before);
  });

  it('of six at once for one name is won by one', async () => {
    for (const { display } of [makePerson().username, makePerson().email]) {
      const people = Array.from({ length: 6 }, () => makePerson());
      const outcomes = await Promise.all(
        people.map(async (person) => (await reserve(person, { display })).outcome),
      );
      expect(outcomes.toSorted()).toEqual(['reserved', ...Array<string>(5).fill('taken')]);
      expect(await findAccountId(db, display)).toBe(people[outcomes.indexOf('reserved')]?.id);
    }
  });

  it('takes hostile names for what they are', async () => {
    const display = `'),('x';DROP-TABLE/**/names;--${uniqueName()}`;
    const bobby = makePerson();
    await reserve(bobby, { display });
    expect(await findAccountId(db, display)).toBe(bobby.id);
    expect(await findAccountId(db, "' OR 1=1 --")).toBeUndefined();
    expect(await findAccountId(db, '%')).toBeUndefined();
  });

  it('removes the row of a holder that does not exist, when it is told so, and no other one', async () => {
    const [gone, ada, eve] = [makePerson(), makePerson(), makePerson()];
    await register(gone);
    const holder = { key: `username:${gone.username.key}`, accountId: gone.id, isReleased: false };
    const request = { display: gone.username.display, nowMs: NOW_MS, absentHolder: holder };
    expect(await reserveName(db, { ...request, accountId: ada.id })).toEqual({ outcome: 'reserved' });
    expect(await reserveName(db, { ...request, accountId: eve.id })).toEqual(takenBy(ada, holder.key));
    expect(await findAccountId(db, gone.email.display)).toBe(gone.id);
  });
});

describe('a reservation that is undone', () => {
  it('leaves the name free', async () => {
    const ada = makePerson();
    await reserve(ada, ada.username);
    await undoReservations(db, ada.id, [ada.username.display]);
    expect(await readRows(ada)).toEqual([]);
  });

  it('takes away no name that is in use, nor that of another account', async () => {
    const [ada, eve] = [makePerson(), makePerson()];
    await register(ada);
    const before = await readRows(ada);
    for (const { id } of [ada, eve])
      await undoReservations(db, id, [ada.username.display, ada.email.display]);
    expect(await readRows(ada)).toEqual(before);
  });
});

describe('a released name', () => {
  /** Somebody who has taken another user name, and until when the former one is reserved. */
  async function rename(): Promise<{ ada: Person; next: Person; untilMs: number }> {
    const [ada, next] = [makePerson(), makePerson()];
    await register(ada);
    await reserve(ada, next.username);
    const untilMs = NOW_MS + 660_000;
    const former = ada.username.display;
    await activateNames(db, { accountId: ada.id, displays: [next.username.display], former, untilMs });
    return { ada, next, untilMs };
  }

  it('leads nowhere and stays reserved until its time, and is free then', async () => {
    const { ada, next, untilMs } = await rename();
    const eve = makePerson();
    expect(await findAccountId(db, ada.username.display)).toBeUndefined();
    expect(await findAccountId(db, next.username.display)).toBe(ada.id);
    const key = `username:${ada.username.key}`;
    expect(await reserve(eve, ada.username, untilMs - 1)).toEqual(takenBy(ada, key, true));
    const asked = { username: ada.username, email: eve.email };
    expect(await findTaken(db, { ...asked, nowMs: untilMs - 1 })).toMatchObject({ reason: 'username_taken' });
    expect(await findTaken(db, { ...asked, nowMs: untilMs })).toBeUndefined();
    expect(await reserve(eve, ada.username, untilMs)).toEqual({ outcome: 'reserved' });
    expect(await findAccountId(db, ada.username.display)).toBe(eve.id);
  });

  it('may be taken back by its own account, and then goes back to its time when that is undone', async () => {
    const { ada, untilMs } = await rename();
    expect(await reserve(ada, ada.username)).toEqual({ outcome: 'reserved' });
    await undoReservations(db, ada.id, [ada.username.display]);
    expect(await readRows(ada)).toContainEqual(rowOf('username', ada.username, 'released', untilMs));
    expect((await reserve(makePerson(), ada.username)).outcome).toBe('taken');
    await reserve(ada, ada.username);
    await activateNames(db, {
      accountId: ada.id,
      displays: [ada.username.display],
      former: null,
      untilMs: null,
    });
    expect(await readRows(ada)).toContainEqual(rowOf('username', ada.username));
  });

  it('is deleted by later reservations, once its time has passed', async () => {
    const { ada, untilMs } = await rename();
    for (let each = 0; each < 20; each += 1) {
      const person = makePerson();
      await reserve(person, person.username, untilMs);
    }
    expect(await readRows(ada)).toHaveLength(2);
  });

  it('is none after a change of case, which releases nothing', async () => {
    const ada = makePerson();
    await register(ada);
    const shouted = { ...ada.username, display: ada.username.display.toUpperCase() };
    await reserve(ada, shouted);
    const former = ada.username.display;
    await activateNames(db, { accountId: ada.id, displays: [shouted.display], former, untilMs: NOW_MS });
    expect(await readRows(ada)).toEqual([rowOf('email', ada.email), rowOf('username', shouted)]);
  });

  it('stays reserved after a deletion, also one that was reserved and never used', async () => {
    const [ada, next] = [makePerson(), makePerson()];
    await register(ada);
    await reserve(ada, next.username);
    const displays = [ada.username.display, ada.email.display, next.username.display];
    await releaseNames(db, { accountId: ada.id, displays, untilMs: NOW_MS + 1 });
    for (const display of displays) {
      expect(await findAccountId(db, display)).toBeUndefined();
      expect((await reserve(next, { display })).outcome).toBe('taken');
    }
    for (const display of displays)
      expect(await reserve(next, { display }, NOW_MS + 1)).toEqual({ outcome: 'reserved' });
  });
});

describe('the lookup', () => {
  it('finds an account by its user name and by its e-mail address, and nothing for a name that nobody has', async () => {
    const ada = makePerson();
    await register(ada);
    expect(await findAccountId(db, ada.username.key)).toBe(ada.id);
    expect(await findAccountId(db, ada.email.key)).toBe(ada.id);
    for (const nobody of [uniqueName(), `${uniqueName()}@example.com`, ''])
      expect(await findAccountId(db, nobody)).toBeUndefined();
  });

  it('says which name is taken and by whom, the user name first, before anything is reserved', async () => {
    const [ada, bob, fresh] = [makePerson(), makePerson(), makePerson()];
    await register(ada);
    await register(bob);
    const find = (username: Name, email: Name) => findTaken(db, { username, email, nowMs: NOW_MS });
    const byName = { reason: 'username_taken', holder: { accountId: ada.id, isReleased: false } };
    expect(await find(fresh.username, fresh.email)).toBeUndefined();
    expect(await find(ada.username, fresh.email)).toMatchObject(byName);
    expect(await find(ada.username, bob.email)).toMatchObject(byName);
    expect(await find(fresh.username, ada.email)).toMatchObject({
      reason: 'email_taken',
      holder: { accountId: ada.id },
    });
    expect(await readRows(fresh)).toEqual([]);
  });

  it('knows whether an account holds all of its names', async () => {
    const ada = makePerson();
    const both = [ada.username.display, ada.email.display];
    await reserve(ada, ada.username);
    expect(await holdsNames(db, ada.id, both)).toBe(false);
    await reserve(ada, ada.email);
    expect(await holdsNames(db, ada.id, both)).toBe(true);
    expect(await holdsNames(db, makePerson().id, both)).toBe(false);
    await releaseNames(db, { accountId: ada.id, displays: [ada.email.display], untilMs: NOW_MS });
    expect(await holdsNames(db, ada.id, both)).toBe(false);
  });

  it('is a search by keys, whatever the name is', async () => {
    const plans: string[] = [];
    const spy = {
      prepare: (query: string) => ({
        bind: (...values: unknown[]) => ({
          first: async () => {
            const plan = db.prepare(`EXPLAIN QUERY PLAN ${query}`).bind(...values);
            const { results } = await plan.all<{ detail: string }>();
            plans.push(results.map(({ detail }) => detail).join('; '));
          },
        }),
      }),
    } as unknown as D1Database;
    for (const name of ['ada', 'ada@example.com', 'ada@münchen.example']) await findAccountId(spy, name);
    expect(plans).toHaveLength(3);
    for (const plan of plans) expect(plan).toMatch(/^SEARCH names USING PRIMARY KEY \(key=\?\)/);
  });
});

describe('an account whose address was registered under an older key', () => {
  const punycode = (name: string) => `${name}@xn--mnchen-3ya.example`;

  /** As registrations used to store it: the domain in the key as it was typed. */
  async function insertOlder(): Promise<Person> {
    const ada = makePerson();
    const email = `${ada.username.key}@münchen.example`;
    await insertAccount(ada, email);
    return { ...ada, email: { display: email, key: email } };
  }

  /** As a Worker from before the table of names does. */
  function insertAccount({ id, username }: Person, email: string): Promise<unknown> {
    return db
      .prepare(
        'INSERT INTO accounts (id, username_key, email_key, username, email, created_at_ms) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .bind(id, username.key, email, username.display, email, NOW_MS)
      .run();
  }

  it('is found by either spelling', async () => {
    const ada = await insertOlder();
    expect(await findAccountId(db, ada.email.key)).toBe(ada.id);
    expect(await findAccountId(db, punycode(ada.username.key))).toBe(ada.id);
    expect(await findAccountId(db, ` ${punycode(ada.username.key).toUpperCase()}\n`)).toBe(ada.id);
  });

  it('keeps its address: nobody else gets it in any spelling', async () => {
    const ada = await insertOlder();
    for (const spelling of [ada.email.key, punycode(ada.username.key), ada.email.key.toUpperCase()]) {
      const eve = makePerson({ email: spelling });
      expect(await findTaken(db, { ...eve, nowMs: NOW_MS })).toMatchObject({ reason: 'email_taken' });
      expect(await reserve(eve, eve.email)).toEqual(takenBy(ada, `email:${ada.email.key}`));
      expect(await readRows(eve)).toEqual([]);
    }
    expect(await readRows(ada)).toEqual([rowOf('email', ada.email), rowOf('username', ada.username)]);
  });

  it('may take the same address itself, is under today’s key from then on, and holds on to the other spelling for a while', async () => {
    const ada = await insertOlder();
    const { email } = makePerson({ email: ada.email.display });
    expect(email.key).toBe(punycode(ada.username.key));
    expect(await reserve(ada, email)).toEqual({ outcome: 'reserved' });
    const change = { displays: [email.display], former: ada.email.display, untilMs: NOW_MS + 1 };
    await activateNames(db, { accountId: ada.id, ...change });
    expect(await readRows(ada)).toContainEqual(rowOf('email', email));
    for (const spelling of [email.display, email.key]) expect(await findAccountId(db, spelling)).toBe(ada.id);
  });

  it('is released in every spelling', async () => {
    const ada = await insertOlder();
    await releaseNames(db, { accountId: ada.id, displays: [ada.email.display], untilMs: NOW_MS + 1 });
    expect(await findAccountId(db, ada.email.key)).toBeUndefined();
    const eve = makePerson({ email: punycode(ada.username.key) });
    expect((await reserve(eve, eve.email)).outcome).toBe('taken');
    expect(await reserve(eve, eve.email, NOW_MS + 1)).toEqual({ outcome: 'reserved' });
  });

  it('is found by its own spelling when another account has the other one', async () => {
    const ada = await insertOlder();
    const bob = makePerson();
    const email = punycode(ada.username.key);
    await insertAccount(bob, email);
    expect(await findAccountId(db, ada.email.key)).toBe(ada.id);
    expect(await findAccountId(db, email)).toBe(bob.id);
    // And each keeps what it has.
    expect(await reserve(ada, ada.email)).toEqual(takenBy(bob, `email:${email}`));
  });

  it('has a user name that is not given out any more, and is found and protected as before', async () => {
    for (const display of ['ada🦊', '<b>ada</b>', 'p\u0430ypal', 'evil.com']) {
      const ada = makePerson();
      await reserve(ada, { display });
      expect(await findAccountId(db, ` ${display.toUpperCase()}`)).toBe(ada.id);
      expect((await reserve(makePerson(), { display })).outcome).toBe('taken');
    }
  });
});

describe('a Worker from before the table of names', () => {
  const insert = ({ id, username, email }: Person) =>
    db
      .prepare(
        `INSERT INTO accounts (id, username_key, email_key, username, email, created_at_ms)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6 ON CONFLICT DO NOTHING`,
      )
      .bind(id, username.key, email.key, username.display, email.display, NOW_MS)
      .run();
  const rename = ({ id }: Person, { key, display }: Name) =>
    db
      .prepare('UPDATE OR IGNORE accounts SET username = ?1, username_key = ?2 WHERE id = ?3')
      .bind(display, key, id)
      .run();

  it('registers, renames and deletes in both tables', async () => {
    const [ada, next] = [makePerson(), makePerson()];
    expect((await insert(ada)).meta.changes).toBeGreaterThan(0);
    expect(await readRows(ada)).toEqual([rowOf('email', ada.email), rowOf('username', ada.username)]);
    expect((await rename(ada, next.username)).meta.changes).toBeGreaterThan(0);
    expect(await readRows(ada)).toEqual([rowOf('email', ada.email), rowOf('username', next.username)]);
    await db.prepare('DELETE FROM accounts WHERE id = ?').bind(ada.id).run();
    expect(await readRows(ada)).toEqual([]);
  });

  it('gets no name that an account has reserved since', async () => {
    const [ada, bob, eve] = [makePerson(), makePerson(), makePerson()];
    await reserve(ada, ada.username);
    await reserve(ada, ada.email);
    await insert(bob);
    expect((await insert({ ...eve, username: ada.username })).meta.changes).toBe(0);
    expect((await insert({ ...eve, email: ada.email })).meta.changes).toBe(0);
    expect((await rename(bob, ada.username)).meta.changes).toBe(0);
    expect(await readRows(eve)).toEqual([]);
    expect(await readRows(bob)).toEqual([rowOf('email', bob.email), rowOf('username', bob.username)]);
  });
});
