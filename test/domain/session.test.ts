import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { authenticateByPassword } from '../../src/domain/authentication.ts';
import { decideRefresh, isExpired, openSession, type SessionPolicy } from '../../src/domain/session.ts';

const POLICY: SessionPolicy = { refreshTtlSeconds: 86_400, sessionTtlSeconds: 30 * 86_400, graceSeconds: 30 };
const NOW_MS = Date.UTC(2026, 7, 15, 12) + 999;
const NOW_SECONDS = Math.floor(NOW_MS / 1000);
const SID = 's'.repeat(22);
const DEVICE = { userAgent: 'Firefox', ip: '192.0.2.1', country: 'NL' };

describe('a session that is opened', () => {
  it('starts with counter 1, both lifetimes running, and the device that it was opened from', () => {
    expect(openSession(SID, DEVICE, NOW_MS, POLICY, authenticateByPassword(NOW_MS))).toEqual({
      sid: SID,
      counter: 1,
      rotatedAtMs: NOW_MS,
      iat: NOW_SECONDS,
      exp: NOW_SECONDS + 86_400,
      createdAtMs: NOW_MS,
      expiresAtMs: (NOW_SECONDS + 30 * 86_400) * 1000,
      lastUsedAtMs: NOW_MS,
      ...DEVICE,
      browserId: null,
      ...{ amr: ['pwd'], acr: 'aal1', authenticatedAtMs: NOW_MS },
    });
  });

  it('has a first token that never outlives it', () => {
    const policy = { ...POLICY, sessionTtlSeconds: 60 };
    expect(openSession(SID, DEVICE, NOW_MS, policy, authenticateByPassword(NOW_MS))).toMatchObject({
      exp: NOW_SECONDS + 60,
      expiresAtMs: (NOW_SECONDS + 60) * 1000,
    });
  });

  it('is live until the last millisecond of the shorter lifetime', () => {
    const session = openSession(SID, DEVICE, NOW_MS, POLICY, authenticateByPassword(NOW_MS));
    expect(isExpired(session, NOW_MS)).toBe(false);
    expect(isExpired(session, session.exp * 1000 - 1)).toBe(false);
    expect(isExpired(session, session.exp * 1000)).toBe(true);
    const exp = session.expiresAtMs / 1000 + 60;
    expect(isExpired({ ...session, exp }, session.expiresAtMs - 1)).toBe(false);
    expect(isExpired({ ...session, exp }, session.expiresAtMs)).toBe(true);
  });
});

const policies = fc.record({
  refreshTtlSeconds: fc.integer({ min: 1, max: 400 * 86_400 }),
  sessionTtlSeconds: fc.integer({ min: 1, max: 400 * 86_400 }),
  graceSeconds: fc.integer({ min: 0, max: 600 }),
});
const times = fc.integer({ min: 0, max: Date.UTC(2100, 0) });

/** What its clients did to a session: waited so long, then presented a token so far from the current one. */
const histories = fc.array(
  fc.record({
    waitMs: fc.oneof(fc.nat(2000), fc.nat(200_000_000)),
    offset: fc.constantFrom(0, 0, -1, -2, 1),
  }),
  { minLength: 1, maxLength: 30 },
);

describe('whatever happens to a session', () => {
  it('its tokens are live when they are made, end with it at the latest, and count up by one', () => {
    fc.assert(
      fc.property(policies, times, histories, (policy, openedAtMs, history) => {
        let session = openSession(SID, DEVICE, openedAtMs, policy, authenticateByPassword(openedAtMs));
        let nowMs = openedAtMs;
        for (const { waitMs, offset } of [{ waitMs: 0, offset: 0 }, ...history]) {
          nowMs += waitMs;
          const decision = decideRefresh(session, session.counter + offset, nowMs, policy);
          if (decision.outcome !== 'rotated') continue;
          const { next } = decision;
          expect(next.counter).toBe(session.counter + 1);
          expect(next.iat).toBeLessThan(next.exp);
          expect(next.exp * 1000).toBeGreaterThan(nowMs);
          expect(next.exp * 1000).toBeLessThanOrEqual(session.expiresAtMs);
          session = { ...session, ...next };
        }
      }),
    );
  });

  it('the predecessor is never repeated later than the grace window after the rotation', () => {
    fc.assert(
      fc.property(policies, times, histories, (policy, openedAtMs, history) => {
        let session = openSession(SID, DEVICE, openedAtMs, policy, authenticateByPassword(openedAtMs));
        let nowMs = openedAtMs;
        for (const { waitMs, offset } of history) {
          nowMs += waitMs;
          const decision = decideRefresh(session, session.counter + offset, nowMs, policy);
          if (decision.outcome === 'repeated') {
            expect(offset).toBe(-1);
            expect(nowMs - session.rotatedAtMs).toBeLessThan(policy.graceSeconds * 1000);
          }
          if (decision.outcome === 'rotated') session = { ...session, ...decision.next };
        }
      }),
    );
  });

  it('no two tokens ever rotate one session: after the current one was traded it is a predecessor', () => {
    fc.assert(
      fc.property(policies, times, fc.nat(700_000), (policy, openedAtMs, waitMs) => {
        const session = openSession(SID, DEVICE, openedAtMs, policy, authenticateByPassword(openedAtMs));
        const first = decideRefresh(session, session.counter, openedAtMs, policy);
        expect(first.outcome).toBe('rotated');
        if (first.outcome !== 'rotated') return;
        const rotated = { ...session, ...first.next };
        const second = decideRefresh(rotated, session.counter, openedAtMs + waitMs, policy);
        expect(second.outcome).not.toBe('rotated');
      }),
    );
  });
});
