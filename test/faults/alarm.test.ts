// What is pending with the directory when the alarm fires, and one of the two does not respond.
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest';
import { ALARM_RETRY_MS } from '../../src/account/alarm.ts';
import { FENCE_MS } from '../../src/domain/name-flow.ts';
import { fireAlarm, inStore, NOTHING, plantPending, readAlarmMs, readStored } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { execInAccount } from '../support/faults.ts';
import { awaitMail, deliveriesTo } from '../support/mailbox.ts';
import { accountOf, PASSWORD, type Person, Service } from '../support/service.ts';

const service = new Service();
/** The platform gives up on an alarm that throws after six retries. */
const MORE_THAN_THE_PLATFORM_TRIES = 8;
const HOUR_MS = 60 * 60 * 1000;

let log: MockInstance<typeof console.error>;

beforeEach(() => {
  freezeClock();
  log = vi.spyOn(console, 'error').mockImplementation(() => {});
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** Somebody whose registration was interrupted, once the directory held these names for it. */
async function registerPending(names: ('username' | 'email')[]): Promise<Person> {
  const person = await service.register();
  await awaitMail(person.email, 'verify_email');
  await plantPending(person.id, names);
  return person;
}

async function fireAfter(id: string, ms: number): Promise<void> {
  passSeconds(ms / 1000);
  await fireAlarm(id);
}

const breakDirectory = () => env.DIRECTORY.exec('ALTER TABLE names RENAME TO names_away');
const mendDirectory = () => env.DIRECTORY.exec('ALTER TABLE names_away RENAME TO names');

describe('a registration that was interrupted, while the directory is down', () => {
  it('stays, serves its sessions, and is looked at less and less often until the directory responds', async () => {
    const ada = await registerPending(['username', 'email']);
    await breakDirectory();
    const waits: number[] = [];
    passSeconds(FENCE_MS / 1000);
    for (let firing = 1; firing <= MORE_THAN_THE_PLATFORM_TRIES; firing += 1) {
      await fireAlarm(ada.id);
      const nextMs = (await inStore(ada.id, ({ intents }) => intents.read()?.nextTryAtMs)) ?? 0;
      expect(await readAlarmMs(ada.id)).toBe(nextMs);
      waits.push(nextMs - Date.now());
      passSeconds((nextMs - Date.now()) / 1000);
    }
    for (const [attempt, waitMs] of waits.entries()) {
      const longest = Math.min(60_000 * 2 ** attempt, HOUR_MS);
      expect(waitMs, String(attempt)).toBeLessThanOrEqual(longest);
      expect(waitMs, String(attempt)).toBeGreaterThanOrEqual(longest / 2);
    }
    const lines = log.mock.calls.map(([line]) => JSON.parse(String(line)));
    expect(lines).toHaveLength(MORE_THAN_THE_PLATFORM_TRIES);
    expect(lines[0]).toEqual({
      ...{ event: 'account_names', code: 'unavailable', kind: 'register', accountId: ada.id, attempts: 1 },
    });
    expect((await service.post('/refresh', { cookie: ada.cookie })).status).toBe(200);

    await mendDirectory();
    await fireAlarm(ada.id);
    expect(await readStored(accountOf(ada.id))).toMatchObject({
      tables: { intent: [], account: [{ id: ada.id }] },
    });
    await service.login(ada.name, PASSWORD);
  });

  it('is erased when the directory is back and holds one name for it, which is free then', async () => {
    const ada = await registerPending(['username']);
    await breakDirectory();
    await fireAfter(ada.id, FENCE_MS);
    expect(await readStored(accountOf(ada.id))).toMatchObject({ tables: { account: [{ id: ada.id }] } });
    await mendDirectory();
    await fireAfter(ada.id, HOUR_MS);
    expect(await readStored(accountOf(ada.id))).toEqual(NOTHING);
    expect((await service.post('/refresh', { cookie: ada.cookie })).status).toBe(401);
    expect((await service.register(ada.name)).id).not.toBe(ada.id);
  });
});

describe('what is pending with a directory that is down', () => {
  it('keeps neither expiry nor mail from their time', async () => {
    const ada = await service.register();
    await awaitMail(ada.email, 'verify_email');
    await inStore(ada.id, ({ intents, mail }) => {
      intents.begin({ kind: 'rename', phase: 'adopted', accountId: ada.id, username: ada.name }, Date.now());
      mail.enqueue('password_changed', ada.email, Date.now());
    });
    await breakDirectory();
    await fireAfter(ada.id, 24 * HOUR_MS);
    expect(await inStore(ada.id, ({ sessions }) => sessions.listSessions())).toEqual([]);
    await awaitMail(ada.email, 'password_changed');
    expect(deliveriesTo(ada.email)).toHaveLength(2);
    expect(await inStore(ada.id, ({ intents }) => intents.read())).toMatchObject({ attempts: 1 });
    await mendDirectory();
    await fireAfter(ada.id, HOUR_MS);
    expect(await inStore(ada.id, ({ intents }) => intents.read())).toBeUndefined();
  });

  it('lets a report that a deletion makes pointless set no alarm', async () => {
    const ada = await service.register();
    await awaitMail(ada.email, 'verify_email');
    await breakDirectory();
    await inStore(ada.id, ({ accounts }) => accounts.writeEmailVerified(Date.now()));
    const deletion = { bearer: ada.accessToken, json: { password: PASSWORD } };
    expect((await service.fetch('/me', { method: 'DELETE', ...deletion })).status).toBe(503);
    passSeconds(HOUR_MS / 1000);
    for (let firing = 0; firing < 3; firing += 1) {
      await fireAlarm(ada.id);
      const { intents, reports } = await inStore(ada.id, (state) => ({
        intents: state.intents.read(),
        reports: state.reports.read(),
      }));
      expect(reports?.dueAtMs).toBeLessThan(Date.now());
      expect(await readAlarmMs(ada.id)).toBe(intents?.nextTryAtMs);
      expect((await readAlarmMs(ada.id)) ?? 0).toBeGreaterThanOrEqual(Date.now() + 30_000);
    }
    await mendDirectory();
    await fireAfter(ada.id, HOUR_MS);
    await fireAfter(ada.id, FENCE_MS).catch(() => undefined);
    expect(await readStored(accountOf(ada.id))).toEqual(NOTHING);
  });
});

describe('an account whose own storage fails when the alarm fires', () => {
  it('fires again a minute later, and then clears what has run out', async () => {
    const ada = await service.register();
    await awaitMail(ada.email, 'verify_email');
    await execInAccount(ada.id, 'DELETE FROM outbox; DELETE FROM mail_token; DELETE FROM limit_use');
    const before = await readStored(accountOf(ada.id));
    await execInAccount(ada.id, 'ALTER TABLE session RENAME TO session_away');
    await fireAfter(ada.id, 24 * HOUR_MS);
    const { alarmMs } = await readStored(accountOf(ada.id));
    expect(alarmMs).toBe(Date.now() + ALARM_RETRY_MS);
    await execInAccount(ada.id, 'ALTER TABLE session_away RENAME TO session');
    expect(await readStored(accountOf(ada.id))).toEqual({ ...before, alarmMs });
    await fireAfter(ada.id, ALARM_RETRY_MS);
    expect(await readStored(accountOf(ada.id))).toEqual({
      ...before,
      tables: { ...before.tables, session: [], limit_use: [] },
      alarmMs: null,
    });
    await service.login(ada.name, PASSWORD);
  });
});
