// Every flow, interrupted at each of its calls to the directory in each way: then the account and the directory agree, once the
// alarm has rung, and nobody has a name that a token of somebody else can carry.
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { findAccountId } from '../../src/directory/directory.ts';
import { randomId } from '../../src/domain/ids.ts';
import type { Result } from '../../src/domain/result.ts';
import { DEVICE, inStore, openAccount, POLICY, readStored, runInside } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { interceptNames, type NamesCall } from '../support/directory-faults.ts';
import { withPlantedHash } from '../support/hashes.ts';
import { awaitMail, readLinkToken } from '../support/mailbox.ts';
import { expectSettled, isFree, settle } from '../support/names.ts';
import { outcomeOf } from '../support/results.ts';
import { accountOf, PASSWORD, type Person, Service, uniqueName } from '../support/service.ts';

const service = new Service();
const TTL = 600;
const HOLD_SECONDS = 7 * 24 * 3600;

/** What happens at one call. `late`: it takes effect half a minute later, when everybody has given it up. */
const FAULTS = [
  'fails',
  'loses its response',
  'comes late',
  'stops the object before it',
  'stops the object after it',
  'stops the object and comes late',
] as const;
type FaultName = (typeof FAULTS)[number];

beforeEach(() => {
  freezeClock();
  vi.spyOn(console, 'error').mockImplementation(() => {});
});

/** Lets one call of the account meet a fault, and returns what sends the call that comes late. */
async function plantFault(id: string, call: NamesCall, nth: number, fault: FaultName) {
  const state = await runInside(id, (_, ctx) => ctx);
  let isMet = false;
  let late: (() => Promise<unknown>) | undefined;
  await interceptNames(id, async (name, send, calls) => {
    const isIt = !isMet && name === call && calls.filter((each) => each === call).length === nth;
    if (!isIt) return send();
    isMet = true;
    if (fault === 'loses its response' || fault === 'stops the object after it') await send();
    if (fault.endsWith('comes late')) late = send;
    if (!fault.startsWith('stops')) throw new Error('D1_ERROR: no response');
    state.abort('reset');
    return new Promise(() => {});
  });
  return async () => {
    expect(isMet, `${call} ${nth} was made`).toBe(true);
    passSeconds(30);
    await late?.();
  };
}

/** What a call came to; `lost` when the object was stopped. */
async function settledAs(call: Promise<Result<unknown, string>>): Promise<string> {
  return call.then(outcomeOf).catch(() => 'lost');
}

const points = (calls: [NamesCall, number][]) =>
  calls.flatMap(([call, nth]) => FAULTS.map((fault) => [call, nth, fault] as const));

describe('a registration', () => {
  it.each(
    points([
      ['reserve', 1],
      ['reserve', 2],
      ['activate', 1],
    ]),
  )('ends well when %s %i %s', async (call, nth, fault) => {
    const id = randomId();
    const name = uniqueName();
    const names = { username: name, email: `${name}@example.com` };
    const commitLate = await plantFault(id, call, nth, fault);
    const registration = { id, ...names, password: PASSWORD, client: DEVICE, policy: POLICY };
    const outcome = await settledAs(withPlantedHash(() => openAccount(id).register(registration)));
    expect(outcome).toBe(
      fault.startsWith('stops') ? 'lost' : call === 'activate' ? 'done' : 'directory_unavailable',
    );
    await commitLate();
    await settle(id);
    const { tables } = await readStored(accountOf(id));
    if (call === 'activate') expect(tables.account).toHaveLength(1);
    if (tables.account === undefined) {
      for (const display of Object.values(names)) expect(await isFree(display), display).toBe(true);
    } else await service.login(name);
    await expectSettled(id);
  });
});

interface Change {
  calls: [NamesCall, number][];
  start: (
    ada: Person,
  ) => Promise<{ run: () => Promise<Result<unknown, string>>; former: string; next: string }>;
}

const CHANGES: Record<string, Change> = {
  'a change of the user name': {
    calls: [
      ['reserve', 1],
      ['activate', 1],
    ],
    start: async (ada) => {
      const username = uniqueName();
      const change = { sid: ada.sid, username, accessTtlSeconds: TTL };
      return { run: () => openAccount(ada.id).rename(change, DEVICE), former: ada.name, next: username };
    },
  },
  'a change of the address': {
    calls: [
      ['reserve', 1],
      ['activate', 1],
    ],
    start: async (ada) => {
      const email = `new-${uniqueName()}@example.com`;
      const token = await requestChange(ada, email);
      const use = { token, accessTtlSeconds: TTL };
      const run = () => openAccount(ada.id).verifyEmail(use, { actor: DEVICE });
      return { run, former: ada.email, next: email };
    },
  },
};

/** The token of the link for another address, as the account gets it. */
async function requestChange(ada: Person, email: string): Promise<string> {
  const json = { email, password: PASSWORD };
  await service.fetch('/email', { method: 'PUT', bearer: ada.accessToken, json });
  const [, token = ''] = readLinkToken(await awaitMail(email, 'confirm_new_email')).split('.');
  return token;
}

