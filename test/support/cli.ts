// The command-line tools as people start them: a process of its own, and what came out of it.
import { execFile } from 'node:child_process';
import { join } from 'node:path';

export const PROJECT_ROOT = join(import.meta.dirname, '../..');

export interface Finished {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Runs `node src/cli/SCRIPT ARGS` in a project, by default this one, and waits for its end. `extra` joins the environment. */
export function runCli(
  script: string,
  args: string[],
  root = PROJECT_ROOT,
  extra: Record<string, string> = {},
): Promise<Finished> {
  const env = { ...process.env, WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1', ...extra };
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [join(root, 'src/cli', script), ...args],
      { cwd: root, env },
      (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : error.code;
        // A text, such as ENOENT, means that nothing was started.
        if (typeof exitCode === 'number') resolve({ exitCode, stdout, stderr });
        else reject(error);
      },
    );
  });
}
