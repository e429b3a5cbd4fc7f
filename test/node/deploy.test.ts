import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT, runCli } from '../support/cli.ts';
import { makeCheckout, removeCheckout } from '../support/local-run.ts';

const copies: string[] = [];
afterAll(() => Promise.all(copies.map(removeCheckout)));

const REFUSAL =
  'ISSUER in wrangler.toml is still local. Set it to the public address of the service, such as';

/**
 * A copy of this project whose wrangler.toml names another issuer. Of what wrangler needs, and nothing else: other tests
 * make and remove files in this project meanwhile.
 */
async function copyProject(issuerLine: string): Promise<string> {
  const root = await makeCheckout();
  copies.push(root);
  const toml = readFileSync(join(root, 'wrangler.toml'), 'utf8');
  const changed = toml.replace(/^ISSUER = .*$/m, issuerLine);
  expect(changed).toContain(`\n${issuerLine}\n`);
  writeFileSync(join(root, 'wrangler.toml'), changed);
  return root;
}

describe('npm run deploy', () => {
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
    const root = await copyProject('ISSUER = "auth.example.com"');
    const before = readFileSync(join(root, 'wrangler.toml'), 'utf8');
    const { exitCode, stdout, stderr } = await runCli('deploy.ts', ['--dry-run', '--outdir', 'dist'], root);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(REFUSAL);
    expect(stdout).toBe('');
    expect(existsSync(join(root, 'dist'))).toBe(false);
    expect(readFileSync(join(root, 'wrangler.toml'), 'utf8')).toBe(before);
  });

  it('goes on with a public issuer, as far as a dry run goes', async () => {
    const root = await copyProject('ISSUER = "https://auth.example.com"');
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
