import { describe, expect, it } from 'vitest';
import { MAX_SESSIONS } from '../../src/account/sessions.ts';
import { randomId } from '../../src/domain/ids.ts';
import type { AccountClient } from '../../src/http/storage-calls.ts';
import {
  countWrites,
  createAccount,
  DAY_SECONDS,
  DEVICE,
  inStore,
  POLICY,
  plantSession,
  readSids,
  readStored,
} from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { grantOf, takeValue } from '../support/results.ts';
import { accountOf, PASSWORD } from '../support/service.ts';

/** What must not change when a call is refused: everything stored, and not one write. */
async function readTrace(id: string) {
  return { stored: await readStored(accountOf(id)), writes: await countWrites(id) };
}

describe('a refresh', () => {
  it('rotates the session that it names, and no other', async () => {
    freezeClock();
    const { id, account, session, profile } = await createAccount();
    const other = await plantSession(id);
    passSeconds(3600);
    const nowMs = Date.now();
    const iat = Math.floor(nowMs / 1000);
    const next = {
      counter: 2,
      rotatedAtMs: nowMs,
      iat,
      exp: iat + POLICY.refreshTtlSeconds,
      lastUsedAtMs: nowMs,
    };
    const result = await account.refresh(session.sid, 1, DEVICE, POLICY);
    const { sid, amr, acr, authenticatedAtMs } = session;
    const mintable = { sid, amr, acr, authenticatedAtMs, counter: 2, iat, exp: next.exp };
    expect(result).toEqual({ ok: true, value: { rotation: 'rotated', session: mintable, profile, nowMs } });
    expect(await inStore(id, (store) => store.sessions.listSessions())).toEqual([
      { ...session, ...next },
      other,
    ]);
  });

  it('knows nothing of a session that had to make room, though it was asked for before', async () => {
    freezeClock();
    const { id, session } = await createAccount();
    passSeconds(1);
    const later = await plantSession(id);
    const left = await inStore(id, ({ sessions }) => {
      const read = () => [session, later].map(({ sid }) => sessions.readSession(sid)?.sid);
      const before = read();
      sessions.evictSessions(2, 0);
      return { before, after: read() };
    });
    expect(left).toEqual({ before: [session.sid, later.sid], after: [undefined, later.sid] });
  });

  it('knows nothing of the sessions of an account that is gone, even where somebody guesses at it', async () => {
    const { account, session } = await createAccount();
    expect(takeValue(await account.listSessions(session.sid))).toHaveLength(1);
    await account.deleteByOperator(600);
    await account.signIn('a guess', DEVICE, POLICY);
    expect(await account.listSessions(session.sid)).toEqual({ ok: false, reason: 'session_over' });
  });

  it('responds to the predecessor with the same session again, and writes nothing', async () => {
    freezeClock();
    const { id, account, session } = await createAccount();
    const rotated = takeValue(await account.refresh(session.sid, 1, DEVICE, POLICY));
    const before = await readTrace(id);
    expect(await account.refresh(session.sid, 1, DEVICE, POLICY)).toEqual({
      ok: true,
      value: { ...rotated, rotation: 'repeated' },
    });
    expect(await readTrace(id)).toEqual(before);
  });

  it('has the user name and the address that the account has now, though it was asked for before', async () => {
    const { id, account, session } = await createAccount();
    const refresh = async (counter: number) =>
      takeValue(await account.refresh(session.sid, counter, DEVICE, POLICY)).profile;
    await refresh(1);
    await inStore(id, ({ accounts }) => accounts.writeUsername('lovelace'));
    expect(await refresh(2)).toMatchObject({ username: 'lovelace' });
    await inStore(id, ({ accounts }) => accounts.writeEmail('lovelace@example.com', Date.now()));
    expect(await refresh(3)).toMatchObject({ email: 'lovelace@example.com' });
  });

  it('is refused from the moment that a deletion begins, though it was asked for before', async () => {
    const { id, account, session } = await createAccount();
    takeValue(await account.refresh(session.sid, 1, DEVICE, POLICY));
    await inStore(id, ({ intents }) =>
      intents.begin({ kind: 'delete', phase: 'releasing', accountId: id }, Date.now()),
    );
    expect(await account.refresh(session.sid, 2, DEVICE, POLICY)).toEqual({
      ok: false,
      reason: 'session_over',
    });
  });

  it('ends the session, and only that one, when a token was used before', async () => {
    freezeClock();
    const { id, account, session } = await createAccount();
    const other = await plantSession(id);
    await account.refresh(session.sid, 1, DEVICE, POLICY);
    passSeconds(POLICY.graceSeconds);
    expect(await account.refresh(session.sid, 1, DEVICE, POLICY)).toEqual({
      ok: false,
      reason: 'refresh_token_reuse',
    });
    expect(await readSids(id)).toEqual([other.sid]);
    expect(await account.refresh(session.sid, 2, DEVICE, POLICY)).toEqual({
      ok: false,
      reason: 'session_over',
    });
  });

  it('revives no session that ran out, and writes nothing', async () => {
    freezeClock();
    const { id, account, session } = await createAccount();
    passSeconds(POLICY.refreshTtlSeconds);
    const before = await readTrace(id);
    expect(await account.refresh(session.sid, 1, DEVICE, POLICY)).toEqual({
      ok: false,
      reason: 'session_expired',
    });
    expect(await account.refresh(randomId(), 1, DEVICE, POLICY)).toEqual({
      ok: false,
      reason: 'session_over',
    });
    expect(await readTrace(id)).toEqual(before);
  });
});

