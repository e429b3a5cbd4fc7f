// The contenders as processes: started, reached, ended. Each runs in a group of its own, so that ending it takes its
// workerd along.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Entry } from './contract.ts';

export interface Serving {
  url: string;
  stop(): Promise<void>;
}

const children: ChildProcess[] = [];

/** Starts a contender with its state in a folder. Rejects when it ends before it serves. */
export async function startContender(
  { module, alg }: Pick<Entry, 'module' | 'alg'>,
  state: string,
): Promise<Serving> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'serve.ts'), module, alg, state], {
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  children.push(child);
  const url = await Promise.race([
    once(child, 'message').then(([message]) => String(message)),
    once(child, 'exit').then(() => Promise.reject(new Error(`${module} did not start`))),
  ]);
  return { url, stop: () => stop(child) };
}

/** Ends what is still running. */
export async function stopAll(): Promise<void> {
  await Promise.all(children.map(stop));
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  process.kill(-child.pid, 'SIGKILL');
  await exit;
}
