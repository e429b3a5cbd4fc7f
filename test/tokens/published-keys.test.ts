import { createLocalJWKSet, errors, importJWK, type JSONWebKeySet, jwtVerify, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { ACCESS_SECRET, decodePayload, ISSUER, REFRESH_SECRET, Service } from '../support/service.ts';
import { ALGORITHMS, makeJwk } from '../support/tokens.ts';

// `jose` is the judge: a resource server that knows the issuer, the audience and the published keys, and nothing of us.
const AUDIENCE = 'https://api.test';

async function fetchKeys(service: Service): Promise<JSONWebKeySet> {
  const response = await service.fetch('/.well-known/jwks.json');
  expect(response.status).toBe(200);
  return response.json<JSONWebKeySet>();
}

describe.each(ALGORITHMS)('tokens of a service with an %s key', (alg) => {
  it('are checked offline by any resource server that fetches the published keys', async () => {
    const service = new Service({
      AUDIENCE,
      ACCESS_TOKEN_SECRET: JSON.stringify(await makeJwk(alg, 'the-key')),
    });
    const ada = await service.register();
    const keys = createLocalJWKSet(await fetchKeys(service));
    const options = { issuer: ISSUER, audience: AUDIENCE, algorithms: [alg], typ: 'JWT' };
    const { payload, protectedHeader } = await jwtVerify(ada.accessToken, keys, options);
    expect(protectedHeader).toEqual({ alg, typ: 'JWT', kid: 'the-key' });
    expect(payload).toEqual({
      iss: ISSUER,
      aud: AUDIENCE,
      sub: ada.id,
      sid: ada.sid,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      iat: expect.any(Number),
      exp: (payload.iat ?? 0) + 600,
      auth_time: payload.iat,
      ...{ amr: ['pwd'], acr: 'aal1' },
      username: ada.name,
      email: ada.email,
    });

    // The refresh token is for nobody but the service.
    await expect(jwtVerify(ada.cookie, keys, { issuer: ISSUER })).rejects.toThrow(errors.JOSENotSupported);
    // And neither is a token that was touched.
    const [header, body, signature = ''] = ada.accessToken.split('.');
    const touched = `${header}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    await expect(jwtVerify(touched, keys, options)).rejects.toThrow(errors.JWSSignatureVerificationFailed);
  });

  it('are taken from another signer that holds the key', async () => {
    const jwk = await makeJwk(alg, 'the-key');
    const service = new Service({ AUDIENCE, ACCESS_TOKEN_SECRET: JSON.stringify(jwk) });
    const ada = await service.register();
    const key = await importJWK({ ...jwk }, alg);
    const sign = (claims: object) =>
      new SignJWT({ ...decodePayload(ada.accessToken), ...claims })
        .setProtectedHeader({ alg, typ: 'JWT', kid: 'the-key' })
        .sign(key);
    expect((await service.fetch('/me', { bearer: await sign({}) })).status).toBe(200);
    expect((await service.fetch('/me', { bearer: await sign({ aud: `${ISSUER}/refresh` }) })).status).toBe(
      401,
    );
  });
});

describe('tokens of a service with an HS256 secret', () => {
  it('are checked by whoever holds the secret, and no key is published', async () => {
    const service = new Service();
    const ada = await service.register();
    expect(await fetchKeys(service)).toEqual({ keys: [] });
    const secret = new TextEncoder().encode(ACCESS_SECRET);
    const { protectedHeader } = await jwtVerify(ada.accessToken, secret, {
      issuer: ISSUER,
      audience: ISSUER,
    });
    expect(protectedHeader).toEqual({ alg: 'HS256', typ: 'JWT' });
  });
});

describe('the refresh token in the cookie', () => {
  it('is HS256 under its own secret, for its own audience, with neither name nor address', async () => {
    const service = new Service();
    const ada = await service.register();
    const secret = new TextEncoder().encode(REFRESH_SECRET);
    const options = { issuer: ISSUER, audience: `${ISSUER}/refresh`, algorithms: ['HS256'], typ: 'JWT' };
    const { payload, protectedHeader } = await jwtVerify(ada.cookie, secret, options);
    expect(protectedHeader).toEqual({ alg: 'HS256', typ: 'JWT' });
    expect(payload).toEqual({
      iss: ISSUER,
      aud: `${ISSUER}/refresh`,
      sub: ada.id,
      sid: ada.sid,
      ctr: 1,
      iat: expect.any(Number),
      exp: (payload.iat ?? 0) + 86_400,
    });
    const accessSecret = new TextEncoder().encode(ACCESS_SECRET);
    await expect(jwtVerify(ada.cookie, accessSecret, options)).rejects.toThrow(
      errors.JWSSignatureVerificationFailed,
    );
  });
});
