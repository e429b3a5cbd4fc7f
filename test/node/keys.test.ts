import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { unstable_getVarsForDev as getVarsForDev } from 'wrangler';
import { type Config, loadConfig } from '../../src/config/config.ts';
import { importAccessKeys } from '../../src/tokens/key-set.ts';
import { expectAbsent } from '../support/absence.ts';
import { type Finished, runCli } from '../support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'latchkey-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));

const runKeys = (...args: string[]) => runCli('keys.ts', args);

const HS256 = 'Kq3vT8xWz0LmNp5RsYb7CdEf2GhJ4uA9-access';
const REFRESH = 'Zx9wVu8tSr7qPo6nMl5kJi4hGf3eDc2b-refresh';
const HS256_FILE = `ACCESS_TOKEN_SECRET=${HS256}\nREFRESH_TOKEN_SECRET=${REFRESH}\n`;
const KEY = JSON.stringify({ kid: 'old', kty: 'EC', crv: 'P-256', x: 'eA', y: 'eQ', d: 'ZA' });
const TWICE = `ACCESS_TOKEN_SECRET='${KEY}'\nREFRESH_TOKEN_SECRET=a\nREFRESH_TOKEN_SECRET=${REFRESH}\n`;

let files = 0;

/** A file that holds this text. */
function write(text: string): string {
  files += 1;
  const path = join(folder, `${files}.vars`);
  writeFileSync(path, text);
  return path;
}

/** As wrangler reads `.dev.vars`, and files of secrets. */
function readByWrangler(text: string): Record<string, string> {
  writeFileSync(join(folder, '.dev.vars'), text);
  const bindings = getVarsForDev(join(folder, 'wrangler.toml'), undefined, {}, undefined, true);
  return Object.fromEntries(
    Object.entries(bindings).map(([name, binding]) => [
      name,
      'value' in binding ? String(binding.value) : '',
    ]),
  );
}

/** The configuration that these secrets make, once Web Crypto has agreed to the keys. */
async function accept(secrets: object): Promise<Config> {
  const bindings = { ACCOUNT: {}, DIRECTORY: {}, RATE_LIMIT: 'off', ISSUER: 'https://auth.test' };
  const loaded = loadConfig({ ...bindings, ...secrets });
  if (!loaded.ok) throw new Error(loaded.faults.join('; '));
  expect(await importAccessKeys(loaded.config.accessKeys)).toMatchObject({ ok: true });
  return loaded.config;
}

async function acceptOutput({ exitCode, stdout, stderr }: Finished, told = /^$/): Promise<Config> {
  expect(exitCode).toBe(0);
  expect(stderr).toMatch(told);
  expect(stdout).toMatch(/^ACCESS_TOKEN_SECRET='[^'\n]+'\nREFRESH_TOKEN_SECRET='[^'\n]+'\n$/);
  return accept(parseEnv(stdout));
}

/** Algorithm and kid of each access token key, in order. */
function keysOf({ accessKeys }: Config): (string | undefined)[][] {
  return accessKeys.kind === 'keys' ? accessKeys.keys.map(({ alg, jwk }) => [alg, jwk.kid]) : [];
}

