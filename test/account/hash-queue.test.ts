// The hash queue between real objects: some are reset while they wait or hold the turn, and what changes while a call waits.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { deriveDecoyId, importDecoyKey } from '../../src/directory/decoy.ts';
import { randomId } from '../../src/domain/ids.ts';
import type { Result } from '../../src/domain/result.ts';
import { hashQueue, MOST_WAITING } from '../../src/passwords/hash-queue.ts';
import { DECOY_HASH } from '../../src/passwords/scrypt.ts';
import {
  createAccount,
  DEVICE,
  inStore,
  NOTHING,
  openAccount,
  POLICY,
  plantSession,
  readEvents,
  readSids,
  readStored,
  runInside,
} from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { eventually, passTurn } from '../support/eventually.ts';
import { expectOutage } from '../support/faults.ts';
import { awaitMail, readLinkToken } from '../support/mailbox.ts';
import { outcomeOf } from '../support/results.ts';
import { accountOf, PASSWORD, REFRESH_SECRET, Service, uniqueName } from '../support/service.ts';

const service = new Service();
const OPERATOR = { ...DEVICE, operator: 'tests' };
const DAY_MS = 24 * 60 * 60 * 1000;
const NEW_PASSWORD = 'a better horse, with a battery';

afterEach(() => {
  vi.restoreAllMocks();
});

/** An object takes the turn, and is reset before it hashes. */
async function resetHolder(): Promise<void> {
  const holding = runInside(randomId(), async (_, state) => {
    const turn = hashQueue.takeTurn('begun', () => undefined);
    state.abort('reset while it held the turn');
    await turn;
  });
  await expect(holding).rejects.toThrow();
}

/** Resets an object, whatever it is doing. */
async function resetObject(id: string): Promise<void> {
  const reset = runInside(id, async (_, state) => {
    state.abort('reset while it waited');
    await passTurn();
  });
  await expect(reset).rejects.toThrow();
}

/** What a call comes to; `reset` when its object was. */
function orReset<T>(call: Promise<T>): Promise<T | 'reset'> {
  return call.then(
    (result) => result,
    (error: Error) => {
      expect(error.message).toBe('reset while it waited');
      return 'reset';
    },
  );
}

/** Tries at names that nobody has: each waits in an object of its own. */
function guessAtNobody(count: number) {
  const ids = Array.from({ length: count }, randomId);
  return ids.map((id) => ({ id, result: orReset(openAccount(id).signIn(PASSWORD, DEVICE, POLICY)) }));
}

describe('objects that are reset', () => {
  it('while they hold the turn stop nobody', async () => {
    for (let n = 0; n < 4; n += 1) {
      await resetHolder();
      const [guess] = guessAtNobody(1);
      expect(await guess?.result).toEqual({ ok: false, reason: 'unknown_account' });
    }
  });

  it('while they wait stop nobody, and have counted no failure', async () => {
    const ada = await createAccount();
    freezeClock();
    await resetHolder();
    const own = orReset(ada.account.signIn('wrong', DEVICE, POLICY));
    const gone = guessAtNobody(3);
    const staying = guessAtNobody(3);
    // Responds when the try has reached its object, and all that was written is stored.
    await runInside(ada.id, () => undefined);
    for (const { id, result } of [{ id: ada.id, result: own }, ...gone]) {
      await resetObject(id);
      expect(await result).toBe('reset');
    }
    expect(await inStore(ada.id, (store) => store.throttles.read('other_browsers'))).toBeUndefined();
    vi.useRealTimers();
    for (const { result } of staying) expect(await result).toEqual({ ok: false, reason: 'unknown_account' });
    expect(await openAccount(ada.id).signIn(PASSWORD, DEVICE, POLICY)).toMatchObject({ ok: true });
  });
});

