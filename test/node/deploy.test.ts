import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT, runCli } from '../support/cli.ts';
import { copyProject, FakeWrangler, type Replies } from '../support/fake-wrangler.ts';

const folder = mkdtempSync(join(tmpdir(), 'latchkey-deploy-'));
afterAll(() => rmSync(folder, { recursive: true }));

const REFUSAL =
  'ISSUER in wrangler.toml is still local. Set it to the public address of the service, such as';
const PUBLIC = 'ISSUER = "https://auth.example.com"';
const ID = '0b6d7c2e-1111-4222-8333-944455556666';
const OTHER_ID = '7f000000-aaaa-4bbb-8ccc-0123456789ab';
const ACCESS = 'Kq3vT8xWz0LmNp5RsYb7CdEf2GhJ4uA9-access';
const HOOK = 'Pm4nQ8rS2tU6vW0xY3zA7bC1dE5fG9hJ-webhook';
const REFRESH = 'Zx9wVu8tSr7qPo6nMl5kJi4hGf3eDc2b-refresh';
const BOTH = [{ name: 'ACCESS_TOKEN_SECRET' }, { name: 'REFRESH_TOKEN_SECRET' }];
const NO_WORKER = {
  exitCode: 1,
  stderr:
    '\u001b[31m✘ \u001b[41;31m[\u001b[41;97mERROR\u001b[41;31m]\u001b[0m \u001b[1mWorker "latchkey" not found.\u001b[0m\n',
};

let copies = 0;

/** A copy of this project with a recording wrangler, whose wrangler.toml was edited. */
function copy(edit: (toml: string) => string = (toml) => toml): FakeWrangler {
  copies += 1;
  const fake = new FakeWrangler(join(folder, `copy-${copies}`));
  const toml = fake.read('wrangler.toml').replace(/^ISSUER = .*$/m, () => PUBLIC);
  fake.write('wrangler.toml', edit(toml));
  return fake;
}

const withId = (toml: string) =>
  toml.replace('database_name = "latchkey-directory"\n', (line) => `${line}database_id = "${ID}"\n`);

const listing = (...databases: { name: string; uuid: string }[]) => ({ stdout: JSON.stringify(databases) });
const secrets = (...names: { name: string }[]) => ({ 'secret list': [{ stdout: JSON.stringify(names) }] });

/** A first deployment: no Worker yet, and a database that exists once it was made. */
const fresh = (name: string): Replies => ({
  'secret list': [NO_WORKER],
  'd1 list': [
    listing({ name: `${name}-old`, uuid: OTHER_ID }),
    listing({ name: `${name}-old`, uuid: OTHER_ID }, { name, uuid: ID }),
  ],
  'd1 create': [{ stdout: `Made for account ${OTHER_ID}\ndatabase_id = "${OTHER_ID}"\n` }],
});

/** The arguments of each step, without those that name file and environment. */
function steps(calls: string[][]): string[] {
  return calls.map((call) => call.filter((arg) => !/^--(config|env)=/.test(arg)).join(' '));
}

const MIGRATE = 'd1 migrations apply DIRECTORY --remote';
const LIST = 'secret list --format=json';

