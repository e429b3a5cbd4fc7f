// Whether the history can be emptied by those who must not be able to: without the password, or with a stolen access token.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Account } from '../../src/account/account.ts';
import type { Actor } from '../../src/account/contract.ts';
import type { EventKind } from '../../src/api/wire.ts';
import { MAX_EVENTS } from '../../src/domain/history.ts';
import { randomId } from '../../src/domain/ids.ts';
import {
  createAccount,
  DEVICE,
  inStore,
  POLICY,
  plantSession,
  readEvents,
  runInside,
} from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { takeValue } from '../support/results.ts';
import { PASSWORD, Service } from '../support/service.ts';

/** What the owner and an operator did. Nobody else can cause these. */
const PROVEN: EventKind[] = [
  ...(['registered', 'signed_in', 'password_changed', 'email_verified', 'email_change_requested'] as const),
  ...(['email_changed', 'disabled', 'enabled', 'sessions_ended_by_operator'] as const),
  ...(['password_reset_forced', 'password_reset'] as const),
];

/** Plants one event of each of these kinds, and returns the rows. */
async function plantProven(id: string) {
  await inStore(id, ({ events }) => {
    for (const kind of PROVEN) events.record(kind, Date.now(), { ...DEVICE, operator: 'grace' });
  });
  return readEvents(id);
}

type Act = (account: Account, actor: Actor, sid: string) => unknown;

/** Every method that a caller without the password reaches: sessions are ended by their ids, which a list shows. */
const withoutPassword: Record<string, Act> = {
  'fail to sign in': (account, actor) => account.signIn('wrong', actor, POLICY),
  'ask for a reset': (account, actor) => account.requestPasswordReset({ actor }),
  'reset with a made-up link': (account, actor) =>
    account.resetPassword({ token: 'made-up', newPassword: 'a new battery horse', minLength: 8 }, { actor }),
  'verify with a made-up link': (account, actor) =>
    account.verifyEmail({ token: 'made-up', accessTtlSeconds: 600 }, { actor }),
  'sign out an unknown session': (account, actor) => account.signOut(randomId(), actor),
};

/** What an access token of a live session adds. */
const withAccessToken: Record<string, Act> = {
  ...withoutPassword,
  'end the other sessions': (account, actor, sid) => account.endSessions(sid, true, actor),
  'end one other session': (account, actor, sid) => {
    const other = takeValue(account.listSessions(sid)).find((session) => session.sid !== sid);
    return account.endSession(sid, other?.sid ?? randomId(), actor);
  },
  'ask for verification': (account, _, sid) => account.requestVerification(sid),
  'take another name': (account, actor, sid) =>
    account.rename({ sid, username: `name-${actor.ip}`, accessTtlSeconds: 600 }, actor),
  'guess at a new password': (account, actor, sid) =>
    account.changePassword(
      { sid, currentPassword: 'wrong', newPassword: 'a new battery horse', minLength: 8 },
      { actor },
    ),
  'guess at a new address': (account, actor, sid) =>
    account.requestEmailChange(sid, { email: 'eve@example.com', password: 'wrong' }, { actor }),
  'guess at a deletion': (account, actor, sid) =>
    account.deleteByOwner({ sid, password: 'wrong', accessTtlSeconds: 600 }, { actor }),
  'read the history': (account, _, sid) => account.listEvents(sid),
};

interface Step {
  act: string;
  host: number;
  waitSeconds: number;
  times: number;
}

function stepsOf(acts: Record<string, Act>): fc.Arbitrary<Step[]> {
  const step = fc.record({
    act: fc.constantFrom(...Object.keys(acts)),
    host: fc.integer({ min: 0, max: 9999 }),
    // Enough that the throttle and the mails of an hour let the next ones through.
    waitSeconds: fc.constantFrom(0, 60, 900, 3600, 7200),
    times: fc.constantFrom(1, 1, 30),
  });
  return fc.array(step, { minLength: 1, maxLength: 40, size: 'max' });
}

describe('the history', () => {
  it.each([
    ['a caller without the password', withoutPassword],
    ['the holder of a stolen access token', withAccessToken],
  ])('keeps what the owner and operators did, whatever %s does', async (_, acts) => {
    freezeClock();
    const lasting = { ...POLICY, refreshTtlSeconds: 10 ** 9, sessionTtlSeconds: 10 ** 9 };
    const causes = new Set<unknown>();
    const property = fc.asyncProperty(stepsOf(acts), async (steps) => {
      const { id, session } = await createAccount({ policy: lasting });
      for (let n = 0; n < 40; n += 1) await plantSession(id, lasting);
      const before = await plantProven(id);
      await runInside(id, async (account) => {
        for (const { act, host, waitSeconds, times } of steps)
          for (let n = 0; n < times; n += 1) {
            passSeconds(waitSeconds);
            await acts[act]?.(account, { ...DEVICE, ip: `2001:db8::${host}:${n}` }, session.sid);
          }
        expect(account.state.events.list().length).toBeLessThanOrEqual(MAX_EVENTS);
      });
      const after = await readEvents(id);
      expect(after.slice(0, before.length)).toEqual(before);
      for (const { kind } of after.slice(before.length)) causes.add(kind);
    });
    await fc.assert(property, { numRuns: 8 });
    // The steps reach the account: otherwise nothing was tried.
    expect(causes).toContain('sign_in_failed');
    expect(causes).toContain('password_reset_requested');
    expect(causes.has('session_ended')).toBe(acts === withAccessToken);
  });

  it('still shows a sign-in after a hundred ends of all other sessions, from one address or from many', async () => {
    const service = new Service();
    const ada = await service.register();
    const stolen = await service.login(ada.name);
    for (let n = 0; n < 100; n += 1)
      for (const ip of ['192.0.2.66', `192.0.2.${n}`]) {
        const headers = { 'CF-Connecting-IP': ip };
        const parts = { method: 'DELETE', bearer: stolen.accessToken, headers };
        expect((await service.fetch('/sessions?keep=current', parts)).status).toBe(204);
      }
    const response = await service.fetch('/me/history', { bearer: stolen.accessToken });
    const { events } = await response.json<{
      events: { kind: string; sessionId: string; count: number }[];
    }>();
    expect(events.filter(({ kind }) => kind !== 'session_ended')).toMatchObject([
      { kind: 'signed_in', sessionId: stolen.sid },
      { kind: 'signed_in', sessionId: ada.sid },
      { kind: 'registered' },
    ]);
    const ends = events.filter(({ kind }) => kind === 'session_ended');
    expect(ends).toHaveLength(20);
    expect(ends.map(({ count }) => count)).toContain(101);
  });

  it('still shows a change of the password after failures of many addresses', async () => {
    freezeClock();
    const { id, account, session } = await createAccount();
    const change = { sid: session.sid, currentPassword: PASSWORD, newPassword: PASSWORD, minLength: 8 };
    expect(await account.changePassword(change, { actor: DEVICE })).toMatchObject({ ok: true });
    for (let n = 0; n < 120; n += 1) {
      passSeconds(900);
      const result = await account.signIn('wrong', { ...DEVICE, ip: `2001:db8::${n}` }, POLICY);
      expect(result).toEqual({ ok: false, reason: 'wrong_password' });
    }
    const kinds = (await readEvents(id)).map(({ kind }) => kind);
    expect(kinds).toEqual([
      'registered',
      'signed_in',
      'password_changed',
      ...Array(20).fill('sign_in_failed'),
    ]);
  });
});
