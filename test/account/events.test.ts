import { describe, expect, it } from 'vitest';
import type { Actor } from '../../src/account/contract.ts';
import { type EventKind, eventKinds } from '../../src/api/wire.ts';
import { MAX_EVENTS } from '../../src/domain/history.ts';
import { randomId } from '../../src/domain/ids.ts';
import { createAccount, DEVICE, inStore, POLICY, readEvents } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { grantOf } from '../support/results.ts';
import { PASSWORD } from '../support/service.ts';

const PLACE = { user_agent: DEVICE.userAgent, ip: DEVICE.ip, country: DEVICE.country, operator: null };

/** The columns that tell when and how often, of what happened once. */
function once(ms: number) {
  return { at_ms: ms, last_at_ms: ms, count: 1 };
}

describe('the history of an account', () => {
  it('tells what happened, when, from where and to which session', async () => {
    const startMs = freezeClock();
    const { id, account, session: first } = await createAccount();
    passSeconds(1);
    await account.signIn('wrong', DEVICE, POLICY);
    passSeconds(1);
    const nobody = { userAgent: null, ip: null, country: null };
    const { sid } = grantOf(await account.signIn(PASSWORD, nobody, POLICY)).session;
    passSeconds(1);
    await account.refresh(first.sid, 9, DEVICE, POLICY);
    passSeconds(1);
    await account.endSession(sid, sid, DEVICE);
    const third = grantOf(await account.signIn(PASSWORD, DEVICE, POLICY));
    passSeconds(1);
    await account.signOut(third.session.sid, DEVICE);

    const nowhere = { user_agent: null, ip: null, country: null, operator: null };
    expect(await readEvents(id)).toEqual([
      { id: 1, ...once(startMs), kind: 'registered', sid: null, ...PLACE },
      { id: 2, ...once(startMs), kind: 'signed_in', sid: first.sid, ...PLACE },
      { id: 3, ...once(startMs + 1000), kind: 'sign_in_failed', sid: null, ...PLACE },
      { id: 4, ...once(startMs + 2000), kind: 'signed_in', sid, ...nowhere },
      { id: 5, ...once(startMs + 3000), kind: 'refresh_token_reuse', sid: first.sid, ...PLACE },
      { id: 6, ...once(startMs + 4000), kind: 'session_ended', sid, ...PLACE },
      { id: 7, ...once(startMs + 4000), kind: 'signed_in', sid: third.session.sid, ...PLACE },
      { id: 8, ...once(startMs + 5000), kind: 'signed_out', sid: third.session.sid, ...PLACE },
    ]);
  });

  it('tells once that all sessions were ended', async () => {
    const nowMs = freezeClock();
    const { id, account, session } = await createAccount();
    await account.endSessions(session.sid, false, DEVICE);
    const events = await readEvents(id);
    expect(events).toHaveLength(3);
    expect(events[2]).toEqual({ id: 3, ...once(nowMs), kind: 'session_ended', sid: null, ...PLACE });
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

  it('counts up what the same actor does again within an hour of the last time, and moves it to the end', async () => {
    const startMs = freezeClock();
    const { id } = await createAccount();
    const fail = (actor: Actor = DEVICE) =>
      inStore(id, (store) => store.events.record('sign_in_failed', Date.now(), actor));
    await fail();
    await fail({ ...DEVICE, ip: '192.0.2.8' });
    passSeconds(3599);
    await fail();
    passSeconds(3599);
    await fail();
    const second = { id: 4, kind: 'sign_in_failed', at_ms: startMs, last_at_ms: startMs, count: 1 };
    const series = { id: 6, at_ms: startMs, last_at_ms: startMs + 7_198_000, count: 3 };
    expect((await readEvents(id)).slice(2)).toEqual([
      { ...PLACE, ...second, sid: null, ip: '192.0.2.8' },
      { ...PLACE, ...series, kind: 'sign_in_failed', sid: null },
    ]);
    passSeconds(3600);
    await fail();
    expect((await readEvents(id)).slice(3)).toMatchObject([series, { id: 7, count: 1 }]);
  });

  it('keeps apart what another did: kind, session, device, address, country, operator', async () => {
    const nowMs = freezeClock();
    const { id } = await createAccount();
    const causes: [EventKind, Actor, string?][] = [
      ['session_ended', DEVICE],
      ['signed_out', DEVICE],
      ['session_ended', DEVICE, randomId()],
      ['session_ended', { ...DEVICE, userAgent: null }],
      ['session_ended', { ...DEVICE, ip: null }],
      ['session_ended', { ...DEVICE, country: 'BE' }],
      ['session_ended', { ...DEVICE, operator: 'grace' }],
    ];
    for (const _ of [1, 2])
      await inStore(id, (store) => {
        for (const [kind, actor, sid] of causes) store.events.record(kind, nowMs, actor, sid);
      });
    const events = (await readEvents(id)).slice(2);
    expect(events.map(({ count }) => count)).toEqual(Array(causes.length).fill(2));
  });

  it('keeps the last of a kind, and every other kind whatever comes', async () => {
    freezeClock();
    const { id, session } = await createAccount();
    await recordMany(id, 'sign_in_failed', 21);
    const events = await readEvents(id);
    expect(events.map((event) => event.id)).toEqual([1, 2, ...range(4, 23)]);
    expect(events.slice(0, 2)).toMatchObject([
      { kind: 'registered' },
      { kind: 'signed_in', sid: session.sid },
    ]);
  });

  it('never has more rows than the sum over all kinds', async () => {
    const { id } = await createAccount();
    for (const kind of eventKinds) await recordMany(id, kind, 60);
    expect(await readEvents(id)).toHaveLength(MAX_EVENTS);
    expect(MAX_EVENTS).toBe(720);
  });
});

/** Records an event as often, each time from another address. */
function recordMany(id: string, kind: EventKind, times: number): Promise<void> {
  return inStore(id, (store) => {
    for (let n = 0; n < times; n += 1)
      store.events.record(kind, Date.now(), { ...DEVICE, ip: `2001:db8::${n}` });
  });
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
