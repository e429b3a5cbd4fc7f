// A copy of the project whose wrangler is a recorder: it writes down how it was called and says what a test tells it to. Its
// configuration reader and its command definitions are the real ones. For test/node.
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Finished, PROJECT_ROOT, runCli } from './cli.ts';

/** What is large, made by a run, or secret. */
const LEFT_OUT = ['node_modules', '.git', '.wrangler', 'dist', 'test', '.dev.vars'];

/** What a call prints, and how it ends. Of several replies, the first call gets the first; the last one stays. */
export interface Reply {
  stdout?: string;
  stderr?: string;
  exitCode?: number;
}

/** By the command: `secret list`, `d1 create`. A command that is not named prints nothing and succeeds. */
export type Replies = Record<string, Reply[]>;

const RECORDER = `
import { appendFileSync, readFileSync } from 'node:fs';
const here = new URL('.', import.meta.url);
const args = process.argv.slice(2);
const log = new URL('calls.jsonl', here);
const earlier = readFileSync(log, 'utf8').split('\\n').filter(Boolean).map((line) => JSON.parse(line));
appendFileSync(log, JSON.stringify(args) + '\\n');
const replies = JSON.parse(readFileSync(new URL('replies.json', here), 'utf8'));
const name = Object.keys(replies).find((key) => args.join(' ').startsWith(key)) ?? '';
const count = earlier.filter((call) => call.join(' ').startsWith(name)).length;
const { stdout = '', stderr = '', exitCode = 0 } = (replies[name] ?? []).at(Math.min(count, (replies[name] ?? []).length - 1)) ?? {};
process.stdout.write(stdout);
process.stderr.write(stderr);
process.exitCode = exitCode;
`;

/** Copies the project without its modules. */
export function copyProject(root: string): void {
  const isLeftOut = (path: string) => LEFT_OUT.includes(relative(PROJECT_ROOT, path));
  cpSync(PROJECT_ROOT, root, { recursive: true, filter: (path) => !isLeftOut(path) });
}

export class FakeWrangler {
  readonly root: string;
  readonly #folder: string;

  constructor(root: string) {
    this.root = root;
    copyProject(root);
    const modules = join(root, 'node_modules');
    this.#folder = join(modules, 'wrangler');
    mkdirSync(join(this.#folder, 'bin'), { recursive: true });
    for (const name of readdirSync(join(PROJECT_ROOT, 'node_modules')))
      if (name !== 'wrangler') symlinkSync(join(PROJECT_ROOT, 'node_modules', name), join(modules, name));
    const real = join(PROJECT_ROOT, 'node_modules/wrangler/wrangler-dist/cli.js');
    this.#write('package.json', JSON.stringify({ name: 'wrangler', type: 'module', exports: './main.js' }));
    this.#write('main.js', `export * from ${JSON.stringify(real)};\n`);
    this.#write('bin/wrangler.js', RECORDER);
  }

  /** Runs `npm run deploy` or another script, under these replies. */
  async run(
    script: string,
    args: string[],
    replies: Replies = {},
    env: Record<string, string> = {},
  ): Promise<Finished & { calls: string[][] }> {
    this.#write('bin/replies.json', JSON.stringify(replies));
    this.#write('bin/calls.jsonl', '');
    const finished = await runCli(script, args, this.root, { CLOUDFLARE_ENV: '', ...env });
    const lines = readFileSync(join(this.#folder, 'bin/calls.jsonl'), 'utf8').split('\n');
    return {
      ...finished,
      calls: lines.filter((line) => line !== '').map((line): string[] => JSON.parse(line)),
    };
  }

  read(name: string): string {
    return readFileSync(join(this.root, name), 'utf8');
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.root, name), text);
  }

  #write(name: string, text: string): void {
    writeFileSync(join(this.#folder, name), text);
  }
}