describe('tries at one account at once', () => {
  it('are six, right or wrong, known or unknown; the others are told to wait, and leave nothing', async () => {
    const ada = await createAccount();
    const nobody = randomId();
    freezeClock();
    await resetHolder();
    const trying = [ada.account, openAccount(nobody)].map((account) =>
      Promise.all(Array.from({ length: 9 }, () => account.signIn(PASSWORD, DEVICE, POLICY))),
    );
    // Calls to one object arrive in order: all wait by then.
    for (const id of [ada.id, nobody]) await runInside(id, () => undefined);
    passSeconds(2);
    const [known, unknown] = await Promise.all(trying);
    const refused = Array(3).fill({ ok: false, reason: 'account_throttled', retryAfterSeconds: 30 });
    expect(known?.filter(({ ok }) => ok)).toHaveLength(6);
    expect(known?.filter(({ ok }) => !ok)).toEqual(refused);
    expect(unknown?.filter((result) => outcomeOf(result) === 'unknown_account')).toHaveLength(6);
    expect(unknown?.filter((result) => outcomeOf(result) !== 'unknown_account')).toEqual(refused);
    expect(await readSids(ada.id)).toHaveLength(7);
    expect(await inStore(ada.id, (store) => store.throttles.read('other_browsers'))).toBeUndefined();
    expect(await ada.account.signIn(PASSWORD, DEVICE, POLICY)).toMatchObject({ ok: true });
  });

  it('wait for nobody else when they come from a known browser', async () => {
    const ada = await createAccount();
    const { browser } = ada;
    freezeClock();
    await resetHolder();
    const guesses = Array.from({ length: 9 }, () => ada.account.signIn('wrong', DEVICE, POLICY));
    const own = ada.account.signIn(PASSWORD, DEVICE, POLICY, { browser });
    await runInside(ada.id, () => undefined);
    passSeconds(2);
    expect(await own).toMatchObject({ ok: true });
    expect(
      (await Promise.all(guesses)).filter((result) => outcomeOf(result) === 'wrong_password'),
    ).toHaveLength(6);
  });
});

describe('an account that many browsers are known to', () => {
  const BROWSERS = 9;

  /** Tries with a browser each, at once. Returns what came of them, and the lines that they waited in. */
  async function tryAtOnce(sinceMs: number) {
    const ada = await createAccount();
    const grants = await Promise.all(
      Array.from({ length: BROWSERS - 4 }, () => ada.account.signIn(PASSWORD, DEVICE, POLICY)),
    );
    const more = await Promise.all(
      Array.from({ length: 4 }, () => ada.account.signIn(PASSWORD, DEVICE, POLICY)),
    );
    const browsers = [...grants, ...more].map((grant) => {
      if (!grant.ok || grant.value.status !== 'signed_in') throw new Error('not signed in');
      return { ...grant.value.browser, sinceMs };
    });
    freezeClock();
    await resetHolder();
    const turns = vi.spyOn(hashQueue, 'takeTurn');
    const trying = Promise.all(
      browsers.map((browser) => ada.account.signIn('wrong', DEVICE, POLICY, { browser })),
    );
    await runInside(ada.id, () => undefined);
    passSeconds(2);
    return { results: (await trying).map(outcomeOf), lines: turns.mock.calls.map(([line]) => line) };
  }

  const WAITING = [...Array(6).fill('wrong_password'), ...Array(BROWSERS - 6).fill('account_throttled')];

  it('puts six tries in the queue at most, and two of them before others', async () => {
    // A minute more: the clocks of two objects differ, since each stands still between two inputs.
    const { results, lines } = await tryAtOnce(Date.now() - DAY_MS - 60_000);
    expect(results).toEqual(WAITING);
    expect(lines).toEqual(['established', 'established', ...Array(4).fill('other')]);
  });

  it('puts none before others by browsers that have been known for less than a day', async () => {
    const { results, lines } = await tryAtOnce(Date.now());
    expect(results).toEqual(WAITING);
    expect(lines).toEqual(Array(6).fill('other'));
  });
});

