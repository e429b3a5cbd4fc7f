// The operators' command line against a service that runs: real processes, from the first account to the last.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Finished, PROJECT_ROOT, runCli } from '../support/cli.ts';
import { findFreePort } from '../support/free-port.ts';
import { LocalRun, makeCheckout, removeCheckout } from '../support/local-run.ts';

const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789abcdef';
const PASSWORD = 'correct horse battery staple';
const DEV_VARS = `ACCESS_TOKEN_SECRET='access-token-secret-of-the-tests-0123456789'
REFRESH_TOKEN_SECRET='refresh-token-secret-of-the-tests-0123456789'
ADMIN_TOKEN='${ADMIN_TOKEN}'
`;
const DONE = { exitCode: 0, stdout: 'Done.\n', stderr: '' };

let folder = '';
let run: LocalRun | undefined;
let url = '';

beforeAll(async () => {
  folder = await makeCheckout();
  await writeFile(join(folder, '.dev.vars'), DEV_VARS);
  run = await LocalRun.start(folder);
  ({ url } = run);
});

afterAll(async () => {
  run?.kill();
  await removeCheckout(folder);
});

function post(path: string, body: object): Promise<Response> {
  return fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}

let people = 0;

/** A fresh account, signed in: each test makes its own. */
async function register(): Promise<{ id: string; username: string; email: string }> {
  people += 1;
  const username = `ada-${people}`;
  const email = `${username}@example.com`;
  const response = await post('/register', { username, email, password: PASSWORD });
  const { user } = (await response.json()) as { user: { id: string } };
  return { id: user.id, username, email };
}

function admin(args: string[], at = url, token = ADMIN_TOKEN): Promise<Finished> {
  return runCli('admin.ts', [...args, '--operator', 'grace'], PROJECT_ROOT, {
    ADMIN_TOKEN: token,
    LATCHKEY_URL: at,
  });
}

async function adminJson<T>(...args: string[]): Promise<T> {
  const { exitCode, stdout, stderr } = await admin([...args, '--json']);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout) as T;
}

interface Detail {
  disabled: boolean;
  mustResetPassword: boolean;
  sessions: unknown[];
  events: { kind: string; operator: string | null }[];
}

async function signIn(username: string): Promise<number> {
  return (await post('/login', { username, password: PASSWORD })).status;
}

describe('npm run admin, against a service that runs', () => {
  it('lists, searches and shows accounts, for people and for scripts', async () => {
    const { id, username, email } = await register();
    expect((await admin(['list'])).stdout).toMatch(new RegExp(`^${id}  ${username} +${email} `, 'm'));
    expect((await admin(['search', 'nobody'])).stdout).toBe('No account.\n');
    expect(await adminJson('search', email.slice(0, -1), '--unverified')).toMatchObject({
      accounts: [{ id, emailVerified: false }],
      count: 1,
      cursor: null,
    });
    expect((await admin(['search', email])).stdout).toContain('1 account.');
    expect((await admin(['search', email, '--disabled'])).stdout).toBe('No account.\n');
    expect((await admin(['show', id])).stdout).toContain('Sessions: 1');
    expect(await adminJson('show', id)).toMatchObject({ user: { id, username }, disabled: false });
  });

  it('creates an account, and says what is wrong with one that it cannot create', async () => {
    const names = ['--username', 'bob', '--email', 'bob@example.com'];
    const created = await admin(['create', ...names]);
    expect(created).toEqual({
      exitCode: 0,
      stdout: expect.stringMatching(/^Created bob \([\w-]{22}\)\.\n$/),
      stderr: '',
    });
    expect((await admin(['search', 'bob'])).stdout).toContain('bob@example.com');
    expect(await admin(['create', ...names])).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: '409 This user name is taken\n',
    });
    const faulty = await admin(['create', '--username', 'a b', '--email', 'c@example.com']);
    expect(faulty).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringContaining('username ') });
  });

  it('disables and enables an account, under the operator’s name', async () => {
    const { id, username } = await register();
    expect(await admin(['disable', id])).toEqual(DONE);
    expect(await signIn(username)).toBe(403);
    const { disabled, sessions, events } = await adminJson<Detail>('show', id);
    expect({ disabled, sessions }).toEqual({ disabled: true, sessions: [] });
    expect(events[0]).toMatchObject({ kind: 'disabled', operator: 'grace' });
    expect(await adminJson('search', username, '--disabled')).toMatchObject({ accounts: [{ id }], count: 1 });
    expect(await admin(['enable', id])).toEqual(DONE);
    expect(await adminJson('search', username, '--disabled')).toMatchObject({ accounts: [], count: 0 });
    expect(await signIn(username)).toBe(200);
  });

  it('ends sessions, and forces a new password', async () => {
    const { id, username } = await register();
    expect((await adminJson<Detail>('show', id)).sessions).toHaveLength(1);
    expect(await adminJson('end-sessions', id)).toEqual({ done: true });
    expect((await adminJson<Detail>('show', id)).sessions).toEqual([]);
    expect(await admin(['force-reset', id])).toEqual(DONE);
    expect(await adminJson<Detail>('show', id)).toMatchObject({ mustResetPassword: true });
    expect(await signIn(username)).toBe(403);
  });

  it('says why nothing happened: a wrong token, nobody there, no such account, a slip', async () => {
    const { id } = await register();
    expect(await admin(['list'], url, `${ADMIN_TOKEN}x`)).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: '401 Unauthorized\n',
    });
    const nobody = `http://localhost:${await findFreePort()}`;
    expect(await admin(['list'], nobody)).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: `no response from ${nobody}\n`,
    });
    const unknown = await admin(['show', 'A'.repeat(22)]);
    expect(unknown).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringMatching(/^not found: /) });
    for (const slip of [['shut', id], ['disable'], ['search'], ['create'], ['delete', id], []]) {
      expect((await admin(slip)).exitCode, slip.join(' ')).toBe(2);
    }
    expect((await adminJson<Detail>('show', id)).disabled).toBe(false);
  });

  it('deletes an account for good, when that is said twice', async () => {
    const { id, username } = await register();
    await admin(['enable', id]);
    expect(await admin(['delete', id, '--yes'])).toEqual(DONE);
    expect((await admin(['show', id])).exitCode).toBe(1);
    expect(await signIn(username)).toBe(401);
    const { stdout } = await admin(['audit', '--account', id, '--limit', '1']);
    expect(stdout).toMatch(/grace +delete +[\w-]{22} +done/);
    expect(stdout).toContain('More: --cursor ');
  });
});