describe('npm run deploy, asking for the secrets', () => {
  it('goes on when the Worker has both, and deploys what the options say', async () => {
    const { exitCode, calls, stderr } = await copy(withId).run(
      'deploy.ts',
      ['--message', 'm'],
      secrets(...BOTH),
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(steps(calls)).toEqual([LIST, MIGRATE, 'deploy --message=m']);
  });

  it('says how to make them for a Worker that does not exist', async () => {
    const { exitCode, calls, stderr } = await copy(withId).run('deploy.ts', [], {
      'secret list': [NO_WORKER],
    });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('no ACCESS_TOKEN_SECRET and REFRESH_TOKEN_SECRET yet');
    expect(steps(calls)).toEqual([LIST]);
  });

  it.each([
    [
      'a token that may not',
      'A request to the Cloudflare API failed.\n\n  Authentication error [code: 10000]',
    ],
    [
      'another thing that is not found',
      'Could not route to /client/v4, perhaps your object identifier is invalid? [code: 7003]',
    ],
  ])('stops with the words of wrangler for %s, and advises no new secret', async (_, words) => {
    const replies = { 'secret list': [{ exitCode: 1, stderr: `✘ [ERROR] ${words}\n` }] };
    for (const args of [[], ['--secrets-file', '.prod.vars']]) {
      const fake = copy(withId);
      fake.write('.prod.vars', `ACCESS_TOKEN_SECRET=${ACCESS}\nREFRESH_TOKEN_SECRET=${REFRESH}\n`);
      const { exitCode, calls, stderr } = await fake.run('deploy.ts', args, replies);
      expect(exitCode).toBe(1);
      expect(stderr).toContain(words);
      expect(stderr).not.toContain('npm run --silent keys');
      expect(steps(calls)).toEqual([LIST]);
    }
  });

  it.each([
    ['ACCESS_TOKEN_SECRET', 'REFRESH_TOKEN_SECRET', '--only refresh'],
    ['REFRESH_TOKEN_SECRET', 'ACCESS_TOKEN_SECRET', '--only access'],
  ])('names the one that is missing beside %s, and leaves that alone', async (present, missing, only) => {
    const { exitCode, calls, stderr } = await copy(withId).run('deploy.ts', [], secrets({ name: present }));
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`${present} is there, and ${missing} is not`);
    expect(stderr).toContain(`npm run --silent keys -- ${only}`);
    expect(stderr).toContain(`Leave ${present} as it is`);
    expect(steps(calls)).toEqual([LIST]);
  });

  it('takes the missing one from the file', async () => {
    const fake = copy(withId);
    fake.write('.prod.vars', `REFRESH_TOKEN_SECRET='${REFRESH}'\n`);
    const replies = secrets({ name: 'ACCESS_TOKEN_SECRET' });
    const { exitCode, calls } = await fake.run('deploy.ts', ['--secrets-file=.prod.vars'], replies);
    expect(exitCode).toBe(0);
    expect(steps(calls)).toEqual([LIST, MIGRATE, 'deploy --secrets-file=.prod.vars']);
  });

  it('stops for a file that is not there, before anything is done', async () => {
    const { exitCode, calls, stderr } = await copy(withId).run('deploy.ts', ['--secrets-file', 'nowhere']);
    expect({ exitCode, calls }).toEqual({ exitCode: 1, calls: [] });
    expect(stderr).toContain('ENOENT');
    expect(stderr).not.toContain('at ');
  });
});

describe('npm run deploy with options', () => {
  it('creates, migrates and asks nothing in a dry run, however it is spelled', async () => {
    const fake = copy();
    for (const args of [['--dry-run=true'], ['--dryRun']]) {
      const { exitCode, calls } = await fake.run('deploy.ts', args);
      expect(exitCode).toBe(0);
      expect(steps(calls)).toEqual(['deploy --dry-run']);
    }
  });

  it('deploys for --no-dry-run', async () => {
    const { calls } = await copy(withId).run('deploy.ts', ['--no-dry-run'], secrets(...BOTH));
    expect(steps(calls)).toEqual([LIST, MIGRATE, 'deploy --dry-run=false']);
  });

  it.each([
    [['--dry-rum'], '--dry-rum is no option'],
    [['--env'], '--env needs a value'],
    [['src/index.ts'], 'src/index.ts is no option'],
  ])('refuses %j before anything is done', async (args, message) => {
    const { exitCode, calls, stderr } = await copy().run('deploy.ts', args);
    expect({ exitCode, calls }).toEqual({ exitCode: 1, calls: [] });
    expect(stderr).toContain(message);
  });

  it('gives each step those that it takes', async () => {
    const fake = copy(withId);
    const args = ['--name', 'other', '--profile=work', '--var', 'REGISTRATION:closed', 'RATE_LIMIT:on'];
    args.push('--keepVars', '--no-minify', '--env-file', '.env.ci');
    fake.write('.env.ci', 'CI=true\n');
    const { exitCode, calls } = await fake.run('deploy.ts', args, secrets(...BOTH));
    expect(exitCode).toBe(0);
    expect(steps(calls)).toEqual([
      `${LIST} --name=other --profile=work --env-file=.env.ci`,
      `${MIGRATE} --profile=work --env-file=.env.ci`,
      'deploy --name=other --profile=work --var=REGISTRATION:closed --var=RATE_LIMIT:on --keep-vars --minify=false --env-file=.env.ci',
    ]);
    // Without an option, too, every step reads the file and the environment that were checked.
    const pinned = [`--config=${join(fake.root, 'wrangler.toml')}`, '--env='];
    for (const call of calls) expect(call).toEqual(expect.arrayContaining(pinned));
  });
});

