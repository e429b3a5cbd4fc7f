// The platform's own limiter, through its binding. It keeps the time itself, so the clock cannot be fixed here.
import { describe, expect, it } from 'vitest';
import { expectProblem } from '../support/problem.ts';
import { PASSWORD, type Parts, Service, uniqueName } from '../support/service.ts';
import { findInDirectory, readSessions } from '../support/storage.ts';

const service = new Service({ RATE_LIMIT: 'on' });
/** The same service without limits, for what a test needs first. */
const unlimited = new Service({ RATE_LIMIT: 'off' });

/** What wrangler.toml gives a client address each minute. */
const limits: [string, number, number][] = [
  ['/login', 100, 415],
  ['/register', 60, 415],
  ['/refresh', 600, 401],
];

describe.each(limits)('POST %s', (path, limit, otherwise) => {
  it(`takes ${limit} requests a minute from one address`, async () => {
    await withinOneMinute(async () => {
      const from = { 'CF-Connecting-IP': nextAddress() };
      for (let sent = 0; sent < limit; sent += 1) {
        expect((await service.post(path, { headers: from })).status).toBe(otherwise);
      }
      const response = await service.post(path, { headers: from });
      expect(response.headers.get('Retry-After')).toBe('60');
      // A refusal for its address leaves a client its cookie.
      await expectProblem(response, 429, 'too_many_attempts');
      const another = { 'CF-Connecting-IP': nextAddress() };
      expect((await service.post(path, { headers: another })).status).toBe(otherwise);
    });
  });
});

describe('an address over its limit', () => {
  it('signs nobody in, registers nobody, and leaves the cookie unused', async () => {
    await withinOneMinute(async () => {
      const ada = await unlimited.register();
      const name = uniqueName();
      const headers = { 'CF-Connecting-IP': nextAddress() };
      const json = { username: ada.name, password: PASSWORD };
      await exhaust('/login', headers);
      await expectLimited(await service.post('/login', { headers, json }));
      await exhaust('/register', headers);
      const registration = { ...json, username: name, email: `${name}@example.com` };
      await expectLimited(await service.post('/register', { headers, json: registration }));
      await exhaust('/refresh', headers);
      await expectLimited(await service.post('/refresh', { headers, cookie: ada.cookie }));
      expect(await readSessions(ada.id)).toMatchObject([{ sid: ada.sid, counter: 1 }]);
      expect(await findInDirectory(name)).toBeUndefined();
      // The counts are apart, and the rest of the service knows none.
      expect((await service.post('/logout', { headers })).status).toBe(204);
      expect((await service.fetch('/me', { headers, bearer: ada.accessToken })).status).toBe(200);
    });
  });

  it('is told by CF-Connecting-IP alone: nothing that a client writes changes it', async () => {
    await withinOneMinute(async () => {
      const headers = { 'CF-Connecting-IP': nextAddress() };
      await exhaust('/register', headers);
      for (const name of ['X-Forwarded-For', 'X-Real-IP', 'True-Client-IP', 'X-Client-IP', 'Forwarded']) {
        const response = await service.post('/register', { headers: { ...headers, [name]: nextAddress() } });
        expect(response.status, name).toBe(429);
      }
    });
  });

  it('is not charged with what another wrote in its name', async () => {
    await withinOneMinute(async () => {
      const victim = nextAddress();
      const headers = { 'CF-Connecting-IP': nextAddress(), 'X-Forwarded-For': victim, 'X-Real-IP': victim };
      await exhaust('/register', headers);
      const response = await service.post('/register', { headers: { 'CF-Connecting-IP': victim } });
      expect(response.status).toBe(415);
    });
  });

  it('is a whole /64 of IPv6, however it is written', async () => {
    await withinOneMinute(async () => {
      const subnet = nextSubnet();
      await exhaust('/register', { 'CF-Connecting-IP': `2001:db8:0:${subnet}::1` });
      for (const address of [
        `2001:db8:0:${subnet}::2`,
        `2001:db8:0:${subnet}::`,
        `2001:db8:0:${subnet}:1:2:3:4`,
        `2001:db8::${subnet}:1:2:3:4`,
        `2001:0DB8:0000:00${subnet.toUpperCase()}:FFFF:0:0:1`,
      ]) {
        expect((await register(address)).status, address).toBe(429);
      }
      for (const address of [`2001:db8:0:${nextSubnet()}::1`, `2001:db8:${subnet}::1`, `::${subnet}`]) {
        expect((await register(address)).status, address).toBe(415);
      }
    });
  });

  it('is the IPv4 address that an IPv6 one holds', async () => {
    await withinOneMinute(async () => {
      const address = nextAddress();
      await exhaust('/register', { 'CF-Connecting-IP': address });
      const last = Number(address.split('.')[3]).toString(16).padStart(2, '0');
      const hex = `cb00:71${last}`;
      const spelt = [`::ffff:${address}`, `::FFFF:${hex}`, `64:ff9b::${address}`, `64:ff9b::${hex}`];
      for (const other of [...spelt, `2002:${hex}:1::1`, `2002:${hex}:2::1`])
        expect((await register(other)).status, other).toBe(429);
      expect((await register(`::ffff:${nextAddress()}`)).status).toBe(415);
    });
  });

  it('is no other text: what is no address counts with those that are not known', async () => {
    await withinOneMinute(async () => {
      await exhaust('/register', {});
      for (const text of [
        'x',
        `${nextAddress()}, 192.0.2.1`,
        `${nextAddress()}\u00a0`,
        '1'.repeat(1000),
        '::1::',
      ])
        expect((await register(text)).status, text).toBe(429);
    });
  });

  it('shares one count with every other client whose address is not known', async () => {
    await withinOneMinute(async () => {
      await exhaust('/register', {});
      expect((await service.post('/register')).status).toBe(429);
      expect(
        (await service.post('/register', { headers: { 'X-Forwarded-For': nextAddress() } })).status,
      ).toBe(429);
    });
  });
});

