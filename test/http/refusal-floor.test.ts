import { afterEach, describe, expect, it, vi } from 'vitest';
import { REFUSAL_FLOOR_MS } from '../../src/http/routes/login.ts';
import { FORGOTTEN_RESPONSE_MS } from '../../src/http/routes/password.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { PASSWORD, Service, uniqueName } from '../support/service.ts';

const service = new Service();

/** The waits that a sign-in asks for. */
async function readWaits(username: string, password: string): Promise<unknown[]> {
  const wait = vi.spyOn(scheduler, 'wait');
  await service.post('/login', { json: { username, password } });
  return wait.mock.calls.flat();
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a refused sign-in', () => {
  it('waits for the same moment whether the name or the password is wrong', async () => {
    freezeClock();
    const ada = await service.register();
    expect(await readWaits(ada.name, 'wrong')).toEqual([REFUSAL_FLOOR_MS]);
    vi.restoreAllMocks();
    expect(await readWaits(uniqueName(), 'wrong')).toEqual([REFUSAL_FLOOR_MS]);
  });

  it('that took longer gets its response at once', async () => {
    freezeClock();
    const ada = await service.register();
    const slow = new Service({
      DIRECTORY: {
        prepare: (query: string) => {
          passSeconds(2);
          return service.env.DIRECTORY.prepare(query);
        },
      },
    });
    const wait = vi.spyOn(scheduler, 'wait');
    await slow.post('/login', { json: { username: ada.name, password: 'wrong' } });
    expect(wait.mock.calls.flat()).toEqual([0]);
  });

  it('is the only one that waits: not a success, not a throttled try', async () => {
    freezeClock();
    const ada = await service.register();
    expect(await readWaits(ada.name, PASSWORD)).toEqual([]);
    for (let i = 0; i < 6; i += 1)
      await service.post('/login', { json: { username: ada.name, password: 'wrong' } });
    vi.restoreAllMocks();
    expect(await readWaits(ada.name, PASSWORD)).toEqual([]);
  });
});

describe('a forgotten password', () => {
  it('gets its response at the same moment whether or not somebody has the address', async () => {
    freezeClock();
    const ada = await service.register();
    for (const email of [ada.email, `${uniqueName()}@example.com`]) {
      const wait = vi.spyOn(scheduler, 'wait');
      expect((await service.post('/password/forgot', { json: { email } })).status).toBe(202);
      expect(wait.mock.calls.flat()).toEqual([FORGOTTEN_RESPONSE_MS]);
      vi.restoreAllMocks();
    }
  });
});
