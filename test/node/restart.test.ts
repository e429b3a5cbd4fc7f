// The service as a newcomer runs it, stopped and started again: real processes, real files.
import { appendFile, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePort } from '../support/free-port.ts';
import { LocalRun, makeCheckout, removeCheckout } from '../support/local-run.ts';

const ADA = { username: 'ada', email: 'ada@example.com', password: 'correct horse battery staple' };
const BOB = { ...ADA, username: 'bob', email: 'bob@example.com' };

let folder = '';
let port = 0;
const runs: LocalRun[] = [];

async function start(): Promise<LocalRun> {
  const run = await LocalRun.start(folder, port);
  runs.push(run);
  return run;
}

afterAll(async () => {
  for (const run of runs) run.kill();
  if (folder !== '') await removeCheckout(folder);
});

interface Pair {
  accessToken: string;
  expiresIn: number;
  /** The `name=value` of the refresh cookie. */
  cookie: string;
}

function post(run: LocalRun, path: string, body?: object, cookie?: string): Promise<Response> {
  return run.fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(cookie !== undefined && { Cookie: cookie }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

async function readPair(response: Response, status = 200): Promise<Pair> {
  expect(response.status).toBe(status);
  const { accessToken, expiresIn } = (await response.json()) as Pair;
  const [cookie = ''] = response.headers.getSetCookie().map((line) => line.split(';', 1)[0] ?? '');
  expect(cookie).toMatch(/^__Host-jwt=./);
  return { accessToken, expiresIn, cookie };
}

async function readKeys(run: LocalRun): Promise<unknown[]> {
  const { keys } = (await (await run.fetch('/.well-known/jwks.json')).json()) as { keys: unknown[] };
  return keys;
}

/** What the first run left behind, as seen before the second. */
interface FirstRun {
  devVars: { mode: number; text: string };
  health: unknown;
  keys: unknown[];
  registered: Pair;
  refreshed: Pair;
  /** Bob's tokens, in the order in which he got them. */
  chain: Pair[];
  exitCode: number | null;
  output: string;
  stillResponds: boolean;
}

async function runOnce(): Promise<FirstRun> {
  const run = await start();
  const path = join(folder, '.dev.vars');
  const devVars = { mode: (await stat(path)).mode & 0o777, text: await readFile(path, 'utf8') };
  const health: unknown = await (await run.fetch('/health')).json();
  const keys = await readKeys(run);
  const registered = await readPair(await post(run, '/register', ADA), 201);
  const refreshed = await readPair(await post(run, '/refresh', undefined, registered.cookie));
  const chain = [await readPair(await post(run, '/register', BOB), 201)];
  for (let n = 0; n < 2; n += 1)
    chain.push(await readPair(await post(run, '/refresh', undefined, chain.at(-1)?.cookie)));
  const exitCode = await run.stop();
  const { output } = run;
  return {
    devVars,
    health,
    keys,
    registered,
    refreshed,
    chain,
    exitCode,
    output,
    stillResponds: await run.responds(),
  };
}

describe('npm start', () => {
  let first: FirstRun;
  let second: LocalRun;

  beforeAll(async () => {
    folder = await makeCheckout();
    port = await findFreePort();
    first = await runOnce();
    await appendFile(join(folder, '.dev.vars'), 'ACCESS_TOKEN_TTL=7m\n');
    second = await start();
  });

  it('makes secrets that only their owner may read, and a key to sign with', () => {
    expect(first.devVars.mode).toBe(0o600);
    expect(first.devVars.text).toMatch(/^ACCESS_TOKEN_SECRET='\{.*"kty":"EC".*\}'$/m);
    expect(first.devVars.text).toMatch(/^REFRESH_TOKEN_SECRET='[\w-]{43}'$/m);
    expect(first.keys).toEqual([expect.objectContaining({ kty: 'EC', crv: 'P-256', alg: 'ES256' })]);
    expect(JSON.stringify(first.keys)).not.toContain('"d"');
  });

  it('is up and signs people in, with nothing else set up', () => {
    expect(first.health).toMatchObject({ status: 'ok' });
    expect(first.registered.expiresIn).toBe(600);
    expect(first.refreshed.cookie).not.toBe(first.registered.cookie);
  });

  it('has the address of this run for its issuer, and builds once', () => {
    const [, claims = ''] = first.registered.accessToken.split('.');
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
      iss: `http://localhost:${port}`,
    });
    expect(first.output).not.toContain('changed, restarting build');
    expect(first.output.match(/Starting local server/g)).toHaveLength(1);
  });

  it('stops when it is told to', () => {
    // 143 is how a process that was asked to end (signal 15) says so to a shell.
    expect([0, 143]).toContain(first.exitCode);
    expect(first.stillResponds).toBe(false);
  });

  it('keeps the secrets at the second start', async () => {
    const text = await readFile(join(folder, '.dev.vars'), 'utf8');
    expect(text).toBe(`${first.devVars.text}ACCESS_TOKEN_TTL=7m\n`);
    expect(await readKeys(second)).toEqual(first.keys);
  });

  it('keeps sessions, accounts and names across the restart, and takes a changed setting', async () => {
    const me = await second.fetch('/me', {
      headers: { Authorization: `Bearer ${first.refreshed.accessToken}` },
    });
    expect(me.status).toBe(200);
    expect(await me.json()).toMatchObject({ user: { username: ADA.username, email: ADA.email } });

    const refreshed = await readPair(await post(second, '/refresh', undefined, first.refreshed.cookie));
    expect(refreshed.cookie).not.toBe(first.refreshed.cookie);
    expect(refreshed.expiresIn).toBe(420);
    const { username, password } = ADA;
    expect((await readPair(await post(second, '/login', { username, password }))).expiresIn).toBe(420);
    expect((await post(second, '/login', { username, password: 'wrong' })).status).toBe(401);
    expect((await post(second, '/register', { ...ADA, email: 'other@example.com' })).status).toBe(409);
  });

  it('still knows a stolen token after the restart', async () => {
    const { username, password } = BOB;
    const signedIn = await readPair(await post(second, '/login', { username, password }));
    const [ancestor, , current] = first.chain;
    for (const { cookie } of [ancestor, current].filter((pair) => pair !== undefined)) {
      const refused = await post(second, '/refresh', undefined, cookie);
      expect(refused.status).toBe(401);
      expect(await refused.json()).toMatchObject({ code: 'session_ended' });
    }
    await readPair(await post(second, '/refresh', undefined, signedIn.cookie));
  });
});