describe('npm run keys', () => {
  it('rotates in two uploads: new ones stand by, then sign, then stay alone', async () => {
    const first = await runKeys();
    const inUse = await acceptOutput(first);
    const standby = await runKeys('--rotate', write(first.stdout), '--standby');
    const waiting = await acceptOutput(standby);
    expect(keysOf(waiting).slice(0, 1)).toEqual(keysOf(inUse));
    expect(keysOf(waiting)).toHaveLength(2);
    expect(waiting.refreshSecrets.slice(0, 1)).toEqual(inUse.refreshSecrets);
    expect(waiting.refreshSecrets).toHaveLength(2);
    const promoted = await runKeys('--promote', write(standby.stdout));
    const signing = await acceptOutput(promoted);
    expect(keysOf(signing)).toEqual(keysOf(waiting).reverse());
    expect(signing.refreshSecrets).toEqual([...waiting.refreshSecrets].reverse());
    const retired = await runKeys('--retire', write(promoted.stdout));
    const alone = await acceptOutput(retired, /^Left out: access keys: 1, refresh secrets: 1\./);
    // What that does to people, in words; and no secret among them.
    for (const words of ['sessions whose refresh token', 'are signed out', 'device cookies', 'unknown until'])
      expect(retired.stderr).toContain(words);
    expectAbsent(retired.stderr, signing.refreshSecrets);
    expect(keysOf(alone)).toEqual(keysOf(signing).slice(0, 1));
    expect(alone.refreshSecrets).toEqual(signing.refreshSecrets.slice(0, 1));
  });

  it('reads back what --json printed', async () => {
    const { stdout } = await runKeys('--json');
    const config = await acceptOutput(await runKeys('--rotate', write(stdout)));
    expect(keysOf(config)).toHaveLength(2);
    expect(config.refreshSecrets).toHaveLength(2);
  });

  it.each([
    ['a file that is not there', ['--rotate', '/nowhere/at.all'], /ENOENT/],
    ['a file without secrets', ['--promote', write('A=b')], /ACCESS_TOKEN_SECRET is missing/],
    ['a file of broken JSON', ['--retire', write('{"ACCESS')], /is not valid JSON/],
    ['--standby alone', ['--standby'], /goes with --rotate/],
    ['two steps at once', ['--rotate', 'a', '--retire', 'b'], /exclude each other/],
    ['half of what is none', ['--only', 'both'], /--only must be one of access, refresh/],
    ['--replace-access alone', ['--replace-access'], /goes with --rotate/],
    [
      'a replacement that stands by',
      ['--rotate', 'a', '--standby', '--replace-access'],
      /neither with --standby/,
    ],
    ['a secret that is set twice', ['--retire', write(TWICE)], /REFRESH_TOKEN_SECRET is set twice/],
    [
      'a secret that wrangler and Node read differently',
      ['--promote', write(`ACCESS_TOKEN_SECRET='${HS256}\\''\nREFRESH_TOKEN_SECRET='${REFRESH}'\n`)],
      /ACCESS_TOKEN_SECRET is read differently by wrangler and by Node/,
    ],
  ])('says what is wrong with %s, in a line', async (_, args, message) => {
    const { exitCode, stdout, stderr } = await runKeys(...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr.trim()).not.toContain('\n');
  });

  it('prints an ES256 key and a refresh secret of 256 bits, in the form of .dev.vars', async () => {
    const today = () => new Date().toISOString().slice(0, 10);
    const before = today();
    const config = await acceptOutput(await runKeys());
    const [[alg, kid] = []] = keysOf(config);
    expect(alg).toBe('ES256');
    expect(kid).toMatch(/^\d{4}-\d\d-\d\d-[0-9a-f]{8}$/);
    expect([before, today()]).toContain(kid?.slice(0, 10));
    expect(config.refreshSecrets).toEqual([expect.stringMatching(/^[\w-]{43}$/)]);
  });

  it.each(['ES256', 'EdDSA', 'RS256'])(
    'prints a private key for --alg %s that the service accepts',
    async (alg) => {
      const config = await acceptOutput(await runKeys('--alg', alg));
      expect(keysOf(config)).toEqual([[alg, expect.any(String)]]);
      expect(config.accessKeys).toMatchObject({ keys: [{ isPrivate: true, jwk: { alg, use: 'sig' } }] });
    },
  );

  it('prints two different secrets for --alg HS256', async () => {
    const { accessKeys, refreshSecrets } = await acceptOutput(await runKeys('--alg', 'HS256'));
    expect(accessKeys).toEqual({ kind: 'secret', secret: expect.stringMatching(/^[\w-]{43}$/) });
    expect(accessKeys.kind === 'secret' && accessKeys.secret).not.toBe(refreshSecrets[0]);
  });

  it('prints others each time', async () => {
    const [one, two] = await Promise.all([runKeys('--alg', 'EdDSA'), runKeys('--alg', 'EdDSA')]);
    const [first, second] = [await acceptOutput(one), await acceptOutput(two)];
    expect(keysOf(first)[0]?.[1]).not.toBe(keysOf(second)[0]?.[1]);
    expect(first.accessKeys).not.toEqual(second.accessKeys);
    expect(first.refreshSecrets).not.toEqual(second.refreshSecrets);
  });

  it('prints the same as JSON with --json', async () => {
    const { exitCode, stdout } = await runKeys('--json');
    expect(exitCode).toBe(0);
    const secrets: object = JSON.parse(stdout);
    expect(Object.keys(secrets)).toEqual(['ACCESS_TOKEN_SECRET', 'REFRESH_TOKEN_SECRET']);
    expect(keysOf(await accept(secrets))).toHaveLength(1);
  });
});

