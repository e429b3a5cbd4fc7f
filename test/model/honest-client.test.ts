// Honest clients refresh before they are due, with the latest token that reached them, and try again inside the window when
// a response was lost. Whatever else goes on in their account, none of them is signed out before the absolute end.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SessionPolicy } from '../../src/domain/session.ts';
import { insideAccount } from '../support/inside-account.ts';
import { muteRequestLog } from '../support/quiet.ts';
import { Service } from '../support/service.ts';
import { AccountDriver } from './account-driver.ts';
import type { Driver } from './driver.ts';
import { HonestClient } from './honest-client.ts';
import { check, TIMEOUT_MS } from './runs.ts';
import { policy, weighted } from './steps.ts';
import { WorkerDriver } from './worker-driver.ts';

type Event =
  | { do: 'refresh'; client: number; lost: number }
  | { do: 'refresh in two tabs'; client: number }
  | { do: 'wait'; ms: number }
  | { do: 'wait idle'; lifetimes: number }
  | { do: 'abuse'; counter: number; by: 'refresh' | 'sign out' | 'end one' }
  | { do: 'alarm' }
  | { do: 'restart' };

const client = fc.nat(1);
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('refresh'), client, lost: weighted([3, 0], [2, 1], [1, 3]) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('refresh in two tabs'), client }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait'), ms: fc.constantFrom(1, 999, 2999, 30_000) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait idle'), lifetimes: fc.constantFrom(1, 0.5, 0.999, 3) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('abuse'),
      counter: fc.nat(4),
      by: fc.constantFrom('refresh', 'sign out', 'end one'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('alarm', 'restart') }) },
);

muteRequestLog();

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('a client that refreshes on time', () => {
  it('is never signed out by its account', { timeout: TIMEOUT_MS }, async () => {
    const { id } = await new Service().register();
    await insideAccount(id, async (account, { sql }) => {
      const events = fc.array(event, { maxLength: 30, size: 'max' });
      const property = fc.asyncProperty(policy, events, async (policy, events) => {
        await live(new AccountDriver(account, sql, policy), policy, events);
      });
      await check(property, 1000);
    });
  });

  it('is never signed out by the Worker', { timeout: TIMEOUT_MS }, async () => {
    const ada = await new Service().register();
    const events = fc.array(event, { maxLength: 15, size: 'max' });
    const property = fc.asyncProperty(policy, events, async (policy, events) => {
      const driver = new WorkerDriver(ada, policy, 'row');
      await driver.clear();
      await live(driver, policy, events);
    });
    await check(property, 40);
  });
});

/** Two honest devices and one that is abused, in one account. */
async function live(driver: Driver, policy: SessionPolicy, events: Event[]): Promise<void> {
  vi.setSystemTime('2035-01-01T00:00:00.250Z');
  const clients = [await HonestClient.signIn(driver, policy), await HonestClient.signIn(driver, policy)];
  for (const event of events) {
    if (event.do === 'wait') await waitOnTime(clients, event.ms);
    else if (event.do === 'wait idle')
      await waitOnTime(clients, Math.floor(event.lifetimes * policy.refreshTtlSeconds * 1000));
    else if (event.do === 'abuse') await abuse(driver, event);
    else if (event.do === 'alarm') await driver.alarm();
    else if (event.do === 'restart') await driver.restart();
    else if (event.do === 'refresh in two tabs') await clients[event.client]?.refreshTwice();
    else await clients[event.client]?.refresh(event.lost);
  }
  for (const client of clients) await client.refresh(0);
}

/** Time passes, but nobody lets a moment go by at which he has to refresh. */
async function waitOnTime(clients: HonestClient[], ms: number): Promise<void> {
  const until = Date.now() + ms;
  for (;;) {
    const [next] = clients.filter((client) => client.dueMs <= until).sort((a, b) => a.dueMs - b.dueMs);
    if (next === undefined) break;
    vi.setSystemTime(Math.max(Date.now(), next.dueMs));
    await next.refresh(0);
  }
  vi.setSystemTime(until);
}

/** Another device of the account, whose tokens have got about. */
async function abuse(driver: Driver, { counter, by }: Event & { do: 'abuse' }): Promise<void> {
  const { sid } = await driver.signIn();
  if (by === 'end one') expect(await driver.endOne(sid, sid)).toBe('ended');
  else if (by === 'sign out') await driver.signOut(sid, counter);
  else {
    await driver.refresh(sid, 1);
    await driver.refresh(sid, counter);
    await driver.refresh(sid, 1);
  }
}
