import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { importSecrets } from '../../src/tokens/key-set.ts';
import { mintRefreshToken } from '../../src/tokens/refresh-token.ts';
import { inStore, plantSession, readEvents, readSids } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { expectProblem } from '../support/problem.ts';
import { ISSUER, REFRESH_SECRET, readCookie, Service } from '../support/service.ts';

const service = new Service();

/** A clock that moves on with every look at it: two calls that both rotated would mint two different tokens. */
function startRestlessClock(): void {
  let nowMs = Date.now();
  const spy = vi.spyOn(Date, 'now').mockImplementation(() => {
    nowMs += 100;
    return nowMs;
  });
  onTestFinished(() => spy.mockRestore());
}

/** Another session of an account, and its cookie. */
async function plantCookie(id: string): Promise<{ sid: string; cookie: string }> {
  const { sid, counter: ctr, iat, exp } = await plantSession(id);
  const claims = { iss: ISSUER, aud: `${ISSUER}/refresh`, sub: id, sid, ctr, iat, exp };
  return { sid, cookie: await mintRefreshToken(claims, await importSecrets([REFRESH_SECRET])) };
}

/** Lets what is under way get on by a few steps. */
async function passTurns(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await service.fetch('/health');
}

function refresh(cookie: string): Promise<Response> {
  return service.post('/refresh', { cookie });
}

/** The successor of a cookie. */
async function rotate(cookie: string): Promise<string> {
  const response = await refresh(cookie);
  expect(response.status).toBe(200);
  return readCookie(response) ?? '';
}

async function expectEnded(cookie: string): Promise<void> {
  await expectProblem(await refresh(cookie), 401, 'session_ended', { clearsCookie: true });
}

describe('one cookie in many tabs', () => {
  it('gets one and the same successor in all of them, round after round', async () => {
    const ada = await service.register();
    startRestlessClock();
    let { cookie } = ada;
    for (let round = 1; round <= 3; round += 1) {
      const responses = await Promise.all(Array.from({ length: 16 }, () => refresh(cookie)));
      expect(responses.map(({ status }) => status)).toEqual(Array(16).fill(200));
      const successors = new Set(responses.map((response) => readCookie(response)));
      expect(successors.size).toBe(1);
      const [successor = ''] = successors;
      expect(successor).not.toBe(cookie);
      expect(await inStore(ada.id, (store) => store.sessions.readSession(ada.sid))).toMatchObject({
        counter: round + 1,
      });
      cookie = successor;
    }
    expect(await readSids(ada.id)).toEqual([ada.sid]);
  });
});

describe('a used refresh token', () => {
  it('is reuse at once when it is older than the predecessor', async () => {
    freezeClock();
    const ada = await service.register();
    const elsewhere = await plantCookie(ada.id);
    const second = await rotate(ada.cookie);
    const third = await rotate(second);
    await expectEnded(ada.cookie);
    for (const cookie of [second, third]) await expectEnded(cookie);
    expect(await readSids(ada.id)).toEqual([elsewhere.sid]);
    await rotate(elsewhere.cookie);
  });

  it('is reuse after the window: the live token dies with it, the other sessions live', async () => {
    const startMs = freezeClock();
    const ada = await service.register();
    const elsewhere = await plantCookie(ada.id);
    const live = await rotate(ada.cookie);
    passSeconds(30);
    await expectEnded(ada.cookie);
    await expectEnded(live);
    expect(await readSids(ada.id)).toEqual([elsewhere.sid]);
    expect((await service.fetch('/me', { bearer: ada.accessToken })).status).toBe(401);
    const reuse = { at_ms: startMs + 30_000, kind: 'refresh_token_reuse', sid: ada.sid };
    expect((await readEvents(ada.id)).filter(({ kind }) => kind === 'refresh_token_reuse')).toMatchObject([
      reuse,
    ]);
    await rotate(elsewhere.cookie);
  });

  it('keeps no window open by being replayed', async () => {
    freezeClock();
    const ada = await service.register();
    const live = await rotate(ada.cookie);
    passSeconds(20);
    expect(await rotate(ada.cookie)).toBe(live);
    passSeconds(11);
    await expectEnded(ada.cookie);
    await expectEnded(live);
    expect(await readSids(ada.id)).toEqual([]);
  });
});

describe('a refresh and a sign-out at once', () => {
  it('leave no token alive, in fifty tries in either order', async () => {
    const ada = await service.register();
    const statuses = new Set<number>();
    for (let n = 0; n < 50; n += 1) {
      const { sid, cookie } = await plantCookie(ada.id);
      const refreshing = n % 2 === 0 ? refresh(cookie) : passTurns(n % 5).then(() => refresh(cookie));
      if (n % 2 === 0) await passTurns(n % 5);
      const signingOut = service.post('/logout', { cookie });
      const [refreshed, signedOut] = await Promise.all([refreshing, signingOut]);
      statuses.add(refreshed.status);
      expect(signedOut.status).toBe(204);
      expect(readCookie(signedOut)).toBe('');
      const successor = readCookie(refreshed);
      if (refreshed.status === 200) await expectEnded(successor ?? '');
      else await expectProblem(refreshed, 401, 'session_ended', { clearsCookie: true });
      await expectEnded(cookie);
      expect(await readSids(ada.id)).not.toContainEqual(sid);
    }
    // Both orders came about: sometimes the refresh was first, sometimes the sign-out.
    expect([...statuses].sort()).toEqual([200, 401]);
    expect(await readSids(ada.id)).toEqual([ada.sid]);
  });

  it('leave no token alive when the sign-out brings an older token', async () => {
    const ada = await service.register();
    const second = await rotate(ada.cookie);
    const [, third] = await Promise.all([service.post('/logout', { cookie: ada.cookie }), refresh(second)]);
    await expectEnded(second);
    if (third.status === 200) await expectEnded(readCookie(third) ?? '');
    expect(await readSids(ada.id)).toEqual([]);
  });
});