describe('npm run keys -- --rotate', () => {
  it('puts the new key and the new secret first, and keeps those in use behind them, again and again', async () => {
    const first = await runKeys();
    const old = await acceptOutput(first);
    const second = await runKeys('--alg', 'EdDSA', '--rotate', write(first.stdout));
    const rotated = await acceptOutput(second);
    expect(keysOf(rotated)).toEqual([['EdDSA', expect.any(String)], ...keysOf(old)]);
    expect(rotated.refreshSecrets).toEqual([expect.any(String), ...old.refreshSecrets]);

    const third = await acceptOutput(await runKeys('--rotate', write(second.stdout)));
    expect(keysOf(third)).toEqual([['ES256', expect.any(String)], ...keysOf(rotated)]);
    expect(third.refreshSecrets).toEqual([expect.any(String), ...rotated.refreshSecrets]);
    expect(new Set(third.refreshSecrets).size).toBe(3);
  });

  it('replaces an HS256 secret only when told to, and keeps the refresh secret', async () => {
    const secret = await runKeys('--alg', 'HS256');
    const old = await acceptOutput(secret);
    for (const alg of ['HS256', 'ES256']) {
      const args = ['--alg', alg, '--rotate', write(secret.stdout), '--replace-access'];
      const rotated = await acceptOutput(await runKeys(...args));
      expect(rotated.accessKeys).not.toEqual(old.accessKeys);
      expect(rotated.accessKeys.kind).toBe(alg === 'HS256' ? 'secret' : 'keys');
      expect(rotated.refreshSecrets).toEqual([expect.any(String), ...old.refreshSecrets]);
    }
  });

  it.each([
    [['--rotate'], HS256_FILE],
    [['--standby', '--rotate'], HS256_FILE],
    [['--alg', 'HS256', '--rotate'], HS256_FILE],
    [['--promote'], HS256_FILE],
    [['--retire'], HS256_FILE],
  ])('refuses %j of an HS256 access secret, and says what there is instead', async (args, text) => {
    const { exitCode, stdout, stderr } = await runKeys(...args, write(text));
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain('ACCESS_TOKEN_SECRET is not a key set');
    expect(stderr).toContain('--only refresh');
    expect(stderr).toContain('--replace-access');
    expectAbsent(stderr, [HS256]);
  });

  it('refuses to put an HS256 secret beside the keys of a set', async () => {
    const { stdout: keys } = await runKeys();
    const { exitCode, stdout, stderr } = await runKeys('--alg', 'HS256', '--rotate', write(keys));
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain('--alg HS256 makes no key for a key set');
  });

  it('takes the refresh secret of an HS256 service through all three steps with --only refresh', async () => {
    const standby = await runKeys('--rotate', write(HS256_FILE), '--standby', '--only', 'refresh');
    expect(parseEnv(standby.stdout)).toEqual({
      ACCESS_TOKEN_SECRET: HS256,
      REFRESH_TOKEN_SECRET: expect.stringMatching(new RegExp(`^${REFRESH},[\\w-]{43}$`)),
    });
    const promoted = await runKeys('--promote', write(standby.stdout), '--only', 'refresh');
    const retired = await runKeys('--retire', write(promoted.stdout), '--only', 'refresh');
    expect(retired.stderr).toMatch(/^Left out: access keys: 0, refresh secrets: 1\./);
    expect(parseEnv(retired.stdout)).toEqual({
      ACCESS_TOKEN_SECRET: HS256,
      REFRESH_TOKEN_SECRET: expect.stringMatching(/^[\w-]{43}$/),
    });
  });

  it('makes one of the two with --only', async () => {
    expect((await runKeys('--only', 'refresh')).stdout).toMatch(/^REFRESH_TOKEN_SECRET='[\w-]{43}'\n$/);
    expect((await runKeys('--only', 'access')).stdout).toMatch(/^ACCESS_TOKEN_SECRET='\{.*\}'\n$/);
  });

  it.each([
    ['ACCESS_TOKEN_SECRET', 'REFRESH_TOKEN_SECRET=never-to-be-printed\n'],
    ['REFRESH_TOKEN_SECRET', 'ACCESS_TOKEN_SECRET=never-to-be-printed\n'],
  ])('fails without %s in the file, and prints neither a new secret nor an old one', async (name, text) => {
    const { exitCode, stdout, stderr } = await runKeys('--rotate', write(text));
    expect(exitCode).not.toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toContain(`${name} is missing`);
    expect(stderr).not.toContain('never-to-be-printed');
  });

  it('fails without the file', async () => {
    const { exitCode, stdout, stderr } = await runKeys('--rotate', join(folder, 'no-such-file'));
    expect(exitCode).not.toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toContain('no-such-file');
  });
});

