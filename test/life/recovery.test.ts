import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { findAccountId } from '../../src/directory/directory.ts';
import { mintMailToken } from '../../src/tokens/mail-token.ts';
import { fireAlarmIfSet, inStore, readStored, runInside } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { holdCalls, interceptNames } from '../support/directory-faults.ts';
import { linksTo } from '../support/effects.ts';
import { eventually } from '../support/eventually.ts';
import { awaitMail, deliveriesTo, failNext, readLinkToken } from '../support/mailbox.ts';
import { expectProblem } from '../support/problem.ts';
import {
  accountOf,
  PASSWORD,
  type Person,
  REFRESH_SECRET,
  Service,
  type SignedIn,
  uniqueName,
} from '../support/service.ts';

const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789';
const service = new Service({ ADMIN_TOKEN });
const NEW_PASSWORD = 'a better horse, with a battery';

function operate(method: string, id: string, action: string): Promise<Response> {
  return service.fetch(`/admin/accounts/${id}/${action}`, { method, bearer: ADMIN_TOKEN });
}

function askForChange({ accessToken }: SignedIn, email: string, password = PASSWORD): Promise<Response> {
  return service.fetch('/email', { method: 'PUT', bearer: accessToken, json: { email, password } });
}

async function resetByMail(email: string): Promise<void> {
  const before = deliveriesTo(email).filter(({ mail }) => mail.kind === 'reset_password').length;
  await service.post('/password/forgot', { json: { email } });
  const token = readLinkToken(await awaitMail(email, 'reset_password', before + 1));
  const done = await service.post('/password/reset', { json: { token, newPassword: NEW_PASSWORD } });
  expect(done.status).toBe(204);
}

/** Every way to recover an account. Each signs in the owner's session `own` beforehand. */
const RECOVERIES: Record<string, (ada: Person, own: SignedIn) => Promise<unknown>> = {
  'PUT /password': (_, own) =>
    service.fetch('/password', {
      ...{ method: 'PUT', bearer: own.accessToken },
      json: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD },
    }),
  'a reset by mail': (ada) => resetByMail(ada.email),
  'the end of all sessions': (_, own) =>
    service.fetch('/sessions', { method: 'DELETE', bearer: own.accessToken, cookie: own.cookie }),
  'the end of all other sessions': (_, own) =>
    service.fetch('/sessions?keep=current', {
      ...{ method: 'DELETE', bearer: own.accessToken, cookie: own.cookie },
    }),
  'an operator who disables it': async (ada) => {
    await operate('POST', ada.id, 'disable');
  },
  'an operator who disables and enables it': async (ada) => {
    await operate('POST', ada.id, 'disable');
    await operate('POST', ada.id, 'enable');
  },
  'an operator who forces a reset': (ada) => operate('POST', ada.id, 'password-reset'),
  'an operator who ends its sessions': (ada) => operate('DELETE', ada.id, 'sessions'),
};

