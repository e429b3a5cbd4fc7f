import { describe, expect, it } from 'vitest';
import { authenticateByPassword } from '../../src/domain/authentication.ts';
import { decideRefresh, openSession, type Session, type SessionPolicy } from '../../src/domain/session.ts';

const POLICY: SessionPolicy = { refreshTtlSeconds: 86_400, sessionTtlSeconds: 30 * 86_400, graceSeconds: 30 };
const OPENED_AT_MS = Date.UTC(2026, 7, 15, 12) + 345;
const DEVICE = { userAgent: null, ip: null, country: null };

/** A session whose current counter is 7, rotated an hour after it was opened and not on a whole second. */
function makeSession(policy = POLICY): Session {
  const opened = openSession(
    's'.repeat(22),
    DEVICE,
    OPENED_AT_MS,
    policy,
    authenticateByPassword(OPENED_AT_MS),
  );
  const rotatedAtMs = OPENED_AT_MS + 3_600_000;
  const iat = Math.floor(rotatedAtMs / 1000);
  return {
    ...opened,
    counter: 7,
    rotatedAtMs,
    lastUsedAtMs: rotatedAtMs,
    iat,
    exp: iat + policy.refreshTtlSeconds,
  };
}

const session = makeSession();
const { rotatedAtMs } = session;
const idleEndMs = session.exp * 1000;
const graceEndMs = rotatedAtMs + 30_000;

function outcomeOf(
  counter: number,
  nowMs: number,
  given: Session | undefined = session,
  policy = POLICY,
): string {
  return decideRefresh(given, counter, nowMs, policy).outcome;
}

describe('the current token', () => {
  it('is traded for its successor', () => {
    const nowMs = rotatedAtMs + 1234;
    expect(decideRefresh(session, 7, nowMs, POLICY)).toEqual({
      outcome: 'rotated',
      next: {
        counter: 8,
        rotatedAtMs: nowMs,
        iat: Math.floor(nowMs / 1000),
        exp: Math.floor(nowMs / 1000) + 86_400,
      },
    });
  });

  it('is traded in the very millisecond in which it was made', () => {
    expect(outcomeOf(7, rotatedAtMs)).toBe('rotated');
  });

  it('is good until the last millisecond of its idle lifetime, and not at its end', () => {
    expect(outcomeOf(7, idleEndMs - 1)).toBe('rotated');
    expect(outcomeOf(7, idleEndMs)).toBe('expired');
    expect(outcomeOf(7, idleEndMs + 1)).toBe('expired');
  });

  it('is good until the last millisecond of the absolute lifetime, and not at its end', () => {
    // An `exp` beyond the absolute end cannot be minted; the absolute end must hold even so.
    const old = { ...session, exp: session.expiresAtMs / 1000 + 999 };
    expect(outcomeOf(7, session.expiresAtMs - 1, old)).toBe('rotated');
    expect(outcomeOf(7, session.expiresAtMs, old)).toBe('expired');
    expect(outcomeOf(7, session.expiresAtMs + 1, old)).toBe('expired');
  });

  it('gets a successor that never outlives the session', () => {
    const endSeconds = session.expiresAtMs / 1000;
    const expAt = (nowMs: number) => {
      const decision = decideRefresh({ ...session, exp: endSeconds }, 7, nowMs, POLICY);
      return decision.outcome === 'rotated' ? decision.next.exp : undefined;
    };
    const lastFullSecondMs = session.expiresAtMs - 86_400_000;
    expect(expAt(lastFullSecondMs - 1)).toBe(endSeconds - 1);
    expect(expAt(lastFullSecondMs)).toBe(endSeconds);
    expect(expAt(lastFullSecondMs + 1000)).toBe(endSeconds);
    expect(expAt(session.expiresAtMs - 1)).toBe(endSeconds);
  });
});

describe('the token before the current one', () => {
  it('is exchanged for the current token from the rotation until the grace window ends', () => {
    expect(outcomeOf(6, rotatedAtMs)).toBe('repeated');
    expect(outcomeOf(6, graceEndMs - 1)).toBe('repeated');
  });

  it('is reuse from the millisecond in which the grace window ends', () => {
    expect(outcomeOf(6, graceEndMs)).toBe('reused');
    expect(outcomeOf(6, graceEndMs + 1)).toBe('reused');
  });

  it('does not move the grace window, however often it is presented', () => {
    for (let nowMs = rotatedAtMs; nowMs < graceEndMs; nowMs += 1000) {
      // Nothing but the outcome comes back: there is no later window that a caller could store.
      expect(decideRefresh(session, 6, nowMs, POLICY)).toEqual({ outcome: 'repeated' });
    }
    expect(outcomeOf(6, graceEndMs)).toBe('reused');
  });

  it('is reuse at once when there is no grace', () => {
    expect(outcomeOf(6, rotatedAtMs, session, { ...POLICY, graceSeconds: 0 })).toBe('reused');
  });

  it('is expired, not reused, once the session has run out', () => {
    expect(outcomeOf(6, idleEndMs)).toBe('expired');
    const brief = { ...POLICY, refreshTtlSeconds: 5 };
    const briefSession = makeSession(brief);
    const briefEndMs = briefSession.exp * 1000;
    expect(outcomeOf(6, briefEndMs - 1, briefSession, brief)).toBe('repeated');
    expect(outcomeOf(6, briefEndMs, briefSession, brief)).toBe('expired');
  });
});

describe('any other token', () => {
  it.each([-1, 0, 1, 4, 5])('with the older counter %i is reuse, inside the grace window too', (counter) => {
    expect(outcomeOf(counter, rotatedAtMs)).toBe('reused');
    expect(outcomeOf(counter, idleEndMs - 1)).toBe('reused');
  });

  it.each([8, 9, 1000])('with the counter %i, which was never given out, is reuse', (counter) => {
    expect(outcomeOf(counter, rotatedAtMs)).toBe('reused');
    expect(outcomeOf(counter, idleEndMs - 1)).toBe('reused');
  });

  it.each([-1, 0, 5, 6, 7, 8, 9])('is worth nothing after the end: counter %i is expired', (counter) => {
    expect(outcomeOf(counter, idleEndMs)).toBe('expired');
    expect(outcomeOf(counter, session.expiresAtMs)).toBe('expired');
  });

  it.each([-1, 0, 6, 7, 8])('is worth nothing without a session: counter %i finds it ended', (counter) => {
    expect(decideRefresh(undefined, counter, rotatedAtMs, POLICY)).toEqual({ outcome: 'ended' });
  });
});

it('judges the same token the same way every time, and changes nothing itself', () => {
  const before = structuredClone(session);
  for (const counter of [5, 6, 7, 8]) {
    const decide = () => decideRefresh(session, counter, rotatedAtMs + 1, POLICY);
    expect(decide()).toEqual(decide());
  }
  expect(session).toEqual(before);
});
