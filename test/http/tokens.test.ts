import { describe, expect, it } from 'vitest';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { decodeHeader, decodePayload, ISSUER, readCookie, Service } from '../support/service.ts';

const service = new Service();
const ID = /^[\w-]{22}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('the access token', () => {
  it('carries exactly the claims of the contract', async () => {
    const seconds = Math.floor(freezeClock() / 1000);
    const ada = await service.register();
    expect(decodeHeader(ada.accessToken)).toEqual({ alg: 'HS256', typ: 'JWT' });
    expect(decodePayload(ada.accessToken)).toEqual({
      iss: ISSUER,
      aud: ISSUER,
      sub: ada.id,
      sid: expect.stringMatching(ID),
      jti: expect.stringMatching(UUID),
      iat: seconds,
      exp: seconds + 600,
      auth_time: seconds,
      ...{ amr: ['pwd'], acr: 'aal1' },
      username: ada.name,
      email: ada.email,
    });
  });

  it('keeps account, session and time of sign-in through a refresh, and gets an id of its own', async () => {
    const seconds = Math.floor(freezeClock() / 1000);
    const ada = await service.register();
    passSeconds(3600);
    const response = await service.post('/refresh', { cookie: ada.cookie });
    const { accessToken } = await response.json<{ accessToken: string }>();
    const first = decodePayload(ada.accessToken);
    expect(decodePayload(accessToken)).toEqual({
      ...first,
      jti: expect.stringMatching(UUID),
      iat: seconds + 3600,
      exp: seconds + 3600 + 600,
      auth_time: seconds,
    });
    expect(decodePayload(accessToken).jti).not.toBe(first.jti);
  });
});

describe('the refresh token', () => {
  it('carries exactly the claims of the contract: no name and no e-mail address', async () => {
    const seconds = Math.floor(freezeClock() / 1000);
    const ada = await service.register();
    expect(decodeHeader(ada.cookie)).toEqual({ alg: 'HS256', typ: 'JWT' });
    expect(decodePayload(ada.cookie)).toEqual({
      iss: ISSUER,
      aud: `${ISSUER}/refresh`,
      sub: ada.id,
      sid: decodePayload(ada.accessToken).sid,
      ctr: 1,
      iat: seconds,
      exp: seconds + 24 * 60 * 60,
    });
  });

  it('counts one up at each refresh, and lives a day from there', async () => {
    const seconds = Math.floor(freezeClock() / 1000);
    const ada = await service.register();
    passSeconds(3600);
    const successor = readCookie(await service.post('/refresh', { cookie: ada.cookie })) ?? '';
    expect(decodePayload(successor)).toEqual({
      ...decodePayload(ada.cookie),
      ctr: 2,
      iat: seconds + 3600,
      exp: seconds + 3600 + 24 * 60 * 60,
    });
  });
});

describe('ids', () => {
  it('differ from account to account and from session to session', async () => {
    const [ada, bob] = [await service.register(), await service.register()];
    const again = await service.login(ada.name);
    expect(new Set([ada.id, bob.id, ada.sid, bob.sid, again.sid]).size).toBe(5);
    expect(decodePayload(again.accessToken).sub).toBe(ada.id);
  });
});