describe.each(Object.entries(RECOVERIES))('%s', (name, recover) => {
  it('revokes a requested change of address: its link moves nothing', async () => {
    const ada = await service.register();
    const own = await service.login(ada.name);
    const email = `attacker-${ada.name}@example.com`;
    await askForChange(ada, email);
    const link = readLinkToken(await awaitMail(email, 'confirm_new_email'));
    await recover(ada, own);
    await expectProblem(await service.post('/email/verify', { json: { token: link } }), 400, 'invalid_link');
    const { account } = (await readStored(accountOf(ada.id))).tables;
    expect(account).toEqual([expect.objectContaining({ email: ada.email })]);
  });

  it('revokes links for a new password, mailed before it', async () => {
    const ada = await service.register();
    const own = await service.login(ada.name);
    await service.post('/password/forgot', { json: { email: ada.email } });
    const token = readLinkToken(await awaitMail(ada.email, 'reset_password'));
    await recover(ada, own);
    const late = await service.post('/password/reset', { json: { token, newPassword: 'of the attacker' } });
    await expectProblem(late, 400, 'invalid_link');
  });

  it('takes back a mail with a link that waits for the provider', async () => {
    freezeClock();
    const ada = await service.register();
    const own = await service.login(ada.name);
    const email = `attacker-${ada.name}@example.com`;
    await awaitMail(ada.email, 'verify_email');
    failNext(3);
    await askForChange(ada, email);
    // Not before a reset by mail, which needs a provider that is up.
    if (name !== 'a reset by mail') await service.post('/password/forgot', { json: { email: ada.email } });
    await eventually(async () =>
      expect(
        (await readStored(accountOf(ada.id))).tables.outbox?.filter(({ attempts }) => attempts === 0),
      ).toEqual([]),
    );
    failNext(0);
    const before = linksTo([ada.email, email]).length;
    await recover(ada, own);
    passSeconds(120);
    await fireAlarmIfSet(ada.id);
    passSeconds(3600);
    await fireAlarmIfSet(ada.id);
    // A reset mails a link of its own: by the owner beforehand, by the operator afterwards.
    const mailsOne = name === 'a reset by mail' || name === 'an operator who forces a reset';
    expect(linksTo([ada.email, email]).length - before).toBe(mailsOne ? 1 : 0);
    expect(linksTo([email])).toEqual([]);
  });
});

describe('whoever holds a session of the account', () => {
  async function requestLink(ada: Person, count: number): Promise<string> {
    await service.post('/password/forgot', { json: { email: ada.email } });
    return readLinkToken(await awaitMail(ada.email, 'reset_password', count));
  }

  it('ends a requested change of address each time, and links to the own address once in three hours', async () => {
    freezeClock();
    const ada = await service.register();
    const email = `attacker-${ada.name}@example.com`;
    const end = () => service.fetch('/sessions?keep=current', { method: 'DELETE', bearer: ada.accessToken });
    const reset = (token: string) =>
      service.post('/password/reset', { json: { token, newPassword: NEW_PASSWORD } });
    for (const count of [1, 2]) {
      await askForChange(ada, email);
      const change = readLinkToken(await awaitMail(email, 'confirm_new_email', count));
      const token = await requestLink(ada, count);
      expect((await end()).status).toBe(204);
      await expectProblem(
        await service.post('/email/verify', { json: { token: change } }),
        400,
        'invalid_link',
      );
      expect((await reset(token)).status).toBe(count === 1 ? 400 : 204);
    }
  });

  it('cannot end the owner’s links for a new password again and again, whatever was requested before', async () => {
    freezeClock();
    const attacker = await service.register();
    const end = () =>
      service.fetch('/sessions?keep=current', {
        ...{ method: 'DELETE', bearer: attacker.accessToken, cookie: attacker.cookie },
      });
    // Everything that can be used up is used up.
    for (let rounds = 0; rounds < 8; rounds += 1) {
      for (let asked = 0; asked < 5; asked += 1)
        await service.post('/password/forgot', { json: { email: attacker.email } });
      await end();
      passSeconds(3600);
      await fireAlarmIfSet(attacker.id);
    }
    const links = new Set<string>();
    let works = false;
    for (let hour = 0; hour < 6 && !works; hour += 1) {
      await end();
      await service.post('/password/forgot', { json: { email: attacker.email } });
      await fireAlarmIfSet(attacker.id);
      await eventually(async () =>
        expect(await inStore(attacker.id, ({ mail }) => mail.readNextDue(Date.now()))).toBeUndefined(),
      );
      await end();
      for (const { token, path } of linksTo([attacker.email])) {
        if (path !== '/password/reset' || links.has(token)) continue;
        links.add(token);
        const reset = await service.post(path, { json: { token, newPassword: NEW_PASSWORD } });
        works ||= reset.status === 204;
      }
      passSeconds(3600);
    }
    expect(works).toBe(true);
    expect((await service.post('/refresh', { cookie: attacker.cookie })).status).toBe(401);
  });

  it('does not use up the links of an hour by ending them', async () => {
    freezeClock();
    const ada = await service.register();
    for (let count = 1; count <= 5; count += 1) await requestLink(ada, count);
    await operate('DELETE', ada.id, 'sessions');
    const token = await requestLink(ada, 6);
    expect(
      (await service.post('/password/reset', { json: { token, newPassword: NEW_PASSWORD } })).status,
    ).toBe(204);
  });
});

