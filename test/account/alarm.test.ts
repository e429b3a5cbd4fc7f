import { describe, expect, it } from 'vitest';
import { randomId } from '../../src/domain/ids.ts';
import { FENCE_MS } from '../../src/domain/name-flow.ts';
import {
  createAccount,
  DAY_SECONDS,
  DEVICE,
  fireAlarm,
  inStore,
  NOTHING,
  openAccount,
  POLICY,
  plantPending,
  readAlarmMs,
  readStored,
  runInside,
} from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { grantOf } from '../support/results.ts';
import { accountOf, PASSWORD } from '../support/service.ts';

const DAY_MS = DAY_SECONDS * 1000;

describe('the alarm of an account', () => {
  it('clears the sessions that ran out, keeps the live ones, and sets itself for the next end', async () => {
    freezeClock();
    const { id, account, session: idle } = await createAccount();
    const absolute = grantOf(await account.signIn(PASSWORD, DEVICE, { ...POLICY, sessionTtlSeconds: 3600 }));
    passSeconds(10);
    const live = grantOf(await account.signIn(PASSWORD, DEVICE, POLICY));
    const before = await readStored(accountOf(id));
    expect(before.alarmMs).toBe(absolute.session.expiresAtMs);

    passSeconds(idle.exp - Date.now() / 1000);
    await fireAlarm(id);
    expect(await inStore(id, (store) => store.sessions.listSessions())).toEqual([live.session]);
    const after = await readStored(accountOf(id));
    // The limit of sign-ins is whole again by then.
    expect(after.tables).toEqual({ ...before.tables, session: after.tables.session, limit_use: [] });
    expect(after.alarmMs).toBe(live.session.exp * 1000);
  });

  it('touches nothing when it fires before the end, and sets itself anew', async () => {
    freezeClock();
    const { id, account, session } = await createAccount();
    passSeconds(3600);
    await account.refresh(session.sid, 1, DEVICE, POLICY);
    await account.signIn('wrong', DEVICE, POLICY);
    const before = await readStored(accountOf(id));
    passSeconds(DAY_SECONDS - 3600 - 1);
    await fireAlarm(id);
    // The rotation moved the session's end; the failure is forgotten at the same time, to the fraction of a second.
    expect(await readStored(accountOf(id))).toEqual({ ...before, alarmMs: (session.exp + 3600) * 1000 });
  });

  it('forgets failed sign-ins after a day, and not before', async () => {
    const nowMs = freezeClock();
    const { id, account } = await createAccount({
      policy: { ...POLICY, refreshTtlSeconds: 7 * DAY_SECONDS },
    });
    await account.signIn('wrong', DEVICE, POLICY);
    expect(await readAlarmMs(id)).toBe(nowMs + DAY_MS);
    passSeconds(DAY_SECONDS - 1);
    await fireAlarm(id);
    expect(await inStore(id, (store) => store.throttles.read('other_browsers'))).toEqual({
      failures: 1,
      lastFailureAtMs: nowMs,
    });
    expect(await readAlarmMs(id)).toBe(nowMs + DAY_MS);
    passSeconds(1);
    await fireAlarm(id);
    expect(await inStore(id, (store) => store.throttles.read('other_browsers'))).toBeUndefined();
  });

  it('is not set again when nothing is left to run out, and the account stays', async () => {
    freezeClock();
    const { id, account, session } = await createAccount();
    passSeconds(DAY_SECONDS);
    await fireAlarm(id);
    expect(await readAlarmMs(id)).toBeNull();
    expect(await account.describe(session.sid)).toMatchObject({ ok: false, reason: 'session_over' });
    expect(await account.signIn(PASSWORD, DEVICE, POLICY)).toMatchObject({ ok: true });
    expect(await readAlarmMs(id)).not.toBeNull();
  });

  it('fires for what is pending with the directory first', async () => {
    const nowMs = freezeClock();
    const { id, account } = await createAccount();
    await plantPending(id);
    await account.signIn('wrong', DEVICE, POLICY);
    passSeconds(59);
    await account.signIn('wrong', DEVICE, POLICY);
    expect(await readAlarmMs(id)).toBe(nowMs + FENCE_MS);
  });
});

describe('an object without account', () => {
  it('keeps nothing of questions about it', async () => {
    const id = randomId();
    const account = openAccount(id);
    const sid = randomId();
    expect(await account.refresh(sid, 1, DEVICE, POLICY)).toEqual({ ok: false, reason: 'session_over' });
    expect(await account.describe(sid)).toMatchObject({ ok: false, reason: 'session_over' });
    expect(await account.listSessions(sid)).toMatchObject({ ok: false, reason: 'session_over' });
    expect(await account.signOut(sid, DEVICE)).toMatchObject({ ok: false, reason: 'unknown_session' });
    expect(await account.endSession(sid, sid, DEVICE)).toMatchObject({ ok: false, reason: 'session_over' });
    expect(await account.endSessions(sid, false, DEVICE)).toEqual({ ok: false, reason: 'session_over' });
    expect(await readStored(accountOf(id))).toEqual(NOTHING);
    // An alarm that was set before all was removed may still fire.
    await runInside(id, (instance) => instance.alarm());
    expect(await readStored(accountOf(id))).toEqual(NOTHING);
  });

  it('keeps nothing of what an operator asks or wants of it, and nothing of it goes', async () => {
    const [empty, decoy] = [randomId(), randomId()];
    await openAccount(decoy).signIn(PASSWORD, DEVICE, POLICY);
    for (const id of [empty, decoy]) {
      const before = await readStored(accountOf(id));
      const account = openAccount(id);
      const operator = { ...DEVICE, operator: 'grace' };
      expect(await account.inspect()).toMatchObject({ ok: false, reason: 'unknown_account' });
      for (const action of ['disable', 'enable', 'end_sessions', 'force_password_reset'] as const)
        expect(await account.act(action, operator)).toEqual({ ok: false, reason: 'unknown_account' });
      expect(await account.deleteByOperator(600)).toEqual({ ok: false, reason: 'unknown_account' });
      expect(await account.exists()).toBe(false);
      expect(await readStored(accountOf(id))).toEqual(before);
    }
    expect(await readStored(accountOf(empty))).toEqual(NOTHING);
  });

  it('removes all that failed sign-ins left in it, a day after the last', async () => {
    const nowMs = freezeClock();
    const id = randomId();
    const account = openAccount(id);
    await account.signIn(PASSWORD, DEVICE, POLICY);
    passSeconds(3600);
    await account.signIn(PASSWORD, DEVICE, POLICY);
    const before = await readStored(accountOf(id));
    expect(before).toMatchObject({
      tables: { throttle: [{ failures: 2 }] },
      alarmMs: nowMs + 3600_000 + DAY_MS,
    });
    passSeconds(DAY_SECONDS - 3600);
    await fireAlarm(id);
    expect(await readStored(accountOf(id))).toEqual(before);
    passSeconds(3600);
    await fireAlarm(id);
    expect(await readStored(accountOf(id))).toEqual(NOTHING);
  });

  it('starts afresh when it is asked again after that', async () => {
    freezeClock();
    const id = randomId();
    const account = openAccount(id);
    await account.signIn(PASSWORD, DEVICE, POLICY);
    passSeconds(DAY_SECONDS);
    await fireAlarm(id);
    expect(await readStored(accountOf(id))).toEqual(NOTHING);
    expect(await account.signIn(PASSWORD, DEVICE, POLICY)).toEqual({ ok: false, reason: 'unknown_account' });
    expect(await inStore(id, (store) => store.throttles.read('other_browsers'))).toMatchObject({
      failures: 1,
    });
  });
});