describe('a step of a rotation', () => {
  const others = `# Mine, and it says "keep".
ISSUER=https://auth.example.com   # where it is

export ADMIN_TOKEN="an # token 'of' mine"
MAIL_FROM = no-reply@example.com
`;
  const end = '\nAFTER=`back "ticks" and \'quotes\'`\n# the end';

  it.each(['--rotate', '--promote', '--retire'])('prints every other line of the file: %s', async (step) => {
    const { stdout: keys } = await runKeys();
    const [access = '', refresh = ''] = keys.split('\n');
    const { exitCode, stdout } = await runKeys(
      step,
      write(`${others}${refresh}\n# between\n${access}${end}`),
    );
    expect(exitCode).toBe(0);
    const pattern = /^(.*)REFRESH_TOKEN_SECRET='[^'\n]+'\n# between\nACCESS_TOKEN_SECRET='[^'\n]+'(.*)$/s;
    const [, before, after] = pattern.exec(stdout) ?? [];
    expect({ before, after }).toEqual({ before: others, after: end });
    expect(parseEnv(stdout)).toMatchObject({ ADMIN_TOKEN: "an # token 'of' mine" });
  });

  it.each([
    [
      'single quotes',
      `it's-"not"-quite-so-short-a-secret`,
      'REFRESH_TOKEN_SECRET=`it\'s-"not"-quite-so-short-a-secret`',
    ],
    [
      'a hash',
      'a#hash-in-a-secret-that-is-long-enough-1',
      "REFRESH_TOKEN_SECRET='a#hash-in-a-secret-that-is-long-enough-1'",
    ],
    [
      'double quotes',
      'is"not"quite-so-short-a-secret-as-that',
      `REFRESH_TOKEN_SECRET='is"not"quite-so-short-a-secret-as-that'`,
    ],
    [
      'backslashes',
      'C:\\new\\not-quite-so-short-a-secret-1',
      "REFRESH_TOKEN_SECRET='C:\\new\\not-quite-so-short-a-secret-1'",
    ],
    ['a line end', 'two\nlines', 'REFRESH_TOKEN_SECRET="two\\nlines"'],
  ])('keeps a secret with %s, as Node and wrangler read it', async (_, secret, line) => {
    const { exitCode, stdout } = await runKeys('--rotate', write(`ACCESS_TOKEN_SECRET='${KEY}'\n${line}\n`));
    expect(exitCode).toBe(0);
    for (const read of [parseEnv(stdout), readByWrangler(stdout)]) {
      const { ACCESS_TOKEN_SECRET = '', REFRESH_TOKEN_SECRET = '' } = read;
      expect(JSON.parse(ACCESS_TOKEN_SECRET)).toMatchObject({ keys: [{ kty: 'EC' }, JSON.parse(KEY)] });
      expect(REFRESH_TOKEN_SECRET.slice(43)).toBe(`,${secret}`);
    }
  });

  it('keeps the other members of a JSON file with --json, and writes them as lines without', async () => {
    const first = JSON.parse((await runKeys('--json')).stdout) as object;
    const file = write(
      JSON.stringify({ ADMIN_TOKEN: `it's "mine"`, ...first, PASSWORD_MIN_LENGTH: 12, GONE: null }),
    );
    const { stdout } = await runKeys('--rotate', file, '--json');
    const members = JSON.parse(stdout) as Record<string, unknown>;
    expect(Object.keys(members)).toEqual([
      'ADMIN_TOKEN',
      'ACCESS_TOKEN_SECRET',
      'REFRESH_TOKEN_SECRET',
      'PASSWORD_MIN_LENGTH',
      'GONE',
    ]);
    expect(members).toMatchObject({ ADMIN_TOKEN: `it's "mine"`, PASSWORD_MIN_LENGTH: 12, GONE: null });
    expect((await runKeys('--rotate', file)).stderr).toContain('GONE is no text: --json keeps it');
    const lines = await runKeys('--rotate', write(JSON.stringify({ ...members, GONE: 'no' })));
    expect(parseEnv(lines.stdout)).toMatchObject({ ADMIN_TOKEN: `it's "mine"`, PASSWORD_MIN_LENGTH: '12' });
  });

  it('keeps the variables of an .env file with --json', async () => {
    const { stdout } = await runKeys('--retire', write(`A='b c'\n${(await runKeys()).stdout}`), '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      A: 'b c',
      ACCESS_TOKEN_SECRET: expect.stringContaining('"EC"'),
    });
  });
});

describe('npm run keys with something else', () => {
  it.each(['--help', '-h'])('explains itself for %s, and prints no key', async (flag) => {
    const { exitCode, stdout, stderr } = await runKeys(flag);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    for (const word of ['--alg', '--rotate', '--json', 'ES256, EdDSA, RS256, HS256'])
      expect(stdout).toContain(word);
    expect(stdout).not.toContain('SECRET=');
  });

  it.each(['HS512', 'none', 'es256', ''])(
    'ends with 2 for the algorithm %j, and prints no key',
    async (alg) => {
      expect(await runKeys('--alg', alg)).toEqual({
        exitCode: 2,
        stdout: '',
        stderr: '--alg must be one of ES256, EdDSA, RS256, HS256\n',
      });
    },
  );

  it('fails for an option that does not exist, and prints no key', async () => {
    const { exitCode, stdout, stderr } = await runKeys('--algorithm', 'ES256');
    expect(exitCode).not.toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toContain("Unknown option '--algorithm'");
  });
});
