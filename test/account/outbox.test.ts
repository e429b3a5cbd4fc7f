// A delivery that runs while its account is erased, which a deletion does: nothing of the account comes back.
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { deliverDue } from '../../src/account/outbox.ts';
import { createAccount, runInside } from '../support/account.ts';

it('a delivery counts nothing for an account that was erased while the directory was asked', async () => {
  const { id } = await createAccount();
  await runInside(id, async ({ state }, { storage }) => {
    state.mail.enqueue('email_changed', 'former@example.com', Date.now());
    let asked = 0;
    // The real directory; the account is erased when it is asked.
    const directory = new Proxy(env.DIRECTORY, {
      get(target, name) {
        asked += 1;
        for (const table of ['account', 'outbox', 'limit_use']) storage.sql.exec(`DELETE FROM ${table}`);
        const member: unknown = Reflect.get(target, name);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    await deliverDue({ state, env: { ...env, DIRECTORY: directory }, isStored: () => true });
    expect(asked).toBeGreaterThan(0);
    for (const table of ['account', 'outbox', 'limit_use', 'mail_token'])
      expect(storage.sql.exec(`SELECT * FROM ${table}`).toArray(), table).toEqual([]);
  });
});