describe('a full queue', () => {
  /** As long as the clock stands, the turn is held by an object that is gone; 64 wait. */
  async function fill(): Promise<{ filling: Promise<unknown> }> {
    freezeClock();
    await resetHolder();
    let isFull = false;
    const filling = runInside(randomId(), () => {
      const turns = Array.from({ length: MOST_WAITING }, () => hashQueue.takeTurn('other', () => undefined));
      isFull = true;
      return Promise.all(turns);
    });
    await eventually(() => expect(isFull).toBe(true));
    return { filling };
  }

  it('responds 503 to every endpoint that hashes, tells names apart by nothing, and stores nothing', async () => {
    const ada = await service.register();
    const nobody = uniqueName();
    await service.post('/password/forgot', { json: { email: ada.email } });
    const token = readLinkToken(await awaitMail(ada.email, 'reset_password'));
    const before = await readStored(accountOf(ada.id));
    const { filling } = await fill();
    const log = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const { accessToken: bearer } = ada;
    const newcomer = uniqueName();
    const responses = await Promise.all([
      service.post('/login', { json: { username: ada.name, password: PASSWORD } }),
      service.post('/login', { json: { username: ada.name, password: 'wrong' } }),
      service.post('/login', { json: { username: nobody, password: PASSWORD } }),
      service.post('/register', {
        json: { username: newcomer, email: `${newcomer}@example.com`, password: PASSWORD },
      }),
      service.post('/password/reset', { json: { token, newPassword: NEW_PASSWORD } }),
      service.fetch('/password', {
        method: 'PUT',
        bearer,
        json: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD },
      }),
      service.fetch('/email', {
        method: 'PUT',
        bearer,
        json: { email: `new-${ada.email}`, password: PASSWORD },
      }),
      service.fetch('/me', { method: 'DELETE', bearer, json: { password: PASSWORD } }),
    ]);
    const shapes = await Promise.all(
      responses.slice(0, 3).map(async (response) => ({
        headers: [...response.headers].filter(([name]) => name !== 'x-request-id'),
        body: await response.clone().text(),
      })),
    );
    expect(new Set(shapes.map((shape) => JSON.stringify(shape))).size).toBe(1);
    for (const response of responses) {
      await expectOutage(response);
      expect(response.headers.getSetCookie()).toEqual([]);
    }
    // At once, and not for want of a response within the deadline.
    expect(log.mock.calls.map(([line]) => JSON.parse(String(line)).reason)).toEqual(
      Array(8).fill('too_busy'),
    );
    expect(await readStored(accountOf(ada.id))).toEqual(before);
    const decoy = await deriveDecoyId(await importDecoyKey(REFRESH_SECRET), nobody);
    expect(await readStored(accountOf(decoy))).toEqual(NOTHING);
    expect((await service.post('/refresh', { cookie: ada.cookie })).status).toBe(200);

    vi.useRealTimers();
    await filling;
    await service.login(ada.name);
  });

  it('still serves an established browser', async () => {
    const ada = await createAccount();
    const { filling } = await fill();
    const browser = { ...ada.browser, sinceMs: Date.now() - DAY_MS };
    const own = ada.account.signIn(PASSWORD, DEVICE, POLICY, { browser });
    await runInside(ada.id, () => undefined);
    passSeconds(2);
    expect(await own).toMatchObject({ ok: true });
    await filling;
  });

  it('refuses who has waited for 3 s', async () => {
    const ada = await createAccount();
    freezeClock();
    await resetHolder();
    const own = ada.account.signIn('wrong', DEVICE, POLICY);
    await runInside(ada.id, () => undefined);
    const others = runInside(randomId(), () => {
      // Past the lease of the holder that is gone, and then half a second for each hash.
      passSeconds(1.1);
      return Promise.all(
        Array.from({ length: 8 }, () => hashQueue.takeTurn('begun', () => passSeconds(0.5))),
      );
    });
    expect(await own).toEqual({ ok: false, reason: 'too_busy' });
    expect(await inStore(ada.id, (store) => store.throttles.read('other_browsers'))).toBeUndefined();
    await others;
  });
});

