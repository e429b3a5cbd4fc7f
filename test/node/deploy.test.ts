import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { PROJECT_ROOT, runCli } from '../support/cli.ts';

// Each test starts wrangler, which bundles the Worker.
vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), 'latchkey-deploy-'));
afterAll(() => rmSync(folder, { recursive: true }));

const REFUSAL =
  'ISSUER in wrangler.toml is still local. Set it to the public address of the service, such as';

/** What is large, made by a run, or secret. */
const LEFT_OUT = ['node_modules', '.git', '.wrangler', 'dist', 'bench', 'test', '.dev.vars'];

/** A copy of this project whose wrangler.toml names another issuer. */
function copyProject(name: string, issuerLine: string): string {
  const root = join(folder, name);
  const isLeftOut = (path: string) => LEFT_OUT.includes(relative(PROJECT_ROOT, path));
  cpSync(PROJECT_ROOT, root, { recursive: true, filter: (path) => !isLeftOut(path) });
  symlinkSync(join(PROJECT_ROOT, 'node_modules'), join(root, 'node_modules'));
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
    const root = copyProject('no-url', 'ISSUER = "auth.example.com"');
    const before = readFileSync(join(root, 'wrangler.toml'), 'utf8');
    const { exitCode, stdout, stderr } = await runCli('deploy.ts', ['--dry-run', '--outdir', 'dist'], root);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(REFUSAL);
    expect(stdout).toBe('');
    expect(existsSync(join(root, 'dist'))).toBe(false);
    expect(readFileSync(join(root, 'wrangler.toml'), 'utf8')).toBe(before);
  });

  it('goes on with a public issuer, as far as a dry run goes', async () => {
    const root = copyProject('public', 'ISSUER = "https://auth.example.com"');
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
