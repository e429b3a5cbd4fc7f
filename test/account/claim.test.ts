import { listDurableObjectIds } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { ALARM_RETRY_MS, CLAIM_CHECK_DELAY_MS } from '../../src/account/upkeep.ts';
import {
  claimNames,
  createAccount,
  DEVICE,
  inStore,
  NOTHING,
  POLICY,
  readAlarmMs,
  readStored,
  ringAlarm,
  runInside,
} from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { captureLogs } from '../support/logs.ts';
import { accountOf, PASSWORD, Service, uniqueName } from '../support/service.ts';

const CLAIM_CHECK_DELAY_SECONDS = CLAIM_CHECK_DELAY_MS / 1000;

/** From here on, the directory does not answer this account. */
function loseDirectory(id: string): Promise<void> {
  const prepare = () => {
    throw new Error('D1_ERROR: no answer');
  };
  return runInside(id, (account) => {
    Object.assign(account, { env: { DIRECTORY: { prepare } } });
  });
}

function restoreDirectory(id: string): Promise<void> {
  return runInside(id, (account) => {
    Object.assign(account, { env });
  });
}

describe('a registration that died between its two steps', () => {
  it('removes itself a quarter of an hour later, and not before', async () => {
    freezeClock();
    const { id, account, session } = await createAccount({ isClaimed: false });
    const before = await readStored(accountOf(id));
    passSeconds(CLAIM_CHECK_DELAY_SECONDS - 1);
    await ringAlarm(id);
    expect(await readStored(accountOf(id))).toEqual(before);
    passSeconds(1);
    await ringAlarm(id);
    expect(await readStored(accountOf(id))).toEqual(NOTHING);
    expect(await account.refresh(session.sid, 1, DEVICE, POLICY)).toEqual({ outcome: 'ended' });
    expect(await account.describe(session.sid)).toBeUndefined();
  });

  it('stays when the directory does not answer, and is looked at again until it does', async () => {
    freezeClock();
    const log = captureLogs({ withMails: true });
    const { id } = await createAccount({ isClaimed: false });
    const before = await readStored(accountOf(id));
    await loseDirectory(id);
    passSeconds(CLAIM_CHECK_DELAY_SECONDS);
    for (let ring = 1; ring <= 8; ring += 1) {
      await ringAlarm(id);
      expect(await readStored(accountOf(id))).toEqual({ ...before, alarmMs: Date.now() + ALARM_RETRY_MS });
      passSeconds(ALARM_RETRY_MS / 1000);
    }
    const line = { event: 'account_alarm', code: 'unavailable' };
    expect(log).toEqual(Array(8).fill({ level: 'error', text: JSON.stringify(line) }));
    await restoreDirectory(id);
    await ringAlarm(id);
    expect(await readStored(accountOf(id))).toEqual(NOTHING);
  });
});

describe('an account whose names the directory holds', () => {
  it('is kept when its claim is looked for, and not asked about again', async () => {
    freezeClock();
    const { id, account, session } = await createAccount();
    passSeconds(CLAIM_CHECK_DELAY_SECONDS);
    await ringAlarm(id);
    expect(await inStore(id, (store) => store.rows.readAccount())).toMatchObject({ claimCheckAtMs: null });
    expect(await readAlarmMs(id)).toBe(session.exp * 1000);
    expect(await account.refresh(session.sid, 1, DEVICE, POLICY)).toMatchObject({ outcome: 'rotated' });
    // Even a directory that has lost the row would not remove it now.
    await env.DIRECTORY.prepare('DELETE FROM accounts WHERE id = ?').bind(id).run();
    passSeconds(POLICY.refreshTtlSeconds);
    await ringAlarm(id);
    expect(await account.signIn(PASSWORD, DEVICE, POLICY)).toMatchObject({ outcome: 'signed_in' });
  });

  it('is kept when the directory is down at that time, and its sessions work meanwhile', async () => {
    freezeClock();
    captureLogs({ withMails: true });
    const { id, account, session } = await createAccount();
    await loseDirectory(id);
    passSeconds(CLAIM_CHECK_DELAY_SECONDS);
    await ringAlarm(id);
    expect(await account.refresh(session.sid, 1, DEVICE, POLICY)).toMatchObject({ outcome: 'rotated' });
    expect(await account.signIn(PASSWORD, DEVICE, POLICY)).toMatchObject({ outcome: 'signed_in' });
    await restoreDirectory(id);
    passSeconds(ALARM_RETRY_MS / 1000);
    await ringAlarm(id);
    expect(await inStore(id, (store) => store.rows.readAccount())).toMatchObject({ claimCheckAtMs: null });
  });

  it('is kept when the claim arrives late, after a sign-up that was answered with an outage', async () => {
    freezeClock();
    const { id, account, ...grant } = await createAccount({ isClaimed: false });
    passSeconds(60);
    await claimNames(grant);
    passSeconds(CLAIM_CHECK_DELAY_SECONDS);
    await ringAlarm(id);
    expect(await account.describe(grant.session.sid)).toMatchObject({ profile: { id } });
  });
});

describe('a registration that loses the claim on its names', () => {
  it('leaves nothing behind', async () => {
    const service = new Service();
    const known = new Set((await listDurableObjectIds(env.ACCOUNT)).map(String));
    const email = `${uniqueName()}@example.com`;
    const register = () =>
      service.post('/register', { json: { username: uniqueName(), email, password: PASSWORD } });
    const responses = await Promise.all([register(), register()]);
    const [won, lost] = responses.sort((a, b) => a.status - b.status);
    expect(won.status).toBe(201);
    expect(lost.status).toBe(409);
    expect(lost.headers.getSetCookie()).toEqual([]);
    expect(await lost.json()).toMatchObject({ code: 'email_taken' });

    const made = (await listDurableObjectIds(env.ACCOUNT)).filter((id) => !known.has(String(id)));
    const stored = await Promise.all(made.map((id) => readStored(env.ACCOUNT.get(id))));
    // Both got as far as an account of their own: otherwise this would have shown nothing.
    expect(stored).toHaveLength(2);
    expect(stored.filter(({ tables }) => tables.account !== undefined)).toHaveLength(1);
    expect(stored).toContainEqual(NOTHING);
  });
});