it('a reset makes the limits whole that somebody else used up', async () => {
  freezeClock();
  const ada = await service.register();
  await inStore(ada.id, ({ limits }) => {
    for (const limit of ['sign_in', 'password_proof'] as const)
      while (limits.take(limit, Date.now()).allowed);
  });
  expect((await service.post('/login', { json: { username: ada.name, password: PASSWORD } })).status).toBe(
    429,
  );
  await resetByMail(ada.email);
  await service.login(ada.name, NEW_PASSWORD);
});

it('a link that is revoked between the directory and the account moves neither', async () => {
  const ada = await service.register();
  const email = `attacker-${ada.name}@example.com`;
  await askForChange(ada, email);
  const token = readLinkToken(await awaitMail(email, 'confirm_new_email'));
  const held = holdCalls();
  await interceptNames(ada.id, async (call, send) => {
    if (call === 'reserve') await held.wait();
    return send();
  });
  const used = service.post('/email/verify', { json: { token } });
  await held.reached();
  await service.fetch('/sessions', { method: 'DELETE', bearer: ada.accessToken });
  held.release();
  await expectProblem(await used, 400, 'invalid_link');
  expect(await findAccountId(env.DIRECTORY, ada.email)).toBe(ada.id);
  expect(await findAccountId(env.DIRECTORY, email)).toBeUndefined();
});

describe('a mail whose delivery waits for the directory', () => {
  /** Delays the first look-up of the holder of a new address until it is released. */
  async function holdLookUp(id: string): Promise<ReturnType<typeof holdCalls>> {
    const held = holdCalls();
    const bindings = await runInside(id, (account) => Reflect.get(account, 'env') as Env);
    const real = env.DIRECTORY;
    let isHeld = false;
    const prepare = (sql: string): D1PreparedStatement => {
      const statement = real.prepare(sql);
      if (isHeld || !/^SELECT account_id/.test(sql)) return statement;
      isHeld = true;
      const first = async (...values: unknown[]) => {
        await held.wait();
        return statement.bind(...values).first();
      };
      return { bind: (...values: unknown[]) => ({ first: () => first(...values) }) } as D1PreparedStatement;
    };
    const directory = { batch: real.batch.bind(real), prepare } as D1Database;
    const spy = vi.spyOn(bindings, 'DIRECTORY', 'get').mockReturnValue(directory);
    onTestFinished(() => spy.mockRestore());
    return held;
  }

  const settled = (id: string) =>
    eventually(async () => {
      expect(await inStore(id, ({ mail }) => mail.readNextTryMs())).toBeUndefined();
    });

  const DURING: [string, string | undefined, (ada: Person) => Promise<unknown>][] = [
    [
      'PUT /password',
      'password_changed',
      (ada) => RECOVERIES['PUT /password']?.(ada, ada) ?? Promise.reject(),
    ],
    [
      'a reset',
      'password_changed',
      async ({ id, email }) => {
        const token = mintMailToken(id, REFRESH_SECRET);
        await inStore(id, ({ mail }) => mail.storeToken(token, 'reset_password', email, Date.now()));
        const json = { token: `${id}.${token}`, newPassword: NEW_PASSWORD };
        expect((await service.post('/password/reset', { json })).status).toBe(204);
      },
    ],
    ['a forced reset', 'reset_password', ({ id }) => operate('POST', id, 'password-reset')],
    [
      'the end of all sessions',
      undefined,
      (ada) => RECOVERIES['the end of all sessions']?.(ada, ada) ?? Promise.reject(),
    ],
    ['an operator who disables it', undefined, ({ id }) => operate('POST', id, 'disable')],
  ];

  it.each(DURING)('is withdrawn by %s, whose own mail is sent', async (_, kind, recover) => {
    const ada = await service.register();
    await awaitMail(ada.email, 'verify_email');
    await settled(ada.id);
    const held = await holdLookUp(ada.id);
    const email = `attacker-${ada.name}@example.com`;
    expect((await askForChange(ada, email)).status).toBe(202);
    await held.reached();
    await recover(ada);
    held.release();
    await settled(ada.id);
    expect(deliveriesTo(email)).toEqual([]);
    expect(await linksOf(ada.id, 'change_email')).toEqual([]);
    if (kind !== undefined) await awaitMail(ada.email, kind as 'password_changed');
  });

  it('does not stand for another mail that is queued meanwhile', async () => {
    const ada = await service.register();
    await awaitMail(ada.email, 'verify_email');
    await settled(ada.id);
    const ids: number[] = [];
    for (const _ of ['first', 'second']) {
      await inStore(ada.id, ({ mail }) => {
        mail.enqueue('confirm_new_email', 'later@example.com', Date.now() + 3_600_000);
        ids.push(mail.readNextDue(Date.now() + 7_200_000)?.id ?? 0);
        mail.revokeLinks();
      });
    }
    expect(ids[1]).toBeGreaterThan(ids[0] ?? 0);
  });
});

