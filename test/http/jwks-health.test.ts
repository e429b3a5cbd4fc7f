import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { version } from '../../package.json';
import { expectAbsent } from '../support/absence.ts';
import { expectProblem, INVALID_TOKEN } from '../support/problem.ts';
import { ACCESS_SECRET, decodeHeader, ISSUER, Service } from '../support/service.ts';

const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048 };
const kinds = [
  { alg: 'ES256', algorithm: { name: 'ECDSA', namedCurve: 'P-256' }, members: ['crv', 'kty', 'x', 'y'] },
  { alg: 'EdDSA', algorithm: { name: 'Ed25519' }, members: ['crv', 'kty', 'x'] },
  {
    alg: 'RS256',
    algorithm: { ...RSA, publicExponent: new Uint8Array([1, 0, 1]) },
    members: ['e', 'kty', 'n'],
  },
] as const;

describe.each(kinds)('GET /.well-known/jwks.json with a key for $alg', ({ alg, algorithm, members }) => {
  it('shows the public members only, and they verify an access token', async () => {
    const service = new Service({ ACCESS_TOKEN_SECRET: JSON.stringify(await makeKey(algorithm)) });
    const ada = await service.register();
    const keySet = await fetchKeySet(service);
    expect(keySet.keys).toHaveLength(1);
    const [key] = keySet.keys;
    expect(Object.keys(key ?? {}).sort()).toEqual([...members, 'alg', 'kid', 'use'].sort());
    expect(key).toMatchObject({ alg, use: 'sig' });
    expect(decodeHeader(ada.accessToken)).toEqual({ alg, typ: 'JWT', kid: key?.kid });
    const { payload } = await jwtVerify(ada.accessToken, createLocalJWKSet(keySet), {
      issuer: ISSUER,
      audience: ISSUER,
      algorithms: [alg],
    });
    expect(payload).toMatchObject({ sub: ada.id, sid: ada.sid });
    expect((await service.fetch('/me', { bearer: ada.accessToken })).status).toBe(200);
  });

  it('shows every key of a set; the first signs, and tokens of the others stay good', async () => {
    const [older, newer] = [await makeKey(algorithm, 'older'), await makeKey(algorithm, 'newer')];
    const before = new Service({ ACCESS_TOKEN_SECRET: JSON.stringify({ keys: [older] }) });
    const during = new Service({ ACCESS_TOKEN_SECRET: JSON.stringify({ keys: [newer, older] }) });
    const after = new Service({ ACCESS_TOKEN_SECRET: JSON.stringify({ keys: [newer] }) });
    const ada = await before.register();
    expect((await fetchKeySet(during)).keys.map(({ kid }) => kid)).toEqual(['newer', 'older']);
    expect((await during.fetch('/me', { bearer: ada.accessToken })).status).toBe(200);
    expect(decodeHeader((await during.login(ada.name)).accessToken).kid).toBe('newer');
    await expectProblem(await after.fetch('/me', { bearer: ada.accessToken }), 401, 'unauthorized', {
      challenge: INVALID_TOKEN,
    });
  });
});

describe('GET /.well-known/jwks.json', () => {
  it('is empty for HS256: a secret has no public half', async () => {
    const response = await new Service().fetch('/.well-known/jwks.json');
    const text = await response.text();
    expect(JSON.parse(text)).toEqual({ keys: [] });
    expectAbsent(text, [ACCESS_SECRET]);
  });

  it('may be stored for five minutes by anybody', async () => {
    const response = await new Service().fetch('/.well-known/jwks.json');
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toBe('application/json');
    expect(response.headers.get('Cache-Control')).toBe('public, max-age=300');
    expect(response.headers.getSetCookie()).toEqual([]);
  });
});

describe('GET /health', () => {
  it('says that the service is up, and which version it is', async () => {
    const response = await new Service().fetch('/health');
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toBe('application/json');
    expect(response.headers.get('Cache-Control')).toBe('no-store');
    expect(await response.json()).toEqual({ status: 'ok', version });
  });

  it('needs no storage', async () => {
    const service = new Service({ ACCOUNT: {}, DIRECTORY: {} });
    expect((await service.fetch('/health')).status).toBe(200);
  });
});

async function makeKey(algorithm: (typeof kinds)[number]['algorithm'], kid?: string): Promise<JsonWebKey> {
  const pair = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  if (!('privateKey' in pair)) throw new Error('not a pair of keys');
  const exported = await crypto.subtle.exportKey('jwk', pair.privateKey);
  if (exported instanceof ArrayBuffer) throw new Error('not a JWK');
  return { ...exported, ...(kid !== undefined && { kid }) };
}

async function fetchKeySet(service: Service): Promise<JSONWebKeySet> {
  return (await service.fetch('/.well-known/jwks.json')).json<JSONWebKeySet>();
}