describe.each(Object.entries(CHANGES))('%s', (_, { calls, start }) => {
  it.each(points(calls))('ends well when %s %i %s', async (call, nth, fault) => {
    const ada = await service.register();
    const { run, former, next } = await start(ada);
    const commitLate = await plantFault(ada.id, call, nth, fault);
    const outcome = await settledAs(run());
    expect(outcome).toBe(
      fault.startsWith('stops') ? 'lost' : call === 'activate' ? 'done' : 'directory_unavailable',
    );
    await commitLate();
    await settle(ada.id);
    const account = await inStore(ada.id, ({ accounts }) => accounts.readAccount());
    const isChanged = account?.username === next || account?.email === next;
    // What is adopted stays; what nobody carried on is given up.
    expect(isChanged).toBe(call === 'activate');
    expect(await findAccountId(env.DIRECTORY, next)).toBe(isChanged ? ada.id : undefined);
    expect(await findAccountId(env.DIRECTORY, former)).toBe(isChanged ? undefined : ada.id);
    await expectSettled(ada.id);
    passSeconds(HOLD_SECONDS);
    expect([await isFree(former), await isFree(next)]).toEqual(isChanged ? [true, false] : [false, true]);
  });

  it.each(FAULTS)('is completed when it is repeated after reserve 1 %s', async (fault) => {
    const ada = await service.register();
    const { run, former, next } = await start(ada);
    const commitLate = await plantFault(ada.id, 'reserve', 1, fault);
    await settledAs(run());
    expect(await settledAs(run())).toBe('done');
    await commitLate();
    await settle(ada.id);
    expect(await findAccountId(env.DIRECTORY, next)).toBe(ada.id);
    expect(await isFree(former)).toBe(false);
    await expectSettled(ada.id);
    passSeconds(HOLD_SECONDS);
    expect(await isFree(former)).toBe(true);
    await expectSettled(ada.id);
  });

  it.each(FAULTS)(
    'is followed by the way back after activate 1 %s, and then it keeps the former',
    async (fault) => {
      const ada = await service.register();
      const { run, former, next } = await start(ada);
      const commitLate = await plantFault(ada.id, 'activate', 1, fault);
      await settledAs(run());
      const token = former === ada.email ? await requestChange(ada, former) : '';
      const goBack = () =>
        token === ''
          ? openAccount(ada.id).rename({ sid: ada.sid, username: ada.name, accessTtlSeconds: TTL }, DEVICE)
          : openAccount(ada.id).verifyEmail({ token, accessTtlSeconds: TTL }, { actor: DEVICE });
      // The first change can still take effect in the directory: until it cannot, there is no second one.
      expect(await settledAs(goBack())).toBe('directory_unavailable');
      await commitLate();
      await settle(ada.id);
      passSeconds(60);
      expect(await settledAs(goBack())).toBe('done');
      await settle(ada.id);
      expect(await findAccountId(env.DIRECTORY, former)).toBe(ada.id);
      await expectSettled(ada.id);
      passSeconds(HOLD_SECONDS);
      expect([await isFree(former), await isFree(next)]).toEqual([false, true]);
    },
  );
});

describe('a deletion', () => {
  const remove = (ada: Person) =>
    settledAs(
      Promise.resolve(
        openAccount(ada.id).deleteByOwner(
          { sid: ada.sid, password: PASSWORD, accessTtlSeconds: TTL },
          { actor: DEVICE },
        ),
      ),
    );

  it.each(FAULTS)('ends well when release 1 %s: nobody can use the account meanwhile', async (fault) => {
    const ada = await service.register();
    const commitLate = await plantFault(ada.id, 'release', 1, fault);
    expect(await remove(ada)).toBe(fault.startsWith('stops') ? 'lost' : 'directory_unavailable');
    expect((await service.fetch('/me', { bearer: ada.accessToken })).status).toBe(401);
    expect((await service.post('/refresh', { cookie: ada.cookie })).status).toBe(401);
    const json = { username: ada.name, password: PASSWORD };
    expect((await service.post('/login', { json })).status).toBe(401);
    await commitLate();
    await settle(ada.id);
    await awaitMail(ada.email, 'account_deleted');
    await expectSettled(ada.id);
    expect([await isFree(ada.name), await isFree(ada.email)]).toEqual([false, false]);
    passSeconds(HOLD_SECONDS);
    expect([await isFree(ada.name), await isFree(ada.email)]).toEqual([true, true]);
  });

  it.each(FAULTS)('is completed when it is repeated after release 1 %s', async (fault) => {
    const ada = await service.register();
    const commitLate = await plantFault(ada.id, 'release', 1, fault);
    await remove(ada);
    expect(await remove(ada)).toBe('done');
    await commitLate();
    await settle(ada.id);
    await awaitMail(ada.email, 'account_deleted');
    await expectSettled(ada.id);
  });

  it.each(
    Object.entries(CHANGES).flatMap(([title, change]) =>
      points(change.calls).map((point) => [title, ...point] as const),
    ),
  )(
    'erases the account and releases every name during %s of which %s %i %s',
    async (title, call, nth, fault) => {
      const ada = await service.register();
      const change = await CHANGES[title]?.start(ada);
      if (change === undefined) throw new Error('an unknown change');
      const commitLate = await plantFault(ada.id, call, nth, fault);
      await settledAs(change.run());
      expect(await remove(ada)).toBe('done');
      // All that may be left is what still has to be released.
      const { tables } = await readStored(accountOf(ada.id));
      for (const [table, rows] of Object.entries(tables))
        if (table !== 'intent' && table !== 'schema_version') expect(rows, table).toEqual([]);
      for (const name of [ada.name, ada.email, change.next])
        expect(await findAccountId(env.DIRECTORY, name)).toBeUndefined();
      await commitLate();
      await settle(ada.id);
      await expectSettled(ada.id);
      for (const name of [ada.name, ada.email]) expect(await isFree(name)).toBe(false);
      passSeconds(HOLD_SECONDS);
      for (const name of [ada.name, ada.email, change.next]) expect(await isFree(name)).toBe(true);
    },
  );
});
