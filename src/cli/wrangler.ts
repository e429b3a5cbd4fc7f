// Runs the project's own wrangler under the Node that runs us, from the project's root.
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

/** The folder that holds package.json and wrangler.toml. */
export const PROJECT_ROOT = fileURLToPath(new URL('../..', import.meta.url));

const WRANGLER = fileURLToPath(new URL('../../node_modules/wrangler/bin/wrangler.js', import.meta.url));

/** Runs wrangler with our own terminal, and resolves to its exit code. Signals that stop us stop it first. */
export function runWrangler(args: string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  const child = spawn(process.execPath, [WRANGLER, ...args], {
    cwd: PROJECT_ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  process.on('SIGINT', forward).on('SIGTERM', forward).on('SIGHUP', forward);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      process.off('SIGINT', forward).off('SIGTERM', forward).off('SIGHUP', forward);
      resolve(code ?? (signal === 'SIGINT' || signal === 'SIGTERM' ? 0 : 1));
    });
  });
}

export type Captured = { ok: true; stdout: string } | { ok: false; complaint: string };

/** Runs wrangler and returns what it printed, or what it complained of, without colours. */
export function captureWrangler(args: string[]): Captured {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [WRANGLER, ...args], {
    cwd: PROJECT_ROOT,
    encoding: 'utf8',
    stdio: ['inherit', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined) throw error;
  if (status === 0) return { ok: true, stdout };
  return { ok: false, complaint: stripVTControlCharacters(`${stderr}${stdout}`).trim() };
}
