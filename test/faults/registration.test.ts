// A registration that is interrupted or loses a name: at every call to the directory. The rest of the flows is in test/flows.

import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Account } from '../../src/account/account.ts';
import { findAccountId } from '../../src/directory/directory.ts';
import { randomId } from '../../src/domain/ids.ts';
import { FENCE_MS } from '../../src/domain/name-flow.ts';
import { DEVICE, fireAlarm, NOTHING, readStored, runInside } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { type Intercept, interceptNames } from '../support/directory-faults.ts';
import { eventually } from '../support/eventually.ts';
import { expectOutage, type Fault, Faults, fails, losesResponse, readSessions } from '../support/faults.ts';
import { awaitMail, deliveriesTo } from '../support/mailbox.ts';
import { accountOf, PASSWORD, Service, uniqueName } from '../support/service.ts';

const faults = new Faults();
const service = new Service(faults.bindings());

beforeEach(() => {
  freezeClock();
  vi.spyOn(console, 'error').mockImplementation(() => {});
});

afterEach(() => {
  faults.clear();
  vi.restoreAllMocks();
});

function signUp(name: string, password = PASSWORD): Promise<Response> {
  return service.post('/register', { json: { username: name, email: `${name}@example.com`, password } });
}

async function signInStatus(username: string, password = PASSWORD): Promise<number> {
  return (await service.post('/login', { json: { username, password } })).status;
}

/** The account that the last sign-up made, whatever became of it. */
function lastAccountId(): string {
  const id = faults.opened.at(-1);
  if (id === undefined) throw new Error('no account was called');
  return id;
}

/** The fault meets the call with this number, from 1; the others work. */
const at =
  (number: number, fault: Fault): Intercept =>
  (_, send, calls) =>
    calls.length === number ? fault(send) : send();

/** The time at which the alarm looks at what was interrupted. */
async function passFence(id: string): Promise<void> {
  passSeconds(FENCE_MS / 1000);
  const { alarmMs } = await readStored(accountOf(id));
  if (alarmMs === null || alarmMs > Date.now()) throw new Error(`the alarm is not due: ${alarmMs}`);
  await fireAlarm(id);
}

describe('a sign-up that is interrupted before it holds both names', () => {
  it.each<[string, number, Fault]>([
    ['before the first', 1, fails()],
    ['after the first, whose response is lost', 1, losesResponse()],
    ['before the second', 2, fails()],
  ])('responds 503, and leaves nothing a minute later: %s', async (_, number, fault) => {
    const name = uniqueName();
    const calls = await interceptNames(randomId(), at(number, fault));
    await expectOutage(await signUp(name));
    expect(calls).toEqual(Array(number).fill('reserve'));
    const leftover = lastAccountId();
    expect(await readSessions(leftover)).toHaveLength(1);
    await passFence(leftover);
    expect(await readStored(accountOf(leftover))).toEqual(NOTHING);
    expect(deliveriesTo(`${name}@example.com`)).toEqual([]);
    expect((await signUp(name, 'another password')).status).toBe(201);
    expect(await signInStatus(name, 'another password')).toBe(200);
    expect(await signInStatus(name)).toBe(401);
  });
});

describe('a sign-up that holds both names, but whose response is lost', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['from the directory', () => interceptNames(randomId(), at(2, losesResponse()))],
    [
      'from the account',
      async () => {
        faults.account = losesResponse();
      },
    ],
  ])('responds 503, and the account can be used: now, and after the alarm: %s', async (_, interrupt) => {
    const name = uniqueName();
    await interrupt();
    await expectOutage(await signUp(name));
    const id = lastAccountId();
    faults.clear();
    expect((await signUp(name)).status).toBe(409);
    expect(await signInStatus(name)).toBe(200);
    await awaitMail(`${name}@example.com`, 'verify_email');
    passSeconds(FENCE_MS / 1000);
    await fireAlarm(id);
    expect(await readStored(accountOf(id))).toMatchObject({ tables: { intent: [], account: [{ id }] } });
    expect(await signInStatus(`${name}@example.com`)).toBe(200);
  });

  it('is kept by the alarm, too, when nobody signs in before', async () => {
    const name = uniqueName();
    await interceptNames(randomId(), at(2, losesResponse()));
    await expectOutage(await signUp(name));
    await passFence(lastAccountId());
    await awaitMail(`${name}@example.com`, 'verify_email');
    expect(await signInStatus(name)).toBe(200);
  });
});

