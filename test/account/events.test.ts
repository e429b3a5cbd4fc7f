import { describe, expect, it } from 'vitest';
import { MAX_EVENTS } from '../../src/account/event-store.ts';
import { randomId } from '../../src/account/id.ts';
import { createAccount, DEVICE, inStore, POLICY, readEvents } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { PASSWORD } from '../support/service.ts';

const PLACE = { user_agent: DEVICE.userAgent, ip: DEVICE.ip, country: DEVICE.country, operator: null };

describe('the history of an account', () => {
  it('tells what happened, when, from where and to which session', async () => {
    const startMs = freezeClock();
    const { id, account, session: first } = await createAccount();
    passSeconds(1);
    await account.signIn('wrong', DEVICE, POLICY);
    passSeconds(1);
    const second = await account.signIn(PASSWORD, { userAgent: null, ip: null, country: null }, POLICY);
    if (second.outcome !== 'signed_in') throw new Error(second.outcome);
    const { sid } = second.session;
    passSeconds(1);
    await account.refresh(first.sid, 9, DEVICE, POLICY);
    passSeconds(1);
    await account.endSession(sid, sid, DEVICE);
    const third = await account.signIn(PASSWORD, DEVICE, POLICY);
    if (third.outcome !== 'signed_in') throw new Error(third.outcome);
    passSeconds(1);
    await account.signOut(third.session.sid, DEVICE);

    const nowhere = { user_agent: null, ip: null, country: null, operator: null };
    expect(await readEvents(id)).toEqual([
      { id: 1, at_ms: startMs, kind: 'registered', sid: null, ...PLACE },
      { id: 2, at_ms: startMs, kind: 'signed_in', sid: first.sid, ...PLACE },
      { id: 3, at_ms: startMs + 1000, kind: 'sign_in_failed', sid: null, ...PLACE },
      { id: 4, at_ms: startMs + 2000, kind: 'signed_in', sid, ...nowhere },
      { id: 5, at_ms: startMs + 3000, kind: 'token_reused', sid: first.sid, ...PLACE },
      { id: 6, at_ms: startMs + 4000, kind: 'session_ended', sid, ...PLACE },
      { id: 7, at_ms: startMs + 4000, kind: 'signed_in', sid: third.session.sid, ...PLACE },
      { id: 8, at_ms: startMs + 5000, kind: 'signed_out', sid: third.session.sid, ...PLACE },
    ]);
  });

  it('tells once that all sessions were ended', async () => {
    const nowMs = freezeClock();
    const { id, account, session } = await createAccount();
    await account.endSessions(session.sid, false, DEVICE);
    const events = await readEvents(id);
    expect(events).toHaveLength(3);
    expect(events[2]).toEqual({ id: 3, at_ms: nowMs, kind: 'session_ended', sid: null, ...PLACE });
  });

  it('leaves out what is no news: refreshes, retries, questions and calls that did nothing', async () => {
    const { id, account, session } = await createAccount();
    const before = await readEvents(id);
    await account.refresh(session.sid, 1, DEVICE, POLICY);
    await account.refresh(session.sid, 1, DEVICE, POLICY);
    await account.refresh(randomId(), 1, DEVICE, POLICY);
    await account.describe(session.sid);
    await account.listSessions(session.sid);
    await account.signOut(randomId(), DEVICE);
    await account.endSession(session.sid, randomId(), DEVICE);
    expect(await readEvents(id)).toEqual(before);
  });

  it('keeps the last hundred', async () => {
    const { id, account, session } = await createAccount();
    await inStore(id, (store) => {
      for (let n = 0; n < MAX_EVENTS - 2; n += 1) store.events.record('sign_in_failed', Date.now(), DEVICE);
    });
    expect((await readEvents(id)).map((event) => event.id)).toEqual(range(1, 100));
    await account.signOut(session.sid, DEVICE);
    const events = await readEvents(id);
    expect(events.map((event) => event.id)).toEqual(range(2, 101));
    expect(events.at(-1)).toMatchObject({ kind: 'signed_out', sid: session.sid });
  });
});

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
