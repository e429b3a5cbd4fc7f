// What `npm start` checks and fills in before it runs wrangler, with a wrangler that only records how it is called.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { FakeWrangler } from '../support/fake-wrangler.ts';

const folder = mkdtempSync(join(tmpdir(), 'latchkey-start-'));
afterAll(() => rmSync(folder, { recursive: true }));

const ACCESS = 'Kq3vT8xWz0LmNp5RsYb7CdEf2GhJ4uA9-access';
const REFRESH = 'Zx9wVu8tSr7qPo6nMl5kJi4hGf3eDc2b-refresh';
const SECRETS = `ACCESS_TOKEN_SECRET=${ACCESS}\nREFRESH_TOKEN_SECRET=${REFRESH}\n`;
const LOCAL = `${SECRETS}ISSUER=http://localhost:8787\nRATE_LIMIT=off\n`;
const MIGRATE = 'd1 migrations apply DIRECTORY --local';

let copies = 0;

function copy(devVars?: string, edit: (toml: string) => string = (toml) => toml): FakeWrangler {
  copies += 1;
  const fake = new FakeWrangler(join(folder, `copy-${copies}`));
  if (devVars !== undefined) fake.write('.dev.vars', devVars);
  fake.write('wrangler.toml', edit(fake.read('wrangler.toml')));
  return fake;
}

/** The arguments of each call, without those that name file and environment. */
function steps(calls: string[][]): string[] {
  return calls.map((call) => call.filter((arg) => !/^--(config|env)=/.test(arg)).join(' '));
}

