import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import {
  type Claim,
  claim,
  findAccountId,
  findTaken,
  hasClaim,
  readdressAccount,
  renameAccount,
} from '../../src/directory/directory.ts';
import { parseEmail, parseUsername } from '../../src/domain/names.ts';
import { uniqueName } from '../support/service.ts';

const db = env.DIRECTORY;
const CREATED_AT_MS = Date.UTC(2026, 7, 15, 12);

/** What the operators' index says before the account has said anything. */
const NEW_ACCOUNT = { email_verified: 0, disabled: 0, must_reset: 0, index_version: 0 };

let accounts = 0;

/** A claim that no other test makes, with the names as the service would read them. */
function makeClaim(names: { username?: string; email?: string } = {}): Claim {
  const name = uniqueName();
  const username = parseUsername(names.username ?? name);
  const email = parseEmail(names.email ?? `${name}@example.com`);
  if (!username.ok || !email.ok) throw new Error('a test claims names that the service would refuse');
  accounts += 1;
  const id = String(accounts).padStart(22, '0');
  return { id, username: username.value, email: email.value, createdAtMs: CREATED_AT_MS };
}

function readRows(...ids: string[]): Promise<unknown[]> {
  const marks = ids.map(() => '?').join(', ');
  const statement = db.prepare(`SELECT * FROM accounts WHERE id IN (${marks}) ORDER BY created_at_ms, id`);
  return statement
    .bind(...ids)
    .all()
    .then(({ results }) => results);
}

function rowOf({ id, username, email, createdAtMs }: Claim) {
  return {
    id,
    username_key: username.key,
    email_key: email.key,
    username: username.display,
    email: email.display,
    created_at_ms: createdAtMs,
    ...NEW_ACCOUNT,
  };
}

