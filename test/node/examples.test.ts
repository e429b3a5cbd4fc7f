// Every example, started and called, with tokens of the bundled service and with forged ones.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Fleet, startFleet } from '../support/examples.ts';
import { findFreePort } from '../support/free-port.ts';

const ROOT = join(import.meta.dirname, '../..');
const KID = 'the-key-of-the-examples';
const ADA = { username: 'ada', email: 'ada@example.com', password: 'correct horse battery staple' };
let fleet: Fleet;
let node: ChildProcess;
let nodeUrl = '';
let good: string;
let refreshToken: string;
let claims: JWTPayload;
let signingKey: CryptoKey;
const nowSeconds = () => Math.floor(Date.now() / 1000);

beforeAll(async () => {
  const pair = await generateKeyPair('ES256', { extractable: true });
  signingKey = pair.privateKey;
  fleet = await startFleet({ ...(await exportJWK(pair.privateKey)), kid: KID, alg: 'ES256' });
  const port = await findFreePort();
  const env = { ...process.env, ISSUER: fleet.urls.latchkey, PORT: String(port) };
  node = spawn(process.execPath, ['examples/resource-node/server.ts'], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  nodeUrl = `http://localhost:${port}`;
  await eventually(() => get(nodeUrl));
  const registered = await post(fleet.urls.latchkey, '/register', ADA);
  expect(registered.status).toBe(201);
  ({ accessToken: good } = (await registered.json()) as { accessToken: string });
  refreshToken = cookieOf(registered).slice('__Host-jwt='.length);
  claims = JSON.parse(Buffer.from(good.split('.')[1] ?? '', 'base64url').toString());
});

afterAll(async () => {
  node?.kill();
  await fleet?.stop();
});

function post(
  base: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Response> {
  const json = { 'Content-Type': 'application/json', ...headers };
  return fetch(`${base}${path}`, {
    method: 'POST',
    headers: json,
    ...(body && { body: JSON.stringify(body) }),
  });
}

function cookieOf(response: Response): string {
  return response.headers.getSetCookie()[0]?.split(';', 1)[0] ?? '';
}

function get(url: string, token?: string): Promise<Response> {
  return fetch(url, token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } });
}

function sign(payload: JWTPayload, key = signingKey): Promise<string> {
  return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid: KID }).sign(key);
}

describe.each([
  ['resource-worker', () => `${fleet.urls.resource}/api/name`],
  ['resource-node', () => nodeUrl],
  ['service-binding', () => `${fleet.urls.binding}/api/name`],
])('examples/%s', (_, url) => {
  it('lets a good access token in', async () => {
    const response = await get(url(), good);
    expect([response.status, await response.text()]).toEqual([200, 'ada']);
    // Signed here with the same key and claims: what the refusals below differ in is what they are refused for.
    expect((await get(url(), await sign(claims))).status).toBe(200);
  });

  it('lets one in whose server’s clock is a few seconds ahead', async () => {
    expect((await get(url(), await sign({ ...claims, iat: nowSeconds() + 5 }))).status).toBe(200);
    const expired = { ...claims, iat: nowSeconds() + 5, exp: nowSeconds() - 1 };
    expect((await get(url(), await sign(expired))).status).toBe(401);
  });

  it.each<[string, () => Promise<string | undefined>]>([
    ['no token', async () => undefined],
    ['one that has expired', () => sign({ ...claims, exp: nowSeconds() - 1 })],
    ['one for another audience', () => sign({ ...claims, aud: 'https://other.example' })],
    ['one of another issuer', () => sign({ ...claims, iss: 'https://other.example' })],
    ['a forged one', async () => sign(claims, (await generateKeyPair('ES256')).privateKey)],
    ['a refresh token', async () => refreshToken],
  ])('refuses %s', async (_, token) => {
    expect((await get(url(), await token())).status).toBe(401);
  });
});

