import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readStored } from '../support/account.ts';
import { expectOutage, Faults, fails, sessionEndpoints } from '../support/faults.ts';
import { accountOf, PASSWORD, Service, uniqueName } from '../support/service.ts';

const faults = new Faults();
const service = new Service(faults.bindings());

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
});

afterEach(() => {
  faults.clear();
  vi.restoreAllMocks();
});

/** The real database without its table while `use` runs: every statement fails inside D1. */
async function withoutTable(use: () => Promise<void>): Promise<void> {
  await env.DIRECTORY.exec('ALTER TABLE names RENAME TO names_away');
  try {
    await use();
  } finally {
    await env.DIRECTORY.exec('ALTER TABLE names_away RENAME TO names');
  }
}

const outages: [string, (use: () => Promise<void>) => Promise<void>][] = [
  [
    'does not respond',
    async (use) => {
      faults.directory = fails();
      await use();
      faults.clear();
    },
  ],
  ['fails inside the database', withoutTable],
];

describe.each(outages)('while the directory %s', (_, during) => {
  it('a sign-in responds 503 and tries no password; afterwards it works', async () => {
    const ada = await service.register();
    const before = await readStored(accountOf(ada.id));
    await during(async () => {
      for (const username of [ada.name, ada.email]) {
        await expectOutage(
          await service.post('/login', { json: { username, password: 'wrong' }, cookie: ada.cookie }),
        );
      }
      expect(await readStored(accountOf(ada.id))).toEqual(before);
    });
    await service.login(ada.name);
  });

  it('a name that nobody has gets the same response as one that somebody has', async () => {
    const ada = await service.register();
    await during(async () => {
      for (const username of [ada.name, uniqueName(), `${uniqueName()}@example.com`]) {
        await expectOutage(await service.post('/login', { json: { username, password: PASSWORD } }));
      }
    });
  });

  it('a sign-up responds 503 and makes nothing; afterwards the names are still free', async () => {
    const name = uniqueName();
    const json = { username: name, email: `${name}@example.com`, password: PASSWORD };
    const ada = await service.register();
    await during(async () => {
      faults.calls.length = 0;
      await expectOutage(await service.post('/register', { json, cookie: ada.cookie }));
      expect(faults.calls).toEqual(['SELECT']);
    });
    expect((await service.post('/register', { json })).status).toBe(201);
    expect((await service.post('/refresh', { cookie: ada.cookie })).status).toBe(200);
  });
});

describe('a session, while the directory does not respond', () => {
  it.each(sessionEndpoints.map((endpoint) => [endpoint.name, endpoint] as const))(
    'is served by %s, which does not ask the directory',
    async (_, endpoint) => {
      const ada = await service.register();
      faults.clear();
      faults.directory = fails();
      expect((await endpoint.send(service, ada)).status).toBe(endpoint.status);
      expect(faults.calls).toHaveLength(1);
    },
  );
});
