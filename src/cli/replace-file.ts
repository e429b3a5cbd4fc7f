// A file that somebody else's lines are in: written whole, or left as it was.
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';

/**
 * Puts a text in place of a file, which keeps its mode unless `mode` names another. Written beside it first: a full disk or a kill leaves
 * the old file. Throws what the system says.
 */
export function replaceFile(path: string, text: string, mode = statSync(path).mode): void {
  const target = realpathSync(path); // where a link leads
  const beside = `${target}.${process.pid}.tmp`;
  try {
    const file = openSync(beside, 'wx', 0o600);
    try {
      fchmodSync(file, mode); // whatever the umask is
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(beside, target);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}