const STAGING = `
[env.staging]
vars = { ISSUER = "https://staging.example.com" }
durable_objects = { bindings = [{ name = "ACCOUNT", class_name = "Account" }] }
send_email = [{ name = "EMAIL" }]
ratelimits = [
  { name = "SIGN_IN_LIMIT", namespace_id = "8711", simple = { limit = 100, period = 60 } },
  { name = "REGISTRATION_LIMIT", namespace_id = "8712", simple = { limit = 60, period = 60 } },
  { name = "REFRESH_LIMIT", namespace_id = "8713", simple = { limit = 600, period = 60 } },
]

[[env.staging.d1_databases]]
binding = "DIRECTORY"
database_name = "latchkey-staging"
migrations_dir = "src/directory/migrations"
`;

describe('npm run deploy of an environment', () => {
  const local = (toml: string) => `${toml.replace(PUBLIC, 'ISSUER = "http://localhost:8787"')}${STAGING}`;

  it.each([
    [['-e', 'staging'], {}],
    [[], { CLOUDFLARE_ENV: 'staging' }],
  ])(
    'reads its own variables, makes its own database and names it in every step: %j %j',
    async (args, env) => {
      const fake = copy(local);
      const before = fake.read('wrangler.toml');
      fake.write('.prod.vars', `ACCESS_TOKEN_SECRET=${ACCESS}\nREFRESH_TOKEN_SECRET=${REFRESH}\n`);
      const all = [...args, '--secrets-file', '.prod.vars'];
      const { exitCode, calls, stderr } = await fake.run('deploy.ts', all, fresh('latchkey-staging'), env);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(steps(calls)).toEqual([
        LIST,
        'd1 list --json',
        'd1 create latchkey-staging --update-config=false',
        'd1 list --json',
        MIGRATE,
        'deploy --secrets-file=.prod.vars',
      ]);
      for (const call of calls) expect(call).toContain('--env=staging');
      const name = 'database_name = "latchkey-staging"\n';
      expect(fake.read('wrangler.toml')).toBe(before.replace(name, `${name}database_id = "${ID}"\n`));
    },
  );

  it('refuses its local issuer, and names the environment', async () => {
    const fake = copy(
      (toml) => `${toml}${STAGING.replace('https://staging.example.com', 'http://localhost:8787')}`,
    );
    const { exitCode, calls, stderr } = await fake.run('deploy.ts', ['--env', 'staging']);
    expect({ exitCode, calls }).toEqual({ exitCode: 1, calls: [] });
    expect(stderr).toContain('ISSUER in wrangler.toml, [env.staging] is still local');
  });

  it('refuses one that the file does not have, or that lacks a binding', async () => {
    const fake = copy((toml) => `${toml}${STAGING.replace(/durable_objects.*\n/, '')}`);
    const unknown = await fake.run('deploy.ts', ['--env', 'stagin', '--dry-run']);
    expect({ exitCode: unknown.exitCode, calls: unknown.calls }).toEqual({ exitCode: 1, calls: [] });
    expect(unknown.stderr).toContain('No environment found in configuration with name "stagin"');
    const unbound = await fake.run('deploy.ts', ['--env', 'staging', '--dry-run']);
    expect({ exitCode: unbound.exitCode, calls: unbound.calls }).toEqual({ exitCode: 1, calls: [] });
    expect(unbound.stderr).toContain('ACCOUNT is not bound');
  });

  it('takes the issuer of --var for that of the file', async () => {
    const args = ['--var', 'ISSUER:https://other.example.com', '--dry-run'];
    expect((await copy(local).run('deploy.ts', args)).exitCode).toBe(0);
  });
});

