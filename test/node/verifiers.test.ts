// Verifiers that resource servers use, as their documentation has them, against the service and a mounted one: by discovery
// and by the key set. Both services run; the tokens are theirs, or signed here with their key.
import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { auth } from 'express-oauth2-jwt-bearer';
import { exportJWK, generateKeyPair, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import jwksRsa from 'jwks-rsa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fleet, startFleet } from '../support/examples.ts';

const ADA = { username: 'ada', email: 'ada@example.com', password: 'correct horse battery staple' };
const nowSeconds = () => Math.floor(Date.now() / 1000);

interface Key {
  kid: string;
  signing: CryptoKey;
  jwk: object;
}

interface Issued {
  accessToken: string;
  refreshToken: string;
  claims: JWTPayload;
}

let fleet: Fleet;
let first: Key;
/** Of the service, and of the one below /auth. */
let issued: Record<'latchkey' | 'mounted', Issued>;
const servers: Server[] = [];

async function makeKey(kid: string): Promise<Key> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return { kid, signing: privateKey, jwk: { ...(await exportJWK(privateKey)), kid, alg: 'ES256' } };
}

function sign(claims: JWTPayload, { kid, signing }: Key, typ = 'JWT'): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ, kid }).sign(signing);
}

async function register(issuer: string): Promise<Issued> {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(`${issuer}/register`, { method: 'POST', headers, body: JSON.stringify(ADA) });
  expect(response.status).toBe(201);
  const { accessToken } = (await response.json()) as { accessToken: string };
  const claims = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString());
  const refreshToken = response.headers.getSetCookie()[0]?.split(/[=;]/)[1] ?? '';
  return { accessToken, refreshToken, claims };
}

/** An API of express, which knows of the service its address alone. */
async function startApi(issuerBaseURL: string): Promise<(token?: string) => Promise<Response>> {
  const api = express();
  // Its error handler would print each refusal.
  api.set('env', 'test');
  // The cool-down keeps forged key ids from becoming requests; here nobody should wait for it.
  const checked = auth({ issuerBaseURL, audience: issuerBaseURL, cooldownDuration: 0 });
  api.get('/name', checked, (request, response) => response.send(String(request.auth?.payload.username)));
  const server = createServer(api).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // it listens on a port
  return (token) => {
    const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    return fetch(`http://127.0.0.1:${port}/name`, { headers });
  };
}

/** A check by jwks-rsa, which finds the key, and jose, which is given no other. */
function makeCheck(issuer: string): (token?: string) => Promise<Response> {
  const client = jwksRsa({ jwksUri: `${issuer}/.well-known/jwks.json`, cache: true, rateLimit: true });
  return async (token = '') => {
    try {
      const options = { issuer, audience: issuer, algorithms: ['ES256'] };
      const { payload } = await jwtVerify(
        token,
        async (header: { kid?: string }) =>
          createPublicKey((await client.getSigningKey(header.kid)).getPublicKey()),
        options,
      );
      return new Response(String(payload.username));
    } catch {
      return new Response(null, { status: 401 });
    }
  };
}

beforeAll(async () => {
  first = await makeKey('first');
  fleet = await startFleet(first.jwk);
  const { latchkey, mounted } = fleet.urls;
  issued = { latchkey: await register(latchkey), mounted: await register(`${mounted}/auth`) };
});

afterAll(async () => {
  for (const server of servers) server.close();
  await fleet?.stop();
});

const verifiers = [
  ['express-oauth2-jwt-bearer', 'latchkey', () => startApi(fleet.urls.latchkey)],
  ['express-oauth2-jwt-bearer', 'mounted', () => startApi(`${fleet.urls.mounted}/auth`)],
  ['jwks-rsa', 'latchkey', async () => makeCheck(fleet.urls.latchkey)],
  ['jwks-rsa', 'mounted', async () => makeCheck(`${fleet.urls.mounted}/auth`)],
] as const;

describe.each(verifiers)('%s with the keys of %s', (_, service, start) => {
  let ask: (token?: string) => Promise<Response>;
  beforeAll(async () => {
    ask = await start();
  });

  it('lets an access token in', async () => {
    const response = await ask(issued[service].accessToken);
    expect([response.status, await response.text()]).toEqual([200, 'ada']);
    // Signed here with the same key and claims: what the refusals below differ in is what they are refused for.
    expect((await ask(await sign(issued[service].claims, first))).status).toBe(200);
  });

  it.each<[string, (issued: Issued) => string | Promise<string>]>([
    ['for another audience', ({ claims }) => sign({ ...claims, aud: 'https://other.example' }, first)],
    ['of another issuer', ({ claims }) => sign({ ...claims, iss: 'https://other.example' }, first)],
    ['that has expired', ({ claims }) => sign({ ...claims, exp: nowSeconds() - 10 }, first)],
    ['that was tampered with', ({ accessToken }) => tamper(accessToken)],
    ['of another key under the same id', async ({ claims }) => sign(claims, await makeKey('first'))],
    ['of a key that is not published', async ({ claims }) => sign(claims, await makeKey('other'))],
    ['that is a refresh token', ({ refreshToken }) => refreshToken],
  ])('refuses one %s', async (_, make) => {
    expect((await ask(await make(issued[service]))).status).toBe(401);
  });

  it('refuses a request without one', async () => {
    expect((await ask()).status).toBe(401);
  });
});

/** Somebody else’s name, under the same signature. */
function tamper(token: string): string {
  const [header, payload = '', signature] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const other = Buffer.from(JSON.stringify({ ...claims, username: 'eve' })).toString('base64url');
  return [header, other, signature].join('.');
}

describe('a new key', () => {
  it('is found by its id, and the old one still verifies, without a restart of the verifiers', async () => {
    const { latchkey } = fleet.urls;
    const { claims, accessToken } = issued.latchkey;
    const asks = [await startApi(latchkey), makeCheck(latchkey)];
    const second = await makeKey('second');
    for (const ask of asks) {
      expect((await ask(accessToken)).status).toBe(200);
      expect((await ask(await sign(claims, second))).status).toBe(401);
    }
    await fleet.changeAccessKey({ keys: [second.jwk, first.jwk] });
    const fresh = await sign(claims, second);
    for (const ask of asks) {
      expect((await ask(fresh)).status).toBe(200);
      expect((await ask(accessToken)).status).toBe(200);
    }
  }, 60_000);
});
