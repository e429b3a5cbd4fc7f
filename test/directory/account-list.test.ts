import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { type AccountQuery, listAccounts, writeStatus } from '../../src/directory/account-list.ts';
import { createAccount } from '../support/account.ts';

const db = env.DIRECTORY;

describe('the state of an account in its row', () => {
  it('is never overtaken by an earlier one, and a repeated report does no harm', async () => {
    const { id, profile } = await createAccount();
    const read = () =>
      db.prepare('SELECT disabled, must_reset, index_version FROM accounts WHERE id = ?').bind(id).first();
    const state = { ...profile, isEmailVerified: true, isDisabled: true, mustResetPassword: false };
    await writeStatus(db, { ...state, version: 2 });
    await writeStatus(db, { ...state, isDisabled: false, mustResetPassword: true, version: 1 });
    expect(await read()).toEqual({ disabled: 1, must_reset: 0, index_version: 2 });
    await writeStatus(db, { ...state, version: 2 });
    expect(await read()).toEqual({ disabled: 1, must_reset: 0, index_version: 2 });
    await writeStatus(db, { ...state, isDisabled: false, version: 3 });
    expect(await read()).toEqual({ disabled: 0, must_reset: 0, index_version: 3 });
  });
});

describe('the queries of the list', () => {
  /** What SQLite says of how it runs each statement that a call sends. */
  async function explain(query: Partial<AccountQuery>): Promise<string[]> {
    const plans: Promise<string[]>[] = [];
    const explaining = {
      prepare: (sql: string) => ({
        bind: (...values: unknown[]) => {
          const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).bind(...values);
          plans.push(
            plan.all<{ detail: string }>().then(({ results }) => results.map(({ detail }) => detail)),
          );
          return db.prepare(sql).bind(...values);
        },
      }),
    };
    // Only what `listAccounts` uses.
    const listing = explaining as unknown as D1Database;
    await listAccounts(listing, { search: '', order: 'newest', limit: 2, ...query });
    return (await Promise.all(plans)).flat();
  }

  const after = { createdAtMs: 1, id: 'A'.repeat(22) };
  it.each([
    ['accounts_newest', {}],
    ['accounts_newest', { order: 'oldest', after }],
    ['accounts_disabled', { disabled: true, after }],
    ['accounts_unverified', { emailVerified: false, after }],
    ['accounts_must_reset', { mustResetPassword: true, order: 'oldest' }],
  ] as [string, Partial<AccountQuery>][])(
    'read one page from %s, and sort nothing: %j',
    async (index, query) => {
      const plan = await explain(query);
      const page = plan.filter((step) => step.includes('accounts'))[0];
      expect(page).toMatch(new RegExp(`USING (?:COVERING )?INDEX ${index}`));
      if (query.after) expect(page).toMatch(/^SEARCH .*\(created_at_ms/);
      expect(plan.join()).not.toMatch(/TEMP B-TREE/);
    },
  );

  it('find the matches of a search in the indexes of the keys, and read no account beside them', async () => {
    const plan = await explain({ search: 'ada', disabled: true, after });
    const steps = plan.filter((step) => /\baccounts\b/.test(step));
    expect(steps.length).toBeGreaterThan(4);
    for (const step of steps)
      expect(step).toMatch(
        /^SEARCH accounts USING (?:COVERING )?INDEX sqlite_autoindex_accounts_\d \((?:username_key>|email_key>|id=)/,
      );
  });
});