describe('npm run deploy, making the database', () => {
  const PROD = ['--secrets-file', '.prod.vars'];

  async function deployFresh(fake: FakeWrangler, name: string, args = PROD) {
    fake.write('.prod.vars', JSON.stringify({ ACCESS_TOKEN_SECRET: ACCESS, REFRESH_TOKEN_SECRET: REFRESH }));
    return fake.run('deploy.ts', args, fresh(name));
  }

  it('writes the id that wrangler lists for this very name', async () => {
    const fake = copy();
    const before = fake.read('wrangler.toml');
    const { exitCode, stdout } = await deployFresh(fake, 'latchkey-directory');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('wrote database_id into wrangler.toml');
    const name = 'database_name = "latchkey-directory"\n';
    expect(fake.read('wrangler.toml')).toBe(before.replace(name, `${name}database_id = "${ID}"\n`));
  });

  it('prints the id for a configuration in JSON, which --config may name', async () => {
    const fake = copy();
    const bindings = ['SIGN_IN_LIMIT', 'REGISTRATION_LIMIT', 'REFRESH_LIMIT'];
    const simple = { limit: 100, period: 60 };
    const config = {
      name: 'other',
      main: 'src/index.ts',
      compatibility_date: '2026-08-15',
      vars: { ISSUER: 'https://json.example.com' },
      durable_objects: { bindings: [{ name: 'ACCOUNT', class_name: 'Account' }] },
      send_email: [{ name: 'EMAIL' }],
      ratelimits: bindings.map((name, at) => ({ name, namespace_id: `${at}`, simple })),
      d1_databases: [{ binding: 'DIRECTORY', database_name: 'json-directory' }],
    };
    fake.write('other.jsonc', `// mine\n${JSON.stringify(config)}`);
    const before = fake.read('other.jsonc');
    const { exitCode, calls, stderr } = await deployFresh(fake, 'json-directory', [
      ...PROD,
      '-c',
      'other.jsonc',
    ]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('Put its id beside database_name in other.jsonc');
    expect(stderr).toContain(ID);
    for (const call of calls) expect(call).toContain(`--config=${join(fake.root, 'other.jsonc')}`);
    expect(fake.read('other.jsonc')).toBe(before);
  });

  it('takes no database that was there before', async () => {
    const fake = copy();
    fake.write('.prod.vars', `ACCESS_TOKEN_SECRET=${ACCESS}\nREFRESH_TOKEN_SECRET=${REFRESH}\n`);
    const replies = {
      'secret list': [NO_WORKER],
      'd1 list': [listing({ name: 'latchkey-directory', uuid: ID })],
    };
    const { exitCode, calls, stderr } = await fake.run('deploy.ts', PROD, replies);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('There is a D1 database latchkey-directory already');
    expect(stderr).toContain(`database_id = "${ID}"`);
    expect(steps(calls)).toEqual([LIST, 'd1 list --json']);
  });
});

describe('npm run deploy, checking the settings', () => {
  it('names every fault and stops before anything is made', async () => {
    const fake = copy((toml) =>
      withId(toml).replace(
        PUBLIC,
        `${PUBLIC}\nREFRESH_GRACE = "1h"\nAUDIENCE = "https://auth.example.com/refresh"`,
      ),
    );
    const { exitCode, calls, stderr } = await fake.run('deploy.ts', [], secrets(...BOTH));
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^REFRESH_GRACE must be between/m);
    expect(stderr).toMatch(/^AUDIENCE must differ/m);
    expect(steps(calls)).toEqual([LIST]);
  });

  it('judges the secrets of the file, and quotes none', async () => {
    const fake = copy(withId);
    fake.write(
      '.prod.vars',
      `ACCESS_TOKEN_SECRET=change-me-change-me-change-me-1234\nREFRESH_TOKEN_SECRET=${REFRESH}\n`,
    );
    const { exitCode, stderr } = await fake.run(
      'deploy.ts',
      ['--secrets-file', '.prod.vars'],
      secrets(...BOTH),
    );
    expect(exitCode).toBe(1);
    expect(stderr).toContain('ACCESS_TOKEN_SECRET is a placeholder from documentation');
    expect(stderr.split('change-me')).toHaveLength(1);
  });

  it('quotes nothing of a file of secrets that is not valid JSON', async () => {
    const fake = copy(withId);
    fake.write('.prod.json', `{"ACCESS_TOKEN_SECRET": ${REFRESH}}`);
    const run = await fake.run('deploy.ts', ['--secrets-file', '.prod.json'], secrets(...BOTH));
    expect(run).toMatchObject({ exitCode: 1, stderr: '.prod.json is not valid JSON\n', calls: [] });
  });

  it('refuses settings that are no secrets in the file of secrets: they would override those of wrangler.toml', async () => {
    const fake = copy(withId);
    const local = 'ISSUER=http://localhost:8787\nRATE_LIMIT=off\n';
    fake.write('.dev.vars', `ACCESS_TOKEN_SECRET=${ACCESS}\nREFRESH_TOKEN_SECRET=${REFRESH}\n${local}`);
    const run = await fake.run('deploy.ts', ['--secrets-file', '.dev.vars'], secrets());
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain('settings that are no secrets: ISSUER, RATE_LIMIT.');
    expect(run.calls).toEqual([]);
  });

  it('takes the address of the webhook and variables of an app from the file of secrets', async () => {
    const fake = copy(withId);
    const more = 'MAIL_WEBHOOK_URL=https://mail.test/hook\nSTRIPE_KEY=x\n';
    fake.write(
      '.prod.vars',
      `ACCESS_TOKEN_SECRET=${ACCESS}\nREFRESH_TOKEN_SECRET=${REFRESH}\nMAIL_WEBHOOK_SECRET=${HOOK}\n${more}`,
    );
    const run = await fake.run('deploy.ts', ['--secrets-file', '.prod.vars'], secrets());
    expect(run).toMatchObject({ exitCode: 0 });
  });

  it('warns of a setting that an earlier deployment has left as a secret', async () => {
    const fake = copy(withId);
    const run = await fake.run('deploy.ts', [], secrets(...BOTH, { name: 'RATE_LIMIT' }));
    expect(run.exitCode).toBe(0);
    expect(run.stderr).toContain('Warning: the Worker has RATE_LIMIT as a secret');
    expect(run.stderr).toContain('npx wrangler secret delete RATE_LIMIT');
  });

  it('asks for the nearest name of a setting that it does not know, and knows other variables', async () => {
    const fake = copy((toml) =>
      withId(toml).replace(
        PUBLIC,
        `${PUBLIC}\nALOWED_ORIGINS = ""\nacces_token_ttl = "5m"\nSTRIPE_KEY = "x"`,
      ),
    );
    const { exitCode, stderr } = await fake.run('deploy.ts', [], secrets(...BOTH, { name: 'ADMIN_TOCKEN' }));
    expect(exitCode).toBe(0);
    expect(stderr).toContain('ALOWED_ORIGINS is no setting and has no effect: did you mean ALLOWED_ORIGINS?');
    expect(stderr).toContain(
      'acces_token_ttl is no setting and has no effect: did you mean ACCESS_TOKEN_TTL?',
    );
    expect(stderr).toContain('ADMIN_TOCKEN is no setting and has no effect: did you mean ADMIN_TOKEN?');
    expect(stderr.split('STRIPE_KEY')).toHaveLength(1);
  });

  it('warns of a service that can send no mail', async () => {
    const WARNING = 'Warning: no mail can be sent';
    const noBinding = (toml: string) => withId(toml).replace(/\[\[send_email\]\]\nname = "EMAIL"\n/, '');
    const fake = copy(noBinding);
    const silent = await fake.run('deploy.ts', [], secrets(...BOTH));
    expect(silent.exitCode).toBe(0);
    expect(silent.stderr).toContain(WARNING);
    const url = { name: 'MAIL_WEBHOOK_URL' };
    const hook = await fake.run('deploy.ts', [], secrets(...BOTH, url, { name: 'MAIL_WEBHOOK_SECRET' }));
    expect(hook).toMatchObject({ exitCode: 0, stderr: '' });
    const half = await fake.run('deploy.ts', ['--var', 'MAIL_WEBHOOK_URL:https://m.test/'], secrets(...BOTH));
    expect(half.exitCode).toBe(1);
    expect(half.stderr).toContain('MAIL_WEBHOOK_SECRET is missing');
  });
});