async function linksOf(id: string, purpose: string): Promise<unknown[]> {
  const { tables } = await readStored(accountOf(id));
  return (tables.mail_token ?? []).filter((row) => row.purpose === purpose);
}

it('a disabled account completes nothing that was pending', async () => {
  const ada = await service.register();
  const verification = readLinkToken(await awaitMail(ada.email, 'verify_email'));
  await operate('POST', ada.id, 'disable');
  await service.post('/password/forgot', { json: { email: ada.email } });
  for (const [path, json] of [
    ['/email/verify', { token: verification }],
    ['/password/reset', { token: verification, newPassword: NEW_PASSWORD }],
  ] as const) {
    await expectProblem(await service.post(path, { json }), 400, 'invalid_link');
  }
  expect(deliveriesTo(ada.email).map(({ mail }) => mail.kind)).toEqual(['verify_email']);
  // Even if a link had been missed.
  for (const [purpose, path] of [
    ['reset_password', '/password/reset'],
    ['verify_email', '/email/verify'],
    ['change_email', '/email/verify'],
  ] as const) {
    const token = mintMailToken(ada.id, REFRESH_SECRET);
    await inStore(ada.id, ({ mail }) => mail.storeToken(token, purpose, ada.email, Date.now()));
    const json = { token: `${ada.id}.${token}`, newPassword: NEW_PASSWORD };
    await expectProblem(await service.post(path, { json }), 400, 'invalid_link');
  }
});

// --- Any order of what an owner, an attacker with the old password, an operator, the provider and the clock can do.

