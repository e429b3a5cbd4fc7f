import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { type Config, loadConfig } from '../../src/config.ts';
import { importAccessKeys } from '../../src/tokens/key-ring.ts';
import { type Finished, runCli } from '../support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'latchkey-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));

const runKeys = (...args: string[]) => runCli('keys.ts', args);

let files = 0;

/** A file that holds this text. */
function write(text: string): string {
  files += 1;
  const path = join(folder, `${files}.vars`);
  writeFileSync(path, text);
  return path;
}

/** The configuration that these secrets make, once Web Crypto has agreed to the keys. */
async function accept(secrets: object): Promise<Config> {
  const bindings = { ACCOUNT: {}, DIRECTORY: {}, RATE_LIMIT: 'off', ISSUER: 'https://auth.test' };
  const loaded = loadConfig({ ...bindings, ...secrets });
  if (!loaded.ok) throw new Error(loaded.faults.join('; '));
  expect(await importAccessKeys(loaded.config.accessKeys)).toMatchObject({ ok: true });
  return loaded.config;
}

async function acceptOutput({ exitCode, stdout, stderr }: Finished): Promise<Config> {
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
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
    const alone = await acceptOutput(await runKeys('--retire', write(promoted.stdout)));
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
    const second = await runKeys('--alg', 'EdDSA', '--rotate', write(`# mine\nISSUER=x\n${first.stdout}`));
    const rotated = await acceptOutput(second);
    expect(keysOf(rotated)).toEqual([['EdDSA', expect.any(String)], ...keysOf(old)]);
    expect(rotated.refreshSecrets).toEqual([expect.any(String), ...old.refreshSecrets]);

    const third = await acceptOutput(await runKeys('--rotate', write(second.stdout)));
    expect(keysOf(third)).toEqual([['ES256', expect.any(String)], ...keysOf(rotated)]);
    expect(third.refreshSecrets).toEqual([expect.any(String), ...rotated.refreshSecrets]);
    expect(new Set(third.refreshSecrets).size).toBe(3);
  });

  it('replaces an HS256 secret, which has no room for a second one, and keeps the refresh secret', async () => {
    const secret = await runKeys('--alg', 'HS256');
    const old = await acceptOutput(secret);
    for (const alg of ['HS256', 'ES256']) {
      const rotated = await acceptOutput(await runKeys('--alg', alg, '--rotate', write(secret.stdout)));
      expect(rotated.accessKeys).not.toEqual(old.accessKeys);
      expect(rotated.accessKeys.kind).toBe(alg === 'HS256' ? 'secret' : 'keys');
      expect(rotated.refreshSecrets).toEqual([expect.any(String), ...old.refreshSecrets]);
    }
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