describe('a claim', () => {
  it('takes both names: compared in their keys, kept as typed, and nothing else is stored', async () => {
    const ada = makeClaim({ username: 'Ada.Löve', email: 'Ada.Loeve@Example.com' });
    expect(await claim(db, ada)).toBe('claimed');
    expect(await readRows(ada.id)).toEqual([
      {
        id: ada.id,
        username_key: 'ada.löve',
        email_key: 'ada.loeve@example.com',
        username: 'Ada.Löve',
        email: 'Ada.Loeve@Example.com',
        created_at_ms: CREATED_AT_MS,
        ...NEW_ACCOUNT,
      },
    ]);
  });

  it('is refused when the user name is taken, and takes nothing', async () => {
    const ada = makeClaim();
    const eve = { ...makeClaim(), username: ada.username };
    await claim(db, ada);
    expect(await claim(db, eve)).toBe('username_taken');
    expect(await readRows(ada.id, eve.id)).toEqual([rowOf(ada)]);
    expect(await findAccountId(db, eve.email.key)).toBeUndefined();
  });

  it('is refused when the e-mail address is taken, and takes nothing', async () => {
    const ada = makeClaim();
    const eve = { ...makeClaim(), email: ada.email };
    await claim(db, ada);
    expect(await claim(db, eve)).toBe('email_taken');
    expect(await readRows(ada.id, eve.id)).toEqual([rowOf(ada)]);
    expect(await findAccountId(db, eve.username.key)).toBeUndefined();
  });

  it('is refused for the user name first when both are taken, by one account or by two', async () => {
    const ada = makeClaim();
    const bob = makeClaim();
    await claim(db, ada);
    await claim(db, bob);
    expect(await claim(db, { ...makeClaim(), username: ada.username, email: ada.email })).toBe(
      'username_taken',
    );
    expect(await claim(db, { ...makeClaim(), username: ada.username, email: bob.email })).toBe(
      'username_taken',
    );
    expect(await claim(db, { ...makeClaim(), username: bob.username, email: ada.email })).toBe(
      'username_taken',
    );
  });

  it('is refused in another spelling of a taken name', async () => {
    const ada = makeClaim();
    await claim(db, ada);
    const shouted = makeClaim({ username: ada.username.display.toUpperCase() });
    expect(await claim(db, shouted)).toBe('username_taken');
    const mailed = makeClaim({ email: ada.email.display.toUpperCase() });
    expect(await claim(db, mailed)).toBe('email_taken');
    expect(await readRows(shouted.id, mailed.id)).toEqual([]);
  });

  it('of an account that has it already is no quarrel: a try that got through may be repeated', async () => {
    const ada = makeClaim();
    expect(await claim(db, ada)).toBe('claimed');
    expect(await claim(db, { ...ada, createdAtMs: CREATED_AT_MS + 1 })).toBe('claimed');
    expect(await readRows(ada.id)).toEqual([rowOf(ada)]);
  });

  it('of other names for an account that has its own is refused', async () => {
    const ada = makeClaim();
    const others = { ...makeClaim(), id: ada.id };
    await claim(db, ada);
    expect(await claim(db, others)).toBe('username_taken');
    expect(await readRows(ada.id)).toEqual([rowOf(ada)]);
  });

  it('of six at once for one name is won by one', async () => {
    const ada = makeClaim();
    const rivals = Array.from({ length: 6 }, () => ({ ...makeClaim(), username: ada.username }));
    const outcomes = await Promise.all(rivals.map((rival) => claim(db, rival)));
    expect(outcomes.toSorted()).toEqual(['claimed', ...Array<string>(5).fill('username_taken')]);
    const winner = rivals[outcomes.indexOf('claimed')];
    expect(await readRows(...rivals.map(({ id }) => id))).toEqual(
      winner === undefined ? [] : [rowOf(winner)],
    );
    expect(await findAccountId(db, ada.username.key)).toBe(winner?.id);
  });

  it('of six at once for one e-mail address is won by one', async () => {
    const ada = makeClaim();
    const rivals = Array.from({ length: 6 }, () => ({ ...makeClaim(), email: ada.email }));
    const outcomes = await Promise.all(rivals.map((rival) => claim(db, rival)));
    expect(outcomes.toSorted()).toEqual(['claimed', ...Array<string>(5).fill('email_taken')]);
    const winner = rivals[outcomes.indexOf('claimed')];
    expect(await findAccountId(db, ada.email.key)).toBe(winner?.id);
  });

  it('takes hostile names for what they are', async () => {
    const name = `'),('x';DROP-TABLE/**/accounts;--${accounts}`;
    const bobby = { ...makeClaim(), username: { display: name, key: name.toLowerCase() } };
    expect(await claim(db, bobby)).toBe('claimed');
    expect(await findAccountId(db, bobby.username.key)).toBe(bobby.id);
    expect(await findAccountId(db, "' OR 1=1 --")).toBeUndefined();
    expect(await findAccountId(db, '%')).toBeUndefined();
  });
});

describe('the lookup', () => {
  it('finds an account by its user name and by its e-mail address', async () => {
    const ada = makeClaim();
    await claim(db, ada);
    expect(await findAccountId(db, ada.username.key)).toBe(ada.id);
    expect(await findAccountId(db, ada.email.key)).toBe(ada.id);
  });

  it('finds nothing for a name that nobody has', async () => {
    expect(await findAccountId(db, uniqueName())).toBeUndefined();
    expect(await findAccountId(db, `${uniqueName()}@example.com`)).toBeUndefined();
    expect(await findAccountId(db, '')).toBeUndefined();
  });

  it('says which name is taken, before anything is claimed', async () => {
    const ada = makeClaim();
    const fresh = makeClaim();
    await claim(db, ada);
    expect(await findTaken(db, { username: fresh.username, email: fresh.email })).toBeUndefined();
    expect(await findTaken(db, { username: ada.username, email: fresh.email })).toBe('username_taken');
    expect(await findTaken(db, { username: fresh.username, email: ada.email })).toBe('email_taken');
    expect(await findTaken(db, { username: ada.username, email: ada.email })).toBe('username_taken');
    expect(await findTaken(db, { username: ada.username, email: ada.email, id: ada.id })).toBe('claimed');
    expect(await readRows(fresh.id)).toEqual([]);
  });

  it('knows whether an account has a claim', async () => {
    const ada = makeClaim();
    expect(await hasClaim(db, ada.id)).toBe(false);
    await claim(db, ada);
    expect(await hasClaim(db, ada.id)).toBe(true);
    expect(await hasClaim(db, ada.username.key)).toBe(false);
    expect(await hasClaim(db, '')).toBe(false);
  });
});