/** Every call waits before its second hash, from here until it is let through. */
function holdSecondHash(): { reached: () => Promise<void>; release: () => void } {
  let hasArrived = false;
  let isHeld = true;
  const { takeTurn } = hashQueue;
  vi.spyOn(hashQueue, 'takeTurn').mockImplementation(async (line, work) => {
    if (line === 'begun') {
      hasArrived = true;
      // By timers of the object that waits: a promise of the test would carry on in the wrong one.
      while (isHeld) await passTurn();
    }
    return takeTurn(line, work);
  });
  return {
    reached: () => eventually(() => expect(hasArrived).toBe(true)),
    release: () => {
      isHeld = false;
    },
  };
}

type Grant = Awaited<ReturnType<typeof createAccount>>;

describe('a password change that waits for its second hash', () => {
  const change = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD, minLength: 8 };

  async function race({ account, session }: Grant, between: () => Promise<unknown>) {
    const held = holdSecondHash();
    const changing = account.changePassword({ sid: session.sid, ...change }, { actor: DEVICE });
    await held.reached();
    await between();
    held.release();
    return changing;
  }

  it('is refused when its session was ended, and changes nothing', async () => {
    const ada = await createAccount();
    const result = await race(ada, () => ada.account.signOut(ada.session.sid, DEVICE));
    expect(result).toEqual({ ok: false, reason: 'session_over' });
    expect(await ada.account.signIn(PASSWORD, DEVICE, POLICY)).toMatchObject({ ok: true });
    expect((await readEvents(ada.id)).map(({ kind }) => kind)).not.toContainEqual('password_changed');
  });

  it.each(['disable', 'force_password_reset', 'end_sessions'] as const)(
    'is refused when an operator did this meanwhile: %s',
    async (action) => {
      const ada = await createAccount();
      const hash = await inStore(ada.id, ({ credentials }) => credentials.readPasswordHash());
      const result = await race(ada, () => ada.account.act(action, OPERATOR));
      expect(result).toEqual({ ok: false, reason: 'session_over' });
      expect(await inStore(ada.id, ({ credentials }) => credentials.readPasswordHash())).toBe(hash);
      const row = await inStore(ada.id, ({ accounts }) => accounts.readAccount());
      expect(row?.mustResetPassword).toBe(action === 'force_password_reset');
    },
  );

  it('is refused when the account was deleted, and leaves nothing of it', async () => {
    const ada = await createAccount();
    const result = await race(ada, () => ada.account.deleteByOperator(600));
    expect(result).toEqual({ ok: false, reason: 'session_over' });
    expect(await readStored(accountOf(ada.id))).toEqual(NOTHING);
  });

  it('proves the current password again when that was changed, and is refused', async () => {
    const ada = await createAccount();
    const result = await race(ada, () =>
      inStore(ada.id, ({ credentials }) => credentials.rehashPassword(DECOY_HASH)),
    );
    expect(result).toEqual({ ok: false, reason: 'wrong_password' });
    expect(await inStore(ada.id, ({ credentials }) => credentials.readPasswordHash())).toBe(DECOY_HASH);
    expect((await readEvents(ada.id)).map(({ kind }) => kind)).not.toContainEqual('password_changed');
  });

  it('is refused when another session has changed the password: that ends this one', async () => {
    const ada = await createAccount();
    const other = await plantSession(ada.id);
    const newPassword = 'the password of the other';
    const results = await Promise.all(
      [ada.session.sid, other.sid].map((sid) =>
        ada.account.changePassword({ sid, ...change, newPassword }, { actor: DEVICE }),
      ),
    );
    expect(results.map(outcomeOf).sort()).toEqual(['done', 'session_over']);
    expect(await readSids(ada.id)).toHaveLength(1);
  });

  it('is one of two of the same session: the first one wins', async () => {
    const ada = await createAccount();
    const results = await Promise.all(
      ['the first new password', 'the second new password'].map((newPassword) =>
        ada.account.changePassword({ sid: ada.session.sid, ...change, newPassword }, { actor: DEVICE }),
      ),
    );
    expect(results.map(outcomeOf).sort()).toEqual(['done', 'wrong_password']);
    const winner = results.findIndex(({ ok }) => ok);
    const [first, second] = ['the first new password', 'the second new password'];
    const chosen = winner === 0 ? first : second;
    expect(await ada.account.signIn(chosen ?? '', DEVICE, POLICY)).toMatchObject({ ok: true });
    expect((await readEvents(ada.id)).filter(({ kind }) => kind === 'password_changed')).toHaveLength(1);
  });
});