describe('the number of sessions', () => {
  it('stays at a hundred: the next sign-in ends the one longest unused', async () => {
    freezeClock();
    const { id, account, session: first } = await createAccount();
    passSeconds(1);
    const second = await plantSession(id);
    while ((await readSids(id)).length < MAX_SESSIONS) {
      passSeconds(1);
      await plantSession(id);
    }
    // The oldest one is in use; the second oldest is not.
    passSeconds(1);
    await account.refresh(first.sid, 1, DEVICE, POLICY);
    passSeconds(1);
    const result = await account.signIn(PASSWORD, DEVICE, POLICY);
    const sids = await readSids(id);
    expect(sids).toHaveLength(100);
    expect(sids).not.toContainEqual(second.sid);
    expect(sids.slice(0, 2)).toEqual([grantOf(result).session.sid, first.sid]);
    expect(await account.refresh(second.sid, 1, DEVICE, POLICY)).toEqual({
      ok: false,
      reason: 'session_over',
    });
  });

  it('does not count those that ran out: a sign-in clears them first', async () => {
    freezeClock();
    const { id, account, session } = await createAccount();
    await plantSession(id, { ...POLICY, refreshTtlSeconds: 60 });
    passSeconds(60);
    const result = await account.signIn(PASSWORD, DEVICE, POLICY);
    expect(await readSids(id)).toEqual([grantOf(result).session.sid, session.sid]);
  });
});

describe('signing out', () => {
  it('ends the session once, and no other', async () => {
    const { id, account, session } = await createAccount();
    const other = await plantSession(id);
    expect(await account.signOut(session.sid, DEVICE)).toMatchObject({ ok: true });
    expect(await readSids(id)).toEqual([other.sid]);
    const before = await readTrace(id);
    expect(await account.signOut(session.sid, DEVICE)).toMatchObject({
      ok: false,
      reason: 'unknown_session',
    });
    expect(await readTrace(id)).toEqual(before);
  });
});

