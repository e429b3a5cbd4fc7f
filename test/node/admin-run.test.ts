// The operators' command line against a service that runs: real processes, from the first account to the last.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Finished, PROJECT_ROOT, runCli } from '../support/cli.ts';
import { LocalRun, makeCheckout, removeCheckout } from '../support/local-run.ts';

vi.setConfig({ testTimeout: 60_000 });

const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789abcdef';
const PASSWORD = 'correct horse battery staple';
const DEV_VARS = `ACCESS_TOKEN_SECRET='access-token-secret-of-the-tests-0123456789'
REFRESH_TOKEN_SECRET='refresh-token-secret-of-the-tests-0123456789'
ADMIN_TOKEN='${ADMIN_TOKEN}'
`;
const DONE = { exitCode: 0, stdout: 'Done.\n', stderr: '' };

let folder = '';
let run: LocalRun;
let id = '';

beforeAll(async () => {
  folder = await makeCheckout();
  await writeFile(join(folder, '.dev.vars'), DEV_VARS);
  run = await LocalRun.start(folder);
  const response = await post('/register', { username: 'ada', email: 'ada@example.com', password: PASSWORD });
  ({
    user: { id },
  } = (await response.json()) as { user: { id: string } });
}, 300_000);

afterAll(async () => {
  run.kill();
  await removeCheckout(folder);
});

function post(path: string, body: object): Promise<Response> {
  return run.fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}

function admin(args: string[], url = run.url, token = ADMIN_TOKEN): Promise<Finished> {
  return runCli('admin.ts', [...args, '--operator', 'grace'], PROJECT_ROOT, {
    ADMIN_TOKEN: token,
    LATCHKEY_URL: url,
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

async function signIn(): Promise<number> {
  return (await post('/login', { username: 'ada', password: PASSWORD })).status;
}

describe('npm run admin, against a service that runs', () => {
  it('lists, searches and shows accounts, for people and for scripts', async () => {
    expect((await admin(['list'])).stdout).toContain(`${id}  ada        ada@example.com`);
    expect((await admin(['search', 'nobody'])).stdout).toBe('No account.\n');
    expect(await adminJson('search', 'ad')).toMatchObject({ accounts: [{ id }], cursor: null });
    expect((await admin(['show', id])).stdout).toContain('Sessions: 1');
    expect(await adminJson('show', id)).toMatchObject({ user: { id, username: 'ada' }, disabled: false });
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
    expect(await admin(['disable', id])).toEqual(DONE);
    expect(await signIn()).toBe(403);
    const { disabled, sessions, events } = await adminJson<Detail>('show', id);
    expect({ disabled, sessions }).toEqual({ disabled: true, sessions: [] });
    expect(events[0]).toMatchObject({ kind: 'disabled', operator: 'grace' });
    expect(await admin(['enable', id])).toEqual(DONE);
    expect(await signIn()).toBe(200);
  });

  it('ends sessions, and forces a new password', async () => {
    expect((await adminJson<Detail>('show', id)).sessions).toHaveLength(1);
    expect(await adminJson('end-sessions', id)).toEqual({ done: true });
    expect((await adminJson<Detail>('show', id)).sessions).toEqual([]);
    expect(await admin(['force-reset', id])).toEqual(DONE);
    expect(await adminJson<Detail>('show', id)).toMatchObject({ mustResetPassword: true });
    expect(await signIn()).toBe(403);
  });

  it('says why nothing happened: a wrong token, nobody there, no such account, a slip', async () => {
    expect(await admin(['list'], run.url, `${ADMIN_TOKEN}x`)).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: '401 Unauthorized\n',
    });
    expect(await admin(['list'], 'http://localhost:1')).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'no answer from http://localhost:1\n',
    });
    const unknown = await admin(['show', 'A'.repeat(22)]);
    expect(unknown).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringMatching(/^not found: /) });
    for (const slip of [['shut', id], ['disable'], ['search'], ['create'], ['delete', id], []]) {
      expect((await admin(slip)).exitCode, slip.join(' ')).toBe(2);
    }
    expect((await adminJson<Detail>('show', id)).disabled).toBe(false);
  });

  it('deletes an account for good, when that is said twice', async () => {
    expect(await admin(['delete', id, '--yes'])).toEqual(DONE);
    expect((await admin(['show', id])).exitCode).toBe(1);
    expect(await signIn()).toBe(401);
  });
});
