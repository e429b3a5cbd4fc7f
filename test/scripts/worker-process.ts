// The bundled Worker as a process group of its own: started on a state folder, asked over HTTP, killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { bundleWorker } from '../support/bundled-worker.ts';

/** A temporary folder: the bundle in it, and room for state. Removed when the script ends. */
export function makeWorkFolder(source?: string): { bundle: string; state: string } {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  bundleWorker(join(folder, 'bundle'), source);
  return { bundle: join(folder, 'bundle/index.js'), state: join(folder, 'state') };
}

export interface Answer {
  status: number;
  headers: Headers;
  body: string;
  /** The value of the refresh cookie, if one was set. */
  cookie: string | undefined;
}

export class WorkerProcess {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  static async start(
    { bundle, state }: { bundle: string; state: string },
    settings: Record<string, string> = {},
  ): Promise<WorkerProcess> {
    // detached: a group of its own, so that a kill reaches workerd as well as the process that started it.
    const args = [join(import.meta.dirname, 'serve.ts'), bundle, state, JSON.stringify(settings)];
    const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
    process.once('exit', () => killGroup(child));
    const lines = createInterface({ input: child.stdout });
    for await (const line of lines) {
      // The log lines of the Worker follow; nobody reads them, but the pipe must not fill up.
      child.stdout.resume();
      return new WorkerProcess(child, line);
    }
    throw new Error('the worker did not start');
  }

  /** SIGKILL for all of it, at once. Resolves when it is gone. */
  async kill(): Promise<void> {
    const exit = once(this.#child, 'exit');
    killGroup(this.#child);
    await exit;
  }

  /** Rejects when the connection does, which is what a killed process does to its clients. */
  async post(path: string, { json, cookie }: { json?: object; cookie?: string } = {}): Promise<Answer> {
    const response = await fetch(`${this.url}${path}`, {
      method: 'POST',
      headers: {
        ...(json !== undefined && { 'Content-Type': 'application/json' }),
        ...(cookie !== undefined && { Cookie: `__Host-jwt=${cookie}` }),
      },
      ...(json !== undefined && { body: JSON.stringify(json) }),
    });
    const [line] = response.headers.getSetCookie();
    return {
      status: response.status,
      headers: response.headers,
      body: await response.text(),
      cookie: line?.slice('__Host-jwt='.length).split(';', 1)[0],
    };
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  process.kill(-child.pid, 'SIGKILL');
}
