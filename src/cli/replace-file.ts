// Replaces a file of the user: afterwards it has the whole new text, or the old one.
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
 * Replaces the content of a file, which keeps its mode unless `mode` is given. The text is written to a temporary file that is then
 * renamed, so that a full disk or a kill leaves the old file. Throws the errors of the file system.
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