describe('the limits', () => {
  it('do not hold with RATE_LIMIT=off', async () => {
    await withinOneMinute(async () => {
      const headers = { 'CF-Connecting-IP': nextAddress() };
      await exhaust('/register', headers);
      expect((await unlimited.post('/register', { headers })).status).toBe(415);
    });
  });

  it('are on by default', async () => {
    await withinOneMinute(async () => {
      const headers = { 'CF-Connecting-IP': nextAddress() };
      await exhaust('/register', headers);
      const byDefault = new Service({ RATE_LIMIT: '' });
      expect((await byDefault.post('/register', { headers })).status).toBe(429);
    });
  });

  it('let pass when the limiter does not respond: it must not be an outage of its own', async () => {
    const limiter = { limit: () => Promise.reject(new Error('internal error')) };
    const failing = new Service({ RATE_LIMIT: 'on', REFRESH_LIMIT: limiter });
    const ada = await unlimited.register();
    expect((await failing.post('/refresh', { cookie: ada.cookie })).status).toBe(200);
  });
});

/** The limiter counts by the minute of the wall clock; a scenario that straddled two says nothing and is run again. */
async function withinOneMinute(scenario: () => Promise<void>): Promise<void> {
  const minute = () => Math.floor(Date.now() / 60_000);
  for (;;) {
    const startedAt = minute();
    try {
      return await scenario();
    } catch (error) {
      if (minute() === startedAt) throw error;
    }
  }
}

async function exhaust(path: string, headers: Record<string, string>): Promise<void> {
  const send = () => service.post(path, { headers });
  // Twice the largest limit: a minute may begin in between.
  for (let sent = 0; sent < 1201; sent += 1) if ((await send()).status === 429) return;
  throw new Error(`${path} has no limit`);
}

async function expectLimited(response: Response): Promise<void> {
  await expectProblem(response, 429, 'too_many_attempts');
}

function register(address: string): Promise<Response> {
  const parts: Parts = { headers: { 'CF-Connecting-IP': address } };
  return service.post('/register', parts);
}

let addresses = 0;

function nextAddress(): string {
  addresses += 1;
  return `203.0.113.${addresses}`;
}

/** The last group of a /64, with a letter in it. */
function nextSubnet(): string {
  addresses += 1;
  return (0xa0 + addresses).toString(16);
}
