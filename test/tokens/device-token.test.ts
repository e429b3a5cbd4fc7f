import { describe, expect, it } from 'vitest';
import { LONGEST_LIFETIME_SECONDS } from '../../src/tokens/claims.ts';
import { mintDeviceToken, readDeviceToken } from '../../src/tokens/device-token.ts';
import { importSecrets } from '../../src/tokens/key-set.ts';
import { mintRefreshToken } from '../../src/tokens/refresh-token.ts';
import { HS256_HEADER, NOW_SECONDS, REFRESH_CLAIMS, REFRESH_CONTEXT, signHs256 } from '../support/tokens.ts';

const SECRET = 'refresh-secret-of-the-device-tokens';
const keySet = await importSecrets([SECRET]);
const context = { ...REFRESH_CONTEXT, audience: 'https://auth.test/device' };
const browser = {
  sub: 'account0account0accoun',
  bid: 'browser0browser0browse',
  epoch: 3,
  since: NOW_SECONDS - 60,
};
const claims = {
  ...browser,
  iss: context.issuer,
  aud: context.audience,
  iat: NOW_SECONDS,
  exp: NOW_SECONDS + LONGEST_LIFETIME_SECONDS,
};

describe('a device cookie', () => {
  it('says which browser it is, for 400 days', async () => {
    const token = await mintDeviceToken(browser, keySet, context);
    expect(await readDeviceToken(token, keySet, context)).toEqual(browser);
    const days = (count: number) => ({ ...context, nowSeconds: NOW_SECONDS + count * 24 * 3600 });
    expect(await readDeviceToken(token, keySet, days(399))).toEqual(browser);
    expect(await readDeviceToken(token, keySet, days(400))).toBeUndefined();
  });

  it('is what these claims make, signed', async () => {
    expect(await readDeviceToken(await signHs256(HS256_HEADER, claims, SECRET), keySet, context)).toEqual(
      browser,
    );
  });

  it('without the time since when is of the time when it was set', async () => {
    const token = await signHs256(HS256_HEADER, { ...claims, since: undefined }, SECRET);
    expect(await readDeviceToken(token, keySet, context)).toEqual({ ...browser, since: NOW_SECONDS });
  });

  it.each<[string, object]>([
    ['another issuer', { iss: 'https://other.test' }],
    ['the audience of refresh tokens', { aud: REFRESH_CONTEXT.audience }],
    ['an end in the past', { iat: NOW_SECONDS - 20, exp: NOW_SECONDS - 10 }],
    ['no end', { exp: undefined }],
    ['an end too far away', { exp: NOW_SECONDS + 2 * LONGEST_LIFETIME_SECONDS }],
    ['no browser', { bid: undefined }],
    ['a browser of another form', { bid: '../x' }],
    ['an epoch that is text', { epoch: '3' }],
    ['a time since when that is text', { since: '3' }],
  ])('with %s is that of no known browser', async (_, change) => {
    const token = await signHs256(HS256_HEADER, { ...claims, ...change }, SECRET);
    expect(await readDeviceToken(token, keySet, context)).toBeUndefined();
  });

  it('is no refresh token, and one signed by another is none', async () => {
    const refreshToken = await mintRefreshToken(REFRESH_CLAIMS, keySet);
    expect(await readDeviceToken(refreshToken, keySet, context)).toBeUndefined();
    const forged = await signHs256(HS256_HEADER, claims, 'a secret that the service does not know');
    expect(await readDeviceToken(forged, keySet, context)).toBeUndefined();
  });
});
