// The service beside its model: what happens is drawn at random, and each response and each stored row must be the model's.
// Inside the account object for breadth, through the Worker for the bytes, and with real sign-ins for what only they do.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { insideAccount } from '../support/inside-account.ts';
import { muteRequestLog } from '../support/quiet.ts';
import { decodePayload, readCookie, Service } from '../support/service.ts';
import { AccountDriver } from './account-driver.ts';
import { check, TIMEOUT_MS } from './runs.ts';
import { policy, stepsUpTo } from './steps.ts';
import { WorkerDriver } from './worker-driver.ts';
import { World } from './world.ts';

const service = new Service();

muteRequestLog();

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('a session, whatever happens to it', () => {
  it('is in its account what the model says, in one branch that no token outlives', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const { id } = await service.register();
    await insideAccount(id, async (account, { sql }) => {
      const property = fc.asyncProperty(policy, stepsUpTo(40), async (policy, steps) => {
        const world = new World(new AccountDriver(account, sql, policy), policy);
        for (const step of steps) await world.perform(step);
      });
      await check(property, 1000);
    });
  });

  it('is to its clients what the model says, byte for byte', { timeout: TIMEOUT_MS }, async () => {
    const ada = await service.register();
    const property = fc.asyncProperty(policy, stepsUpTo(20), async (policy, steps) => {
      const driver = new WorkerDriver(ada, policy, 'row');
      await driver.clear();
      const world = new World(driver, policy);
      for (const step of steps) await world.perform(step);
    });
    await check(property, 80);
  });

  it('opens with a password, and ends the session longest unused when it is one too many', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const ada = await service.register();
    const others = fc.integer({ min: 97, max: 100 });
    const property = fc.asyncProperty(policy, others, stepsUpTo(12), async (policy, others, steps) => {
      const driver = new WorkerDriver(ada, policy, 'login');
      await driver.clear();
      const world = new World(driver, policy);
      world.noteOthers(await driver.fill(others));
      await world.signIn();
      for (const step of steps) await world.perform(step);
    });
    await check(property, 6);
  });

  it('gives no access token beyond its end, whatever lifetime the settings name', async () => {
    vi.setSystemTime('2035-01-01T00:00:00.250Z');
    const short = new Service({ ACCESS_TOKEN_TTL: '10m', REFRESH_TOKEN_TTL: '1m', SESSION_TTL: '90s' });
    const ada = await short.register();
    expect(decodePayload(ada.accessToken).exp).toBe(decodePayload(ada.cookie).exp);
    vi.setSystemTime('2035-01-01T00:00:50.250Z');
    const response = await short.post('/refresh', { cookie: ada.cookie });
    expect(await response.json()).toMatchObject({ expiresIn: 40 });
    expect(decodePayload(readCookie(response) ?? '').exp).toBe(Date.parse('2035-01-01T00:01:30Z') / 1000);
  });
});
