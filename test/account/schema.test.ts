import { evictDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { migrate, readSchemaVersion, SCHEMA_VERSION } from '../../src/account/storage/schema.ts';
import { randomId } from '../../src/domain/ids.ts';
import { countWrites, NOTHING, readStored, runInside } from '../support/account.ts';
import { expectProblem } from '../support/problem.ts';
import { accountOf, Service } from '../support/service.ts';

const TABLES = [
  ...['account', 'credential', 'event', 'index_report', 'intent', 'limit_use', 'mail_token', 'outbox'],
  ...['revoked_browser', 'schema_version', 'session', 'throttle'],
];

function plantVersion(id: string, version: number): Promise<void> {
  return runInside(id, (_, { storage }) => {
    storage.sql.exec('UPDATE schema_version SET version = ?', version);
  });
}

describe('the schema of an account', () => {
  it('is made from nothing, with its version', async () => {
    const id = randomId();
    await runInside(id, (_, { storage }) => {
      expect(readSchemaVersion(storage.sql)).toBe(0);
      migrate(storage);
      expect(readSchemaVersion(storage.sql)).toBe(SCHEMA_VERSION);
    });
    const { tables } = await readStored(accountOf(id));
    expect(Object.keys(tables)).toEqual(TABLES);
    expect(tables.schema_version).toEqual([{ version: SCHEMA_VERSION }]);
  });

  it('creates nothing when it is only asked about', async () => {
    const id = randomId();
    await runInside(id, (_, { storage }) => readSchemaVersion(storage.sql));
    expect(await readStored(accountOf(id))).toEqual(NOTHING);
  });

  it('is left alone when it is up to date', async () => {
    const service = new Service();
    const { id } = await service.register();
    const before = { stored: await readStored(accountOf(id)), writes: await countWrites(id) };
    await runInside(id, (_, { storage }) => migrate(storage));
    expect({ stored: await readStored(accountOf(id)), writes: await countWrites(id) }).toEqual(before);
  });

  it('is made whole or not at all', async () => {
    const id = randomId();
    await runInside(id, (_, { storage }) => {
      // In the way of the last table: those before it are made, and must go again.
      storage.sql.exec('CREATE TABLE event (id INTEGER)');
      expect(() => migrate(storage)).toThrow('table event already exists');
    });
    expect((await readStored(accountOf(id))).tables).toEqual({ event: [] });
  });
});

describe('storage of a later version', () => {
  it('is not touched by code of an earlier one', async () => {
    const id = randomId();
    await runInside(id, (_, { storage }) => migrate(storage));
    await plantVersion(id, SCHEMA_VERSION + 1);
    const before = await readStored(accountOf(id));
    const fault = `account storage has schema ${SCHEMA_VERSION + 1}, this code knows ${SCHEMA_VERSION}`;
    await runInside(id, (_, { storage }) => {
      expect(() => migrate(storage)).toThrow(fault);
    });
    expect(await readStored(accountOf(id))).toEqual(before);
  });

  it('is an outage that signs nobody out', async () => {
    const service = new Service();
    const { id, name, cookie, accessToken } = await service.register();
    await plantVersion(id, SCHEMA_VERSION + 1);
    await evictDurableObject(accountOf(id));
    await expectProblem(await service.post('/refresh', { cookie }), 503, 'unavailable');
    await expectProblem(await service.fetch('/me', { bearer: accessToken }), 503, 'unavailable');
    const login = { username: name, password: 'anything at all' };
    await expectProblem(await service.post('/login', { json: login }), 503, 'unavailable');
  });
});