/** A copy of this project with the real wrangler, whose wrangler.toml names another issuer. */
function copyWithWrangler(name: string, issuerLine: string): string {
  const root = join(folder, name);
  copyProject(root);
  symlinkSync(join(PROJECT_ROOT, 'node_modules'), join(root, 'node_modules'));
  const toml = readFileSync(join(root, 'wrangler.toml'), 'utf8');
  const changed = toml.replace(/^ISSUER = .*$/m, issuerLine);
  expect(changed).toContain(`\n${issuerLine}\n`);
  writeFileSync(join(root, 'wrangler.toml'), changed);
  return root;
}

describe('npm run deploy', () => {
  it('knows the words in which this wrangler says that there is no such Worker', async () => {
    const root = copyWithWrangler('no-worker', PUBLIC);
    writeFileSync(join(root, 'wrangler.toml'), withId(readFileSync(join(root, 'wrangler.toml'), 'utf8')));
    const asked: (string | undefined)[] = [];
    const api = createServer(({ url }, response) => {
      asked.push(url);
      const errors = [{ code: 10_007, message: 'This Worker does not exist on your account.' }];
      response.writeHead(404, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ success: false, errors, messages: [], result: null }));
    });
    await once(api.listen(0, '127.0.0.1'), 'listening');
    const { port } = api.address() as AddressInfo; // it listens on a port
    const { exitCode, stderr } = await runCli('deploy.ts', [], root, {
      CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${port}/client/v4`,
      CLOUDFLARE_API_TOKEN: 'none',
      CLOUDFLARE_ACCOUNT_ID: 'an-account',
      XDG_CONFIG_HOME: root,
    });
    api.close();
    expect(asked).toEqual(['/client/v4/accounts/an-account/workers/scripts/latchkey/secrets']);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^The Worker has no ACCESS_TOKEN_SECRET and REFRESH_TOKEN_SECRET yet/);
  });

  it('refuses the issuer that wrangler.toml comes with: it is local', async () => {
    const before = readFileSync(join(PROJECT_ROOT, 'wrangler.toml'), 'utf8');
    const { exitCode, stdout, stderr } = await runCli('deploy.ts', ['--dry-run']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(REFUSAL);
    expect(stderr).toContain('ISSUER = "https://auth.example.com"');
    // Nothing was started: wrangler would have said something.
    expect(stdout).toBe('');
    expect(readFileSync(join(PROJECT_ROOT, 'wrangler.toml'), 'utf8')).toBe(before);
  });

  it('refuses an issuer that is no URL, before anything is made or sent', async () => {
    const root = copyWithWrangler('no-url', 'ISSUER = "auth.example.com"');
    const before = readFileSync(join(root, 'wrangler.toml'), 'utf8');
    const { exitCode, stdout, stderr } = await runCli('deploy.ts', ['--dry-run', '--outdir', 'dist'], root);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(REFUSAL);
    expect(stdout).toBe('');
    expect(existsSync(join(root, 'dist'))).toBe(false);
    expect(readFileSync(join(root, 'wrangler.toml'), 'utf8')).toBe(before);
  });

  it('goes on with a public issuer, as far as a dry run goes', async () => {
    const root = copyWithWrangler('public', 'ISSUER = "https://auth.example.com"');
    const before = readFileSync(join(root, 'wrangler.toml'), 'utf8');
    const { exitCode, stdout } = await runCli('deploy.ts', ['--dry-run', '--outdir', 'dist'], root);
    expect(stdout).toContain('--dry-run: exiting now.');
    expect(stdout).toContain('https://auth.example.com');
    expect(exitCode).toBe(0);
    expect(existsSync(join(root, 'dist/index.js'))).toBe(true);
    // No database was made: its id would stand here.
    expect(readFileSync(join(root, 'wrangler.toml'), 'utf8')).toBe(before);
  });
});
