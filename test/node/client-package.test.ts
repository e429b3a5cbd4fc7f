// The client as it is published: built, small, without imports, and with types that need nothing of ours.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Finished, PROJECT_ROOT, runCli } from '../support/cli.ts';

const USE = `import { createClient, type ClientState, type LatchkeyError, type SessionInfo } from './client/types/client/index.js';
export const client = createClient({ baseUrl: 'https://auth.example.com' });
export const state: ClientState = client.state;
export const sessions: Promise<SessionInfo[]> = client.sessions.list();
export const isTaken = (error: LatchkeyError) => error.code === 'username_taken';
// @ts-expect-error there is no such method
client.nothing();
`;

describe('latchkey/client', () => {
  // Nothing above it: no node_modules to find a schema library in.
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-client-'));
  let built: Finished;

  beforeAll(async () => {
    built = await runCli('build-client.ts', []);
    cpSync(join(PROJECT_ROOT, 'dist/client'), join(folder, 'client'), { recursive: true });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is built within its budget, in the place that package.json names', () => {
    expect(built.exitCode, built.stderr).toBe(0);
    const { exports } = JSON.parse(readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8'));
    for (const path of Object.values<string>(exports['./client']))
      expect(readFileSync(join(PROJECT_ROOT, path), 'utf8')).toContain('createClient');
  });

  it('imports nothing, and runs as it is', async () => {
    const path = join(folder, 'client/index.js');
    expect(readFileSync(path, 'utf8')).not.toMatch(/\bimport\b|\brequire\b/);
    const { createClient } = await import(/* @vite-ignore */ path);
    expect(createClient({ baseUrl: 'https://auth.example.com' }).state.status).toBe('unknown');
  });

  it.each(['bundler', 'nodenext'])('has types that stand alone, for %s', (resolution) => {
    writeFileSync(join(folder, 'use.ts'), USE);
    const module = resolution === 'bundler' ? 'esnext' : resolution;
    const flags = ['--ignoreConfig', '--strict', '--noEmit', '--skipLibCheck', 'false', '--types', ''];
    const target = ['--target', 'es2022', '--lib', 'es2024,dom', '--module', module];
    const tsc = join(PROJECT_ROOT, 'node_modules/typescript/bin/tsc');
    const args = [tsc, ...flags, ...target, '--moduleResolution', resolution, 'use.ts'];
    expect(execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })).toBe('');
  });
});
