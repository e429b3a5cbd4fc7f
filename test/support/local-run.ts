// The service as a newcomer runs it: `npm start` in a copy of the project, as processes of their own. For test/node.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { findFreePort } from './free-port.ts';

const ROOT = join(import.meta.dirname, '../..');
/** What `npm start` reads, all of it in the repository. */
const SOURCES = ['src', 'package.json', 'tsconfig.json', 'wrangler.toml'];
/** For what hangs: on a busy machine the start takes minutes. */
const START_DEADLINE_MS = 5 * 60_000;
const STOP_DEADLINE_MS = 2 * 60_000;
/** A socket can be open before anybody serves it. */
const HEALTH_DEADLINE_MS = 10_000;
const POLL_MS = 100;

/** A fresh checkout after `npm ci`: no secrets, no state. */
export async function makeCheckout(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-'));
  for (const name of SOURCES) await cp(join(ROOT, name), join(folder, name), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'dir');
  return folder;
}

export function removeCheckout(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** One run of the service. */
export class LocalRun {
  readonly url: string;
  readonly #child: ChildProcess;
  #output = '';

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
    const keep = (chunk: Buffer) => {
      this.#output += chunk;
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
  }

  /** Starts it, and waits until it responds. The port is part of the issuer: a second run keeps sessions on the same one alone. */
  static async start(folder: string, givenPort?: number): Promise<LocalRun> {
    const port = givenPort ?? (await findFreePort());
    // wrangler's own choice is one port for all: two that start at once both find it free, and one of them ends.
    const inspectorPort = await findFreePort();
    // A group of its own, so that `kill` reaches wrangler and workerd too. wrangler's own files stay in the checkout.
    const child = spawn(
      process.execPath,
      ['src/cli/start.ts', '--port', String(port), '--inspector-port', String(inspectorPort)],
      {
        cwd: folder,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, XDG_CONFIG_HOME: join(folder, '.config') },
      },
    );
    const run = new LocalRun(child, `http://localhost:${port}`);
    try {
      await run.#untilReady();
      return run;
    } catch (error) {
      run.kill();
      throw error;
    }
  }

  /** What it has printed so far. */
  get output(): string {
    return this.#output;
  }

  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(`${this.url}${path}`, init);
  }

  /** Whether it is up, and its settings are sound. */
  async responds(): Promise<boolean> {
    try {
      const response = await this.fetch('/health', { signal: AbortSignal.timeout(HEALTH_DEADLINE_MS) });
      return response.status === 200;
    } catch {
      return false;
    }
  }

  /** Asks it to stop, as a terminal or a supervisor would, and resolves to the exit code. */
  async stop(): Promise<number | null> {
    if (this.#child.exitCode !== null) return this.#child.exitCode;
    this.#child.kill('SIGTERM');
    await once(this.#child, 'exit', { signal: AbortSignal.timeout(STOP_DEADLINE_MS) });
    return this.#child.exitCode;
  }

  /** Ends whatever is left of it, at once. */
  kill(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // Nothing is left.
    }
  }

  async #untilReady(): Promise<void> {
    const deadlineMs = Date.now() + START_DEADLINE_MS;
    while (!(await this.responds())) {
      if (this.#child.exitCode !== null || Date.now() > deadlineMs) {
        throw new Error(`the service did not start:\n${this.#output}`);
      }
      await wait(POLL_MS);
    }
  }
}
