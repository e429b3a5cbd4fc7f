// The contenders as processes: started, reached, ended. Each runs in a group of its own, so that ending it takes its
// workerd along.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Entry } from './contract.ts';

export interface Serving {
  url: string;
  /** The process that serves: workerd, or Node where there is none. */
  pid: number;
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
  return { url, pid: findWorkerd(child.pid ?? 0) ?? child.pid ?? 0, stop: () => stop(child) };
}

/** Ends what is still running. */
export async function stopAll(): Promise<void> {
  await Promise.all(children.map(stop));
}

/** Processor time that a process has used so far, in seconds, user and system together. Linux only. */
export function readCpuSeconds(pid: number): number {
  // proc(5): the second field is a name in parentheses, utime and stime are the 14th and 15th, in hundredths of a second.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident memory of a process, in MiB. Linux only. */
export function readMemoryMiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  process.kill(-child.pid, 'SIGKILL');
  await exit;
}

function findWorkerd(pid: number): number | undefined {
  const ids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  return ids.map(Number).find((id) => readFileSync(`/proc/${id}/comm`, 'utf8').trim() === 'workerd');
}
