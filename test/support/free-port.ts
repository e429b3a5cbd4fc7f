// Ports for processes that have to be told theirs before they start.
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Below the ports that systems hand out by themselves: none of those is taken between this response and its use. */
const FIRST = 20_000;
const COUNT = 12_000;
/** One file for each port that a test has been given: also another run of the tests on this machine leaves it alone. */
const RESERVATIONS = join(tmpdir(), 'latchkey-test-ports');
const reserved: string[] = [];

process.once('exit', () => {
  for (const path of reserved) rmSync(path, { force: true });
});

/** A port on which nobody listens just now, and which nobody else is given while this process runs. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (!reserve(port)) continue;
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, () => resolve(true));
    });
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** Whether the port was nobody's. A reservation of a process that is gone is taken over. */
function reserve(port: number): boolean {
  mkdirSync(RESERVATIONS, { recursive: true });
  const path = join(RESERVATIONS, String(port));
  try {
    const file = openSync(path, 'wx');
    writeSync(file, String(process.pid));
    closeSync(file);
    reserved.push(path);
    return true;
  } catch {
    if (isHeld(path)) return false;
    rmSync(path, { force: true });
    return false;
  }
}

function isHeld(path: string): boolean {
  try {
    // An empty file is being written just now. Signal 0 only asks.
    const pid = Number(readFileSync(path, 'utf8'));
    return pid === 0 || process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