describe('npm start with a .dev.vars that is there', () => {
  it('leaves one with secrets as it is', async () => {
    const fake = copy(LOCAL);
    const { exitCode, calls, stderr } = await fake.run('start.ts', []);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(steps(calls)).toEqual([MIGRATE, 'dev']);
    expect(fake.read('.dev.vars')).toBe(LOCAL);
  });

  it.each([
    ['no line for them', `# mine\nADMIN_TOKEN='a "quoted" # token of 32 bytes or so'\nRATE_LIMIT=off`],
    [
      'empty lines for them',
      `# mine\nACCESS_TOKEN_SECRET=\nRATE_LIMIT=off\nREFRESH_TOKEN_SECRET=''   # later\n`,
    ],
  ])('fills in the secrets, for its owner alone, and keeps every other line: %s', async (_, text) => {
    const fake = copy(text.replace('ADMIN_TOKEN=', '#ADMIN_TOKEN='));
    const before = fake.read('.dev.vars');
    const { exitCode, stdout, stderr } = await fake.run('start.ts', []);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain('Wrote a fresh ACCESS_TOKEN_SECRET and REFRESH_TOKEN_SECRET into .dev.vars');
    const after = fake.read('.dev.vars');
    const secret = /^(ACCESS|REFRESH)_TOKEN_SECRET=(''|'[^'\n]+')?/;
    const others = (lines: string) =>
      lines
        .split('\n')
        .map((line) => line.replace(secret, ''))
        .filter((line) => line !== '');
    expect(others(after)).toEqual(others(before));
    expect(JSON.parse(parseEnv(after).ACCESS_TOKEN_SECRET ?? '')).toMatchObject({ kty: 'EC' });
    expect(parseEnv(after).REFRESH_TOKEN_SECRET).toMatch(/^[\w-]{43}$/);
    expect(statSync(join(fake.root, '.dev.vars')).mode & 0o777).toBe(0o600);
  });

  it('fills in the one that is missing, and not the other', async () => {
    const fake = copy(`REFRESH_TOKEN_SECRET=${REFRESH}\n`);
    expect((await fake.run('start.ts', [])).exitCode).toBe(0);
    expect(fake.read('.dev.vars')).toMatch(
      new RegExp(`^REFRESH_TOKEN_SECRET=${REFRESH}\nACCESS_TOKEN_SECRET='\\{.+\\}'\n$`),
    );
  });

  it("completes the environment's own file, and names the environment in both steps", async () => {
    const staging = (toml: string) =>
      `${toml.replace(/^ISSUER = .*$/m, 'ISSUER = "https://auth.example.com"')}
[env.staging]
vars = { ISSUER = "http://localhost:8787", RATE_LIMIT = "off" }
durable_objects = { bindings = [{ name = "ACCOUNT", class_name = "Account" }] }
d1_databases = [{ binding = "DIRECTORY", database_name = "s", migrations_dir = "src/directory/migrations" }]
`;
    const fake = copy(LOCAL, staging);
    fake.write('.dev.vars.staging', '# staging\n');
    const { exitCode, calls } = await fake.run('start.ts', ['--env', 'staging', '--persist-to', 'state']);
    expect(exitCode).toBe(0);
    expect(steps(calls)).toEqual([`${MIGRATE} --persist-to=state`, 'dev --persist-to=state']);
    for (const call of calls) expect(call).toContain('--env=staging');
    expect(fake.read('.dev.vars')).toBe(LOCAL);
    expect(fake.read('.dev.vars.staging')).toMatch(/^# staging\nACCESS_TOKEN_SECRET=/);
  });
});

describe('npm start, checking the settings', () => {
  it('prints every fault of .dev.vars and wrangler.toml, and starts nothing', async () => {
    const fake = copy(`${LOCAL}REFRESH_GRACE=1h\nADMIN_TOKEN=short\n`, (toml) =>
      toml.replace('[vars]\n', '[vars]\nCOOKIE_SAME_SITE = "strict"\n'),
    );
    const { exitCode, calls, stderr } = await fake.run('start.ts', []);
    expect({ exitCode, calls }).toEqual({ exitCode: 1, calls: [] });
    expect(stderr).toContain('REFRESH_GRACE must be between 0s and 600s\n');
    expect(stderr).toContain('ADMIN_TOKEN is too short: 5 bytes, at least 32 are needed\n');
    expect(stderr).toContain('COOKIE_SAME_SITE must be one of Strict, Lax, None\n');
    expect(stderr).toContain('Nothing was started: correct these settings in .dev.vars or wrangler.toml.');
  });

  it('tries the keys as the service does', async () => {
    const key = { kty: 'EC', crv: 'P-256', x: 'eA', y: 'eQ', d: 'ZA' };
    const fake = copy(`ACCESS_TOKEN_SECRET='${JSON.stringify(key)}'\nREFRESH_TOKEN_SECRET=${REFRESH}\n`);
    const { exitCode, calls, stderr } = await fake.run('start.ts', []);
    expect({ exitCode, calls }).toEqual({ exitCode: 1, calls: [] });
    expect(stderr).toContain('ACCESS_TOKEN_SECRET key 1: is refused by Web Crypto');
  });

  it('asks for the nearest name of a setting that it does not know, and starts', async () => {
    const fake = copy(`${LOCAL}ALOWED_ORIGINS=https://app.test\nOWN=1\n`, (toml) =>
      toml.replace('[vars]\n', '[vars]\nCOOKIE_SAMESITE = "Lax"\n'),
    );
    const { exitCode, stderr } = await fake.run('start.ts', []);
    expect(exitCode).toBe(0);
    expect(stderr.trim().split('\n').sort()).toEqual([
      'Warning: ALOWED_ORIGINS is no setting and has no effect: did you mean ALLOWED_ORIGINS?',
      'Warning: COOKIE_SAMESITE is no setting and has no effect: did you mean COOKIE_SAME_SITE?',
    ]);
  });
});

describe('npm start with options', () => {
  it.each([
    [['--port', '8901'], 'dev --port=8901 --var=ISSUER:http://localhost:8901'],
    [['--port=8901', '--var', 'A:b'], 'dev --port=8901 --var=A:b --var=ISSUER:http://localhost:8901'],
    [['--local-protocol', 'https'], 'dev --local-protocol=https --var=ISSUER:https://localhost:8787'],
    [['--port', '8787'], 'dev --port=8787'],
    [['--port', '0'], 'dev --port=0'],
    [
      ['--port', '8901', '--var', 'ISSUER:https://tunnel.example.com'],
      'dev --port=8901 --var=ISSUER:https://tunnel.example.com',
    ],
  ])('gives the issuer the port of the run: %j', async (args, step) => {
    const { exitCode, calls } = await copy(LOCAL).run('start.ts', args);
    expect(exitCode).toBe(0);
    expect(steps(calls)).toEqual([MIGRATE, step]);
  });

  it('leaves an issuer alone that is not local, and keeps the path of one that is', async () => {
    const elsewhere = LOCAL.replace('http://localhost:8787', 'https://tunnel.example.com');
    const { calls } = await copy(elsewhere).run('start.ts', ['--port', '8901']);
    expect(steps(calls)).toEqual([MIGRATE, 'dev --port=8901']);
    const path = LOCAL.replace('http://localhost:8787', 'http://127.0.0.1:9/tenant');
    const { calls: others } = await copy(path).run('start.ts', []);
    expect(steps(others)).toEqual([MIGRATE, 'dev --var=ISSUER:http://127.0.0.1:8787/tenant']);
  });

  it('refuses what wrangler dev does not take, before anything is done', async () => {
    const fake = copy();
    const { exitCode, calls, stderr } = await fake.run('start.ts', ['--prot', '8901']);
    expect({ exitCode, calls }).toEqual({ exitCode: 1, calls: [] });
    expect(stderr).toContain('--prot is no option of this command. Nothing was started');
    expect(() => fake.read('.dev.vars')).toThrow('ENOENT');
  });
});