describe('a sign-in that reaches a sign-up which holds the user name alone', () => {
  it('completes it with the right password, and only with that', async () => {
    const name = uniqueName();
    const calls = await interceptNames(randomId(), at(2, fails()));
    await expectOutage(await signUp(name));
    expect(await signInStatus(name, 'a guess')).toBe(401);
    expect(calls).toEqual(['reserve', 'reserve']);
    expect(await signInStatus(name)).toBe(200);
    expect(await findAccountId(env.DIRECTORY, `${name}@example.com`)).toBe(lastAccountId());
  });

  it('is refused when the address is taken by now, and the user name is free again', async () => {
    const name = uniqueName();
    await interceptNames(randomId(), at(2, fails()));
    await expectOutage(await signUp(name));
    const loser = lastAccountId();
    const json = { username: uniqueName(), email: `${name}@example.com`, password: PASSWORD };
    expect((await service.post('/register', { json })).status).toBe(201);
    expect(await signInStatus(name)).toBe(401);
    // The first try for the address can still get through: what is left of the account waits for it.
    const { tables } = await readStored(accountOf(loser));
    expect([tables.account, tables.session, tables.event]).toEqual([[], [], []]);
    await passFence(loser);
    expect(await readStored(accountOf(loser))).toEqual(NOTHING);
    expect(await findAccountId(env.DIRECTORY, name)).toBeUndefined();
  });

  it('responds 503 while the directory does not, and opens nothing', async () => {
    const name = uniqueName();
    await interceptNames(randomId(), (_, send, calls) => (calls.length === 1 ? send() : fails()(send)));
    await expectOutage(await signUp(name));
    await expectOutage(await service.post('/login', { json: { username: name, password: PASSWORD } }));
  });
});

describe('a sign-up that loses a name to another', () => {
  /** Another sign-up takes one of the names in between the first look and the reservation. */
  async function lose(rivals: { username: string; email: string }): Promise<number> {
    const rival = new Service();
    let isTaken = false;
    const calls = await interceptNames(randomId(), async (_, send) => {
      if (!isTaken) {
        isTaken = true;
        const json = { ...rivals, password: 'another password' };
        expect((await rival.post('/register', { json })).status).toBe(201);
      }
      return send();
    });
    return calls.length;
  }

  it.each(['username', 'email'] as const)('responds 409 and is removed at once: %s', async (field) => {
    const name = uniqueName();
    const other = uniqueName();
    const names = { username: name, email: `${name}@example.com` };
    await lose({ username: other, email: `${other}@example.com`, [field]: names[field] });
    const response = await signUp(name);
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({ code: `${field}_taken` });
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(await readStored(accountOf(lastAccountId()))).toEqual(NOTHING);
    expect(await signInStatus(names[field], 'another password')).toBe(200);
    // The other name is free.
    const json = { ...names, [field]: field === 'email' ? `x-${name}@example.com` : `x-${name}` };
    expect((await service.post('/register', { json: { ...json, password: PASSWORD } })).status).toBe(201);
  });

  it('responds 409 when it cannot be undone, and is removed by the alarm', async () => {
    const name = uniqueName();
    const json = { username: uniqueName(), email: `${name}@example.com`, password: 'another password' };
    await interceptNames(randomId(), (call, send) => (call === 'undo' ? fails()(send) : send()));
    faults.directory = async (call) => {
      faults.directory = (pass) => pass();
      const result = await call();
      expect((await new Service().post('/register', { json })).status).toBe(201);
      return result;
    };
    const response = await signUp(name);
    expect(response.status).toBe(409);
    expect(await findAccountId(env.DIRECTORY, name)).toBe(lastAccountId());
    vi.restoreAllMocks();
    await passFence(lastAccountId());
    expect(await readStored(accountOf(lastAccountId()))).toEqual(NOTHING);
    expect(await findAccountId(env.DIRECTORY, name)).toBeUndefined();
  });
});

describe('a name whose account does not exist', () => {
  it.each(['reserving', 'active'])('is free: %s', async (state) => {
    const name = uniqueName();
    await env.DIRECTORY.prepare("INSERT INTO names VALUES (?, 'username', ?, ?, ?, NULL)")
      .bind(`username:${name}`, randomId(), name, state)
      .run();
    expect(await signInStatus(name)).toBe(401);
    expect((await signUp(name)).status).toBe(201);
    expect(await signInStatus(name)).toBe(200);
  });

  it('is free for somebody who changes the name, too', async () => {
    const name = uniqueName();
    const ada = await service.register();
    await env.DIRECTORY.prepare("INSERT INTO names VALUES (?, 'username', ?, ?, 'reserving', NULL)")
      .bind(`username:${name}`, randomId(), name)
      .run();
    const json = { username: name };
    expect((await service.fetch('/me', { method: 'PATCH', bearer: ada.accessToken, json })).status).toBe(200);
    expect(await findAccountId(env.DIRECTORY, name)).toBe(ada.id);
  });

  it('is taken while its account does not respond', async () => {
    const name = uniqueName();
    await service.register(name);
    faults.account = fails();
    expect((await signUp(name)).status).toBe(409);
  });

  it.each<[string, () => unknown]>([
    ['fails', () => Promise.reject(new Error('gone'))],
    ['hangs', () => new Promise(() => {})],
  ])('is taken while its account %s when another account asks it', async (_, respond) => {
    const [ada, bob] = [await service.register(), await service.register()];
    const asked = vi.spyOn(Account.prototype, 'exists').mockImplementation(respond as () => boolean);
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: Date.now() });
    const change = { sid: bob.sid, username: ada.name, accessTtlSeconds: 600 };
    // Inside the object, whose timers these are.
    await runInside(bob.id, async (account) => {
      const renaming = account.rename(change, DEVICE);
      await eventually(() => expect(asked).toHaveBeenCalled());
      await vi.advanceTimersByTimeAsync(5_000);
      expect(await renaming).toEqual({ ok: false, reason: 'username_taken' });
    });
    expect(await findAccountId(env.DIRECTORY, ada.name)).toBe(ada.id);
  });
});