type Step =
  | {
      by: 'attacker';
      does: 'sign in' | 'ask for change' | 'forgot' | 'verification' | 'use links' | 'refresh';
    }
  | { by: 'owner'; does: 'forgot' | 'ask for change' | 'verify' }
  | { by: 'operator'; does: 'end sessions' | 'disable and enable' }
  | { by: 'provider'; does: 'down' | 'up' }
  | { by: 'clock'; does: 'minute' | 'hour' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: attacker() },
  {
    weight: 2,
    arbitrary: fc.record({
      by: fc.constant('owner' as const),
      does: fc.constantFrom('forgot' as const, 'ask for change' as const, 'verify' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      by: fc.constant('operator' as const),
      does: fc.constantFrom('end sessions' as const, 'disable and enable' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      by: fc.constant('provider' as const),
      does: fc.constantFrom('down' as const, 'up' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      by: fc.constant('clock' as const),
      does: fc.constantFrom('minute' as const, 'hour' as const),
    }),
  },
);

function attacker() {
  return fc.record({
    by: fc.constant('attacker' as const),
    does: fc.constantFrom(
      ...(['sign in', 'ask for change', 'forgot', 'verification', 'use links', 'refresh'] as const),
    ),
  });
}

/** The attacker knows the old password and reads the mailbox `own`; never the owner's. */
class World {
  readonly own = `attacker-${uniqueName()}@example.com`;
  readonly sessions: SignedIn[] = [];

  readonly ada: Person;

  constructor(ada: Person) {
    this.ada = ada;
  }

  async run({ by, does }: Step): Promise<void> {
    const { ada } = this;
    if (by === 'provider') failNext(does === 'down' ? Number.POSITIVE_INFINITY : 0);
    else if (by === 'clock') {
      passSeconds(does === 'minute' ? 61 : 3601);
      await fireAlarmIfSet(ada.id);
    } else if (by === 'operator') {
      if (does === 'end sessions') await operate('DELETE', ada.id, 'sessions');
      else for (const action of ['disable', 'enable']) await operate('POST', ada.id, action);
    } else if (does === 'forgot') await service.post('/password/forgot', { json: { email: ada.email } });
    else if (by === 'owner') await this.#ownerDoes(does);
    else await this.#attackerDoes(does);
  }

  async #ownerDoes(does: 'ask for change' | 'verify'): Promise<void> {
    if (does === 'ask for change') await askForChange(this.ada, `other-${this.own}`);
    else await this.useLinks([this.ada.email], '/email/verify');
  }

  async #attackerDoes(does: string): Promise<void> {
    const session = this.sessions.at(-1);
    if (does === 'sign in') await this.#signIn();
    else if (does === 'use links') await this.useLinks([this.own]);
    else if (session === undefined) return;
    else if (does === 'ask for change') await askForChange(session, this.own);
    else if (does === 'refresh') await service.post('/refresh', { cookie: session.cookie });
    else await service.post('/email/verification', { bearer: session.accessToken });
  }

  async #signIn(): Promise<void> {
    const session = await service.login(this.ada.name).catch(() => undefined);
    if (session !== undefined) this.sessions.push(session);
  }

  async useLinks(addresses: string[], only?: string): Promise<void> {
    for (const { path, token } of linksTo(addresses)) {
      if (only === undefined || only === path)
        await service.post(path, { json: { token, newPassword: 'of the attacker' } });
    }
  }
}

/** What a recovery must leave as it is: who the account is, its password, and whether it is signed in somewhere. */
async function readStanding(id: string): Promise<unknown> {
  const { account, credential, session } = (await readStored(accountOf(id))).tables;
  const [row] = account ?? [];
  return { email: row?.email, username: row?.username, password: credential?.[0]?.data, session };
}

it('after a recovery, nothing that was obtained before it changes anything', async () => {
  freezeClock();
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 3, maxLength: 10 }),
      fc.constantFrom(...Object.keys(RECOVERIES)),
      fc.array(
        fc.constantFrom<Step>({ by: 'clock', does: 'minute' }, { by: 'attacker', does: 'use links' }),
        {
          maxLength: 3,
        },
      ),
      async (before, recovery, after) => {
        failNext(0);
        const ada = await service.register();
        const world = new World(ada);
        await awaitMail(ada.email, 'verify_email');
        for (const each of before) await world.run(each);
        // If the attacker moved the account before the recovery, the mailbox is theirs, and this is another story.
        const { account } = (await readStored(accountOf(ada.id))).tables;
        if (account?.[0]?.email !== ada.email) return;
        failNext(0);
        passSeconds(3601);
        const own = await service.login(ada.name).catch(() => undefined);
        if (own === undefined) return;
        const mailed = linksTo([ada.email]);
        await RECOVERIES[recovery]?.(ada, own);

        const standing = await readStanding(ada.id);
        for (const each of after) await world.run(each);
        await world.useLinks([world.own, `other-${world.own}`]);
        // Links that lay in the owner's mailbox before, in case the attacker read them.
        for (const { path, token } of mailed)
          await service.post(path, { json: { token, newPassword: 'of the attacker' } });
        for (const { cookie, accessToken } of world.sessions) {
          const refreshed = await service.post('/refresh', { cookie });
          expect(refreshed.status).toBe(401);
          expect((await service.fetch('/me', { bearer: accessToken })).status).toBe(401);
          await askForChange({ cookie, accessToken, sid: '' }, world.own);
        }
        expect(await readStanding(ada.id)).toEqual(standing);
      },
    ),
    { numRuns: 30 },
  );
  failNext(0);
});