describe('what waits for its hash', () => {
  /** Starts a call while the turn is held by an object that is gone, does something else, and lets the call go on. */
  async function race<T>(start: () => Promise<T>, between: () => Promise<unknown>): Promise<T> {
    freezeClock();
    await resetHolder();
    const waiting = start();
    await between();
    passSeconds(2);
    return waiting;
  }

  it('a sign-in with the right password, is refused when the account is disabled meanwhile', async () => {
    const ada = await createAccount();
    const result = await race(
      () => ada.account.signIn(PASSWORD, DEVICE, POLICY),
      () => ada.account.act('disable', OPERATOR),
    );
    expect(result).toEqual({ ok: false, reason: 'account_disabled' });
    expect(await readSids(ada.id)).toEqual([]);
  });

  it('a sign-in, finds nobody when the account is deleted meanwhile', async () => {
    const ada = await createAccount();
    const result = await race(
      () => ada.account.signIn(PASSWORD, DEVICE, POLICY),
      () => ada.account.deleteByOperator(600),
    );
    expect(result).toEqual({ ok: false, reason: 'unknown_account' });
    expect((await readStored(accountOf(ada.id))).tables).toMatchObject({ account: [], session: [] });
  });

  it.each(['requestEmailChange', 'deleteByOwner'] as const)(
    '%s, is refused when the session is over meanwhile',
    async (method) => {
      const ada = await createAccount();
      const { sid } = ada.session;
      const caller = { actor: DEVICE };
      const email = { email: 'new@example.com', password: PASSWORD };
      const result = await race(
        (): Promise<Result<undefined, string>> =>
          method === 'deleteByOwner'
            ? ada.account.deleteByOwner({ sid, password: PASSWORD, accessTtlSeconds: 600 }, caller)
            : ada.account.requestEmailChange(sid, email, caller),
        () => ada.account.signOut(sid, DEVICE),
      );
      expect(result).toEqual({ ok: false, reason: 'session_over' });
      const kinds = (await readEvents(ada.id)).map(({ kind }) => kind);
      expect(kinds).toEqual(['registered', 'signed_in', 'signed_out']);
    },
  );

  it('a registration, leaves nothing when its object is reset', async () => {
    freezeClock();
    await resetHolder();
    const id = randomId();
    const username = uniqueName();
    const registration = {
      id,
      username,
      email: `${username}@example.com`,
      password: PASSWORD,
      client: DEVICE,
    };
    const registering = orReset(openAccount(id).register(registration));
    // Responds when all that was written is stored.
    await runInside(id, () => undefined);
    await resetObject(id);
    expect(await registering).toBe('reset');
    expect(await readStored(accountOf(id))).toEqual(NOTHING);
    passSeconds(2);
    expect(await openAccount(id).register(registration)).toMatchObject({ value: { profile: { id } } });
  });
});

describe('a reset link', () => {
  it('that is used twice at once is used once', async () => {
    const ada = await service.register();
    await service.post('/password/forgot', { json: { email: ada.email } });
    const token = readLinkToken(await awaitMail(ada.email, 'reset_password'));
    const passwords = ['the first new password', 'the second new password'];
    const responses = await Promise.all(
      passwords.map((newPassword) => service.post('/password/reset', { json: { token, newPassword } })),
    );
    expect(responses.map(({ status }) => status).sort()).toEqual([204, 400]);
    const winner = responses.findIndex(({ status }) => status === 204);
    await service.login(ada.name, passwords[winner]);
    const loser = { username: ada.name, password: passwords[1 - winner] };
    expect((await service.post('/login', { json: loser })).status).toBe(401);
    expect((await readEvents(ada.id)).filter(({ kind }) => kind === 'password_reset')).toHaveLength(1);
  });
});
