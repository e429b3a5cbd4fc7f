// What a run without wrangler needs of it: a Worker's bundle, and the directory's tables. For scripts and the bench too.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Miniflare } from 'miniflare';

const ROOT = join(import.meta.dirname, '../..');

/** Bundles the Worker of a folder, as a deployment would, into another. Extra arguments go to wrangler. */
export function bundleWorker(target: string, source = ROOT, args: string[] = []): void {
  const wrangler = join(ROOT, 'node_modules/wrangler/bin/wrangler.js');
  execFileSync(process.execPath, [wrangler, 'deploy', '--dry-run', '--outdir', target, ...args], {
    cwd: source,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

type Database = Awaited<ReturnType<Miniflare['getD1Database']>>;

/** Makes the directory's tables, at the first run. */
export async function migrateDirectory(directory: Database): Promise<void> {
  const tables = await directory.prepare("SELECT 1 FROM sqlite_master WHERE name = 'accounts'").all();
  if (tables.results.length > 0) return;
  const folder = join(ROOT, 'src/directory/migrations');
  for (const name of readdirSync(folder).sort()) {
    const sql = readFileSync(join(folder, name), 'utf8').replaceAll(/^--.*$/gm, '');
    // A statement begins at the start of a line; the body of a trigger is indented, up to its END.
    for (const statement of sql.split(/;\s*\n(?=[A-DF-Z]|$)/).filter((text) => text.trim() !== ''))
      await directory.prepare(statement).run();
  }
}