describe('ending sessions', () => {
  it('ends one of the account, the own one included', async () => {
    const { id, account, session } = await createAccount();
    const other = await plantSession(id);
    expect(await account.endSession(session.sid, other.sid, DEVICE)).toMatchObject({ ok: true });
    expect(await readSids(id)).toEqual([session.sid]);
    expect(await account.endSession(session.sid, session.sid, DEVICE)).toMatchObject({ ok: true });
    expect(await readSids(id)).toEqual([]);
  });

  it('tells of a session that is not there, and writes nothing', async () => {
    const { id, account, session } = await createAccount();
    const before = await readTrace(id);
    expect(await account.endSession(session.sid, randomId(), DEVICE)).toMatchObject({
      ok: false,
      reason: 'unknown_session',
    });
    expect(await readTrace(id)).toEqual(before);
  });

  it('ends every other one, or all', async () => {
    const { id, account, session } = await createAccount();
    await plantSession(id);
    await plantSession(id);
    expect(await account.endSessions(session.sid, true, DEVICE)).toMatchObject({ ok: true });
    expect(await readSids(id)).toEqual([session.sid]);
    await plantSession(id);
    expect(await account.endSessions(session.sid, false, DEVICE)).toMatchObject({ ok: true });
    expect(await readSids(id)).toEqual([]);
  });

  it.each([
    ['is over', (account: AccountClient, sid: string) => account.signOut(sid, DEVICE)],
    ['ran out', () => passSeconds(POLICY.refreshTtlSeconds)],
  ])('is refused to a caller whose own session %s', async (_, finish) => {
    freezeClock();
    const { id, account, session } = await createAccount();
    const longer = { ...POLICY, refreshTtlSeconds: 2 * DAY_SECONDS };
    const other = await plantSession(id, longer);
    await finish(account, session.sid);
    const before = await readTrace(id);
    expect(await account.endSession(session.sid, other.sid, DEVICE)).toMatchObject({
      ok: false,
      reason: 'session_over',
    });
    expect(await account.endSessions(session.sid, true, DEVICE)).toEqual({
      ok: false,
      reason: 'session_over',
    });
    expect(await account.endSessions(session.sid, false, DEVICE)).toEqual({
      ok: false,
      reason: 'session_over',
    });
    expect(await account.listSessions(session.sid)).toEqual({ ok: false, reason: 'session_over' });
    expect(await account.describe(session.sid)).toMatchObject({ ok: false, reason: 'session_over' });
    expect(await readTrace(id)).toEqual(before);
    expect(takeValue(await account.describe(other.sid))).toMatchObject({ session: { sid: other.sid } });
  });
});

describe('what an owner sees', () => {
  it('is the account and the session, and the live sessions with the latest used first', async () => {
    freezeClock();
    const { id, account, session, profile } = await createAccount();
    passSeconds(1);
    const second = await plantSession(id);
    expect(takeValue(await account.describe(session.sid))).toEqual({
      profile,
      session,
      isEmailVerified: false,
    });
    expect(takeValue(await account.listSessions(session.sid))).toEqual([second, session]);
  });

  it('leaves out sessions past either lifetime', async () => {
    freezeClock();
    const { id, account, session } = await createAccount();
    const idle = await plantSession(id, { ...POLICY, refreshTtlSeconds: 60 });
    const old = await plantSession(id, { ...POLICY, sessionTtlSeconds: 60 });
    passSeconds(59);
    expect(takeValue(await account.listSessions(session.sid))).toHaveLength(3);
    passSeconds(1);
    expect(takeValue(await account.listSessions(session.sid))).toEqual([session]);
    expect(await account.describe(idle.sid)).toMatchObject({ ok: false, reason: 'session_over' });
    expect(await account.describe(old.sid)).toMatchObject({ ok: false, reason: 'session_over' });
  });
});

describe('a caller of an account', () => {
  it('reaches its methods alone, and nothing that it stores', async () => {
    const { id } = await createAccount();
    const stub = accountOf(id) as unknown as { state: PromiseLike<unknown> };
    await expect(Promise.resolve(stub.state)).rejects.toThrow(/does not implement/);
  });
});
