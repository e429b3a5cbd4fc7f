import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest';
import { ALARM_RETRY_MS, CLAIM_CHECK_DELAY_MS } from '../../src/account/upkeep.ts';
import { forgetConfirmation, NOTHING, readStored, ringAlarm } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { execInAccount } from '../support/faults.ts';
import { awaitMail } from '../support/mailbox.ts';
import { accountOf, PASSWORD, type Person, Service } from '../support/service.ts';

const service = new Service();
/** The platform gives up on an alarm that throws after six retries. */
const MORE_THAN_THE_PLATFORM_TRIES = 8;

let log: MockInstance<typeof console.error>;

beforeEach(() => {
  freezeClock();
  log = vi.spyOn(console, 'error').mockImplementation(() => {});
});

afterEach(() => {
  vi.restoreAllMocks();
});

async function registerUnconfirmed(): Promise<Person> {
  const person = await service.register();
  await awaitMail(person.email, 'verify_email');
  await forgetConfirmation(person.id);
  return person;
}

async function ringAfter(id: string, ms: number): Promise<void> {
  passSeconds(ms / 1000);
  await ringAlarm(id);
}

describe('an account that looks for its claim while the directory is down', () => {
  it('loses nothing, serves its sessions, and looks again every minute until it gets an answer', async () => {
    const ada = await registerUnconfirmed();
    await env.DIRECTORY.exec('ALTER TABLE accounts RENAME TO accounts_away');
    const before = await readStored(accountOf(ada.id));
    await ringAfter(ada.id, CLAIM_CHECK_DELAY_MS);
    for (let ring = 1; ring < MORE_THAN_THE_PLATFORM_TRIES; ring += 1) {
      expect(await readStored(accountOf(ada.id))).toEqual({
        ...before,
        alarmMs: Date.now() + ALARM_RETRY_MS,
      });
      await ringAfter(ada.id, ALARM_RETRY_MS);
    }
    expect(log.mock.calls.map(([line]) => JSON.parse(String(line)).event)).toEqual(
      Array(MORE_THAN_THE_PLATFORM_TRIES).fill('account_alarm'),
    );
    expect((await service.post('/refresh', { cookie: ada.cookie })).status).toBe(200);

    await env.DIRECTORY.exec('ALTER TABLE accounts_away RENAME TO accounts');
    await ringAfter(ada.id, ALARM_RETRY_MS);
    expect(await readStored(accountOf(ada.id))).toMatchObject({
      tables: { account: [{ claim_check_at_ms: null }] },
    });
    await service.login(ada.name, PASSWORD);
  });

  it('removes itself when the directory is back and does not know it', async () => {
    const ada = await registerUnconfirmed();
    await env.DIRECTORY.prepare('DELETE FROM accounts WHERE id = ?').bind(ada.id).run();
    await env.DIRECTORY.exec('ALTER TABLE accounts RENAME TO accounts_away');
    await ringAfter(ada.id, CLAIM_CHECK_DELAY_MS);
    expect(await readStored(accountOf(ada.id))).toMatchObject({ tables: { account: [{ id: ada.id }] } });
    await env.DIRECTORY.exec('ALTER TABLE accounts_away RENAME TO accounts');
    await ringAfter(ada.id, ALARM_RETRY_MS);
    expect(await readStored(accountOf(ada.id))).toEqual(NOTHING);
    expect((await service.post('/refresh', { cookie: ada.cookie })).status).toBe(401);
  });
});

describe('an account whose own storage fails when the alarm rings', () => {
  it('rings again a minute later, and then clears what has run out', async () => {
    const ada = await registerUnconfirmed();
    await ringAfter(ada.id, CLAIM_CHECK_DELAY_MS);
    const before = await readStored(accountOf(ada.id));
    await execInAccount(ada.id, 'ALTER TABLE session RENAME TO session_away');
    await ringAfter(ada.id, 24 * 60 * 60 * 1000);
    const { alarmMs } = await readStored(accountOf(ada.id));
    expect(alarmMs).toBe(Date.now() + ALARM_RETRY_MS);
    await execInAccount(ada.id, 'ALTER TABLE session_away RENAME TO session');
    expect(await readStored(accountOf(ada.id))).toEqual({ ...before, alarmMs });
    await ringAfter(ada.id, ALARM_RETRY_MS);
    expect(await readStored(accountOf(ada.id))).toEqual({
      ...before,
      tables: { ...before.tables, session: [], limit_use: [] },
      alarmMs: null,
    });
    await service.login(ada.name, PASSWORD);
  });
});