describe('examples/service-binding', () => {
  const ip = '203.0.113.7';

  it('passes sign-in, refresh and sign-out through, with the cookies of both ways and the client’s address', async () => {
    const { binding } = fleet.urls;
    const headers = { Origin: binding, 'CF-Connecting-IP': ip };
    const signedIn = await post(binding, '/login', ADA, headers);
    expect(signedIn.status).toBe(200);
    const refreshed = await post(binding, '/refresh', undefined, { ...headers, Cookie: cookieOf(signedIn) });
    expect(refreshed.status).toBe(200);
    expect(cookieOf(refreshed)).toMatch(/^__Host-jwt=./);
    expect(cookieOf(refreshed)).not.toBe(cookieOf(signedIn));
    const { accessToken } = (await refreshed.json()) as { accessToken: string };
    const { sessions } = (await (await get(`${fleet.urls.latchkey}/sessions`, accessToken)).json()) as {
      sessions: { ip: string; current: boolean }[];
    };
    expect(sessions.find(({ current }) => current)?.ip).toBe(ip);

    expect((await get(`${binding}/api/name`, accessToken)).status).toBe(200);
    expect((await post(binding, '/logout', undefined, { Cookie: cookieOf(refreshed) })).status).toBe(204);
    expect((await get(`${binding}/api/name`, accessToken)).status).toBe(401);
    // Offline nobody hears of it before the token expires.
    expect((await get(`${fleet.urls.resource}/api/name`, accessToken)).status).toBe(200);
  });

  it('still refuses another site’s page', async () => {
    const refused = await post(fleet.urls.binding, '/login', ADA, { Origin: 'https://evil.example' });
    expect(refused.status).toBe(403);
    expect(refused.headers.getSetCookie()).toEqual([]);
  });
});

describe('two Cookie lines of one request', () => {
  /** By hand: HTTP clients join them before they send. */
  async function refreshWithLines(lines: string[]): Promise<string> {
    const { port } = new URL(fleet.urls.latchkey);
    const socket = connect(Number(port), 'localhost');
    const head = [
      'POST /refresh HTTP/1.1',
      `Host: localhost:${port}`,
      'Connection: close',
      'Content-Length: 0',
    ];
    socket.write(`${[...head, ...lines.map((line) => `Cookie: ${line}`)].join('\r\n')}\r\n\r\n`);
    let received = '';
    for await (const chunk of socket) {
      received += chunk;
      if (received.includes('\r\n\r\n')) break;
    }
    return received;
  }

  it('are read as one by the service in workerd, which joins them with a comma', async () => {
    const json = { username: 'lines', email: 'lines@example.com', password: ADA.password };
    let cookie = cookieOf(await post(fleet.urls.latchkey, '/register', json));
    for (const write of [(mine: string) => ['a=b', mine], (mine: string) => [mine, 'a=b; c=d']]) {
      const received = await refreshWithLines(write(cookie));
      expect(received).toMatch(/^HTTP\/1\.1 200 /);
      cookie = /^set-cookie: (__Host-jwt=[^;]+);/im.exec(received)?.[1] ?? '';
    }
  });

  it('of a browser are one cookie whose value has a comma', async () => {
    const signedIn = await post(fleet.urls.latchkey, '/login', { username: 'lines', password: ADA.password });
    const received = await refreshWithLines([`a=b, ${cookieOf(signedIn)}\r\nSec-Fetch-Site: same-origin`]);
    expect(received).toMatch(/^HTTP\/1\.1 401 /);
  });
});

describe('examples/mounted', () => {
  it('registers, refreshes, serves its keys and its page, and leaves the rest alone', async () => {
    const { mounted } = fleet.urls;
    const registered = await post(mounted, '/auth/register', ADA, { Origin: mounted });
    expect(registered.status).toBe(201);
    expect((await post(mounted, '/auth/refresh', undefined, { Cookie: cookieOf(registered) })).status).toBe(
      200,
    );
    const keys = await (await get(`${mounted}/auth/.well-known/jwks.json`)).json();
    expect(keys).toMatchObject({ keys: [{ kid: KID }] });
    for (const [file, text] of [
      ['account', '<!doctype html>'],
      ['account.js', 'fetch('],
      ['account.css', '{'],
    ]) {
      const page = await get(`${mounted}/auth/${file}`);
      expect([page.status, await page.text()]).toEqual([200, expect.stringContaining(text ?? '')]);
    }
    expect((await get(`${mounted}/auth/nothing`)).headers.get('Content-Type')).toBe(
      'application/problem+json',
    );
    expect(await (await get(mounted)).text()).toBe('My own page');
  });
});

describe('docs/how-to/resource-servers.md', () => {
  it.each(['resource-worker/worker.ts', 'resource-node/server.ts'])('quotes examples/%s as it is', (path) => {
    const code = readFileSync(join(ROOT, 'examples', path), 'utf8');
    const page = readFileSync(join(ROOT, 'docs/how-to/resource-servers.md'), 'utf8');
    expect(page).toContain(`\`\`\`ts\n${code.split('\n').slice(1).join('\n')}\`\`\``);
  });
});