describe('an account whose address was registered under an older key', () => {
  const punycode = (name: string) => `${name}@xn--mnchen-3ya.example`;

  /** As registrations used to store it: the domain in the key as it was typed. */
  async function insertOlder(): Promise<Claim> {
    const ada = makeClaim();
    const email = `${ada.username.key}@münchen.example`;
    const older = { ...ada, email: { display: email, key: email } };
    await db
      .prepare(
        'INSERT INTO accounts (id, username_key, email_key, username, email, created_at_ms) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .bind(older.id, ada.username.key, email, ada.username.display, email, CREATED_AT_MS)
      .run();
    return older;
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
      const eve = makeClaim({ email: spelling });
      expect(await findTaken(db, eve)).toBe('email_taken');
      expect(await claim(db, eve)).toBe('email_taken');
      expect(await readRows(eve.id)).toEqual([]);
      const bob = makeClaim();
      await claim(db, bob);
      expect(await readdressAccount(db, bob.id, eve.email)).toBe('email_taken');
      expect(await readRows(bob.id)).toEqual([rowOf(bob)]);
    }
    expect(await readRows(ada.id)).toEqual([rowOf(ada)]);
  });

  it('may take the same address itself, and is under today’s key from then on', async () => {
    const ada = await insertOlder();
    const email = makeClaim({ email: ada.email.display }).email;
    expect(await findTaken(db, { ...ada, email })).toBe('claimed');
    expect(await readdressAccount(db, ada.id, email)).toBe('claimed');
    expect(await readRows(ada.id)).toEqual([rowOf({ ...ada, email })]);
    expect(email.key).toBe(punycode(ada.username.key));
    expect(await findAccountId(db, ada.email.display)).toBe(ada.id);
  });

  it('is found by its own spelling when another account has the other one', async () => {
    const ada = await insertOlder();
    const bob = makeClaim();
    const email = punycode(ada.username.key);
    await db
      .prepare(
        'INSERT INTO accounts (id, username_key, email_key, username, email, created_at_ms) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .bind(bob.id, bob.username.key, email, bob.username.display, email, CREATED_AT_MS)
      .run();
    expect(await findAccountId(db, ada.email.key)).toBe(ada.id);
    expect(await findAccountId(db, email)).toBe(bob.id);
  });

  it('has a user name that is not given out any more, and is found and protected as before', async () => {
    for (const name of ['ada🦊', '<b>ada</b>', 'p\u0430ypal', 'evil.com']) {
      const ada = makeClaim();
      await claim(db, { ...ada, username: { display: name, key: name } });
      expect(await findAccountId(db, ` ${name.toUpperCase()}`)).toBe(ada.id);
      const eve = { ...makeClaim(), username: { display: name, key: name } };
      expect(await claim(db, eve)).toBe('username_taken');
    }
  });
});

describe('a lookup', () => {
  it('is a search in the index, whatever the name is', async () => {
    const plans: string[] = [];
    const spy = {
      prepare: (query: string) => ({
        bind: (...values: unknown[]) => ({
          first: async () => {
            const { results } = await db
              .prepare(`EXPLAIN QUERY PLAN ${query}`)
              .bind(...values)
              .all<{ detail: string }>();
            plans.push(results.map(({ detail }) => detail).join('; '));
          },
        }),
      }),
    } as unknown as D1Database;
    for (const name of ['ada', 'ada@example.com', 'ada@münchen.example']) await findAccountId(spy, name);
    expect(plans).toHaveLength(3);
    for (const plan of plans) expect(plan).toMatch(/^SEARCH accounts USING INDEX \S+ \(\w+_key=\?\)/);
  });
});

describe('a change of name', () => {
  it('to a name that another account has is refused, and to one’s own in other letters is not', async () => {
    const ada = makeClaim();
    const bob = makeClaim();
    await claim(db, ada);
    await claim(db, bob);
    expect(await renameAccount(db, bob.id, ada.username)).toBe('username_taken');
    expect(await readRows(bob.id)).toEqual([rowOf(bob)]);
    const shouted = { ...bob.username, display: bob.username.display.toUpperCase() };
    expect(await renameAccount(db, bob.id, shouted)).toBe('claimed');
    expect(await readRows(bob.id)).toEqual([rowOf({ ...bob, username: shouted })]);
  });
});
