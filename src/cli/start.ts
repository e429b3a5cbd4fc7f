// `npm start`: everything that a local run needs. Secrets when there are none, the directory's tables, then `wrangler dev`.
// Further arguments go to `wrangler dev` as they are: `npm start -- --port 8901`.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toEnvLines } from './env-file.ts';
import { makeSecrets } from './key-maker.ts';
import { PROJECT_ROOT, runWrangler } from './wrangler.ts';

const devVars = join(PROJECT_ROOT, '.dev.vars');
const args = process.argv.slice(2);

if (!existsSync(devVars)) {
  const secrets = toEnvLines({ ...(await makeSecrets('ES256', new Date())) });
  const text = `# Made by \`npm start\` for this machine alone. Every setting of the README can be set here.
${secrets}ISSUER=http://localhost:8787
# One machine is one address: the limits per address would only get in the way.
RATE_LIMIT=off
`;
  // wx: between the question above and this line somebody may have made one, and it is never overwritten.
  writeFileSync(devVars, text, { mode: 0o600, flag: 'wx' });
  console.log('Made .dev.vars with fresh secrets and an ES256 key.');
}

// CI=true: apply without asking. The tables must land where `wrangler dev` will look for them.
const migrated = await runWrangler(
  ['d1', 'migrations', 'apply', 'DIRECTORY', '--local', ...persistenceOf(args)],
  { CI: 'true' },
);
process.exitCode = migrated === 0 ? await runWrangler(['dev', ...args]) : migrated;

/** `--persist-to PATH`, in either spelling: where local state lives. */
function persistenceOf(devArgs: string[]): string[] {
  const at = devArgs.findIndex((arg) => arg === '--persist-to' || arg.startsWith('--persist-to='));
  const arg = devArgs[at];
  if (arg === undefined) return [];
  const value = devArgs[at + 1];
  return arg.includes('=') || value === undefined ? [arg] : [arg, value];
}
