// `npm run deploy`: checks what a deployment gets wrong silently, makes and migrates the directory, then `wrangler deploy`.
// Further arguments go to `wrangler deploy`: `npm run deploy -- --secrets-file .prod.vars` on the first time.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unstable_readConfig as readWranglerConfig } from 'wrangler';
import { isLocalIssuer } from '../config.ts';
import { captureWrangler, PROJECT_ROOT, runWrangler } from './wrangler.ts';

const configPath = join(PROJECT_ROOT, 'wrangler.toml');
const args = process.argv.slice(2);
process.exitCode = await deploy();

async function deploy(): Promise<number> {
  const config = readWranglerConfig({ config: configPath });
  const issuer = config.vars.ISSUER;
  if (typeof issuer !== 'string' || !URL.canParse(issuer) || isLocalIssuer(issuer)) {
    console.error(
      'ISSUER in wrangler.toml is still local. Set it to the public address of the service, such as',
    );
    console.error('  ISSUER = "https://auth.example.com"');
    console.error('and keep ISSUER=http://localhost:8787 in .dev.vars for local runs.');
    return 1;
  }
  if (args.includes('--dry-run')) return runWrangler(['deploy', ...args]);
  const databases: { binding: string; database_name?: string; database_id?: string }[] = config.d1_databases;
  const directory = databases.find(({ binding }) => binding === 'DIRECTORY');
  if (directory?.database_name === undefined) {
    console.error('wrangler.toml has no D1 database with the binding DIRECTORY and a database_name.');
    return 1;
  }
  if (!args.some((arg) => arg.startsWith('--secrets-file')) && !hasSecrets()) {
    console.error(
      'The Worker has no ACCESS_TOKEN_SECRET and REFRESH_TOKEN_SECRET yet. Make them and deploy with them:',
    );
    console.error('  (umask 077; npm run --silent keys > .prod.vars)');
    console.error('  npm run deploy -- --secrets-file .prod.vars');
    return 1;
  }
  if (directory.database_id === undefined) createDirectory(directory.database_name);
  // Tables first: the old Worker ignores new ones, the new Worker needs them.
  const migrated = await runWrangler(['d1', 'migrations', 'apply', 'DIRECTORY', '--remote']);
  return migrated === 0 ? runWrangler(['deploy', ...args]) : migrated;
}

/** Whether the deployed Worker has both secrets. A Worker that was never deployed has none. */
function hasSecrets(): boolean {
  try {
    const listed = JSON.parse(captureWrangler(['secret', 'list', '--format', 'json'])) as { name: string }[];
    const names = new Set(listed.map(({ name }) => name));
    return names.has('ACCESS_TOKEN_SECRET') && names.has('REFRESH_TOKEN_SECRET');
  } catch {
    return false;
  }
}

/** Makes the D1 database and writes its id into wrangler.toml, below its name. */
function createDirectory(name: string): void {
  const output = captureWrangler(['d1', 'create', name]);
  process.stdout.write(output);
  const id = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(output)?.[0];
  if (id === undefined)
    throw new Error('wrangler d1 create printed no database id: put it into wrangler.toml as database_id');
  const toml = readFileSync(configPath, 'utf8');
  const line = `database_name = "${name}"`;
  writeFileSync(configPath, toml.replace(line, `${line}\ndatabase_id = "${id}"`));
  console.log(`Wrote database_id into wrangler.toml. Commit it.`);
}
