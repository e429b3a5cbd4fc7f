// `npm start`: everything that a local run needs. Secrets where there are none, settings that are sound, the directory's tables,
// the pages; then `wrangler dev`. Its options are taken: `npm start -- --port 8901`.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { unstable_getVarsForDev as getVarsForDev } from 'wrangler';
import { isLocalIssuer } from '../config/settings.ts';
import { readEnvFile, setInEnvFile, toEnvLines } from './env-file.ts';
import { makeSecrets } from './key-maker.ts';
import { type ProjectConfig, pinConfig, readProjectConfig } from './project-config.ts';
import { replaceFile } from './replace-file.ts';
import { findMisspelt, findSettingFaults } from './settings-check.ts';
import { runWrangler } from './wrangler.ts';
import { type Options, parseOptions, readVarOptions, textOf, textsOf, toArgs } from './wrangler-options.ts';

const DEFAULT_PORT = 8787;

try {
  process.exitCode = await start(process.argv.slice(2));
} catch (error) {
  // A configuration that is not sound, a file that cannot be written: wrangler and Node say what is wrong.
  process.exitCode = fail(error instanceof Error ? error.message : String(error));
}

async function start(args: string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) return runWrangler(['dev', '--help']);
  const parsed = parseOptions('dev', args);
  if (!parsed.ok) return fail(`${parsed.fault}. Nothing was started; see npm start -- --help`);
  const config = readProjectConfig(parsed.options);
  const options = pinConfig(parsed.options, config);
  if (textsOf(options, 'env-file').length === 0) await completeDevVars(config);
  const settings = { ...readSettings(config, options), ...readVarOptions(options) };
  const issuer = localIssuer(settings.ISSUER, config, options);
  if (issuer !== undefined) {
    settings.ISSUER = issuer;
    options.set('var', [...textsOf(options, 'var'), `ISSUER:${issuer}`]);
  }
  for (const message of findMisspelt(Object.keys(settings))) console.error(`Warning: ${message}`);
  const faults = await findSettingFaults({ ...settings, ...config.bindings });
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) return fail(`Nothing was started: correct these settings in ${places(config)}.`);

  // CI=true: apply without asking. The tables must land where `wrangler dev` will look for them.
  const migrate = 'd1 migrations apply';
  const local = [...migrate.split(' '), 'DIRECTORY', '--local', ...toArgs(migrate, options)];
  const migrated = await runWrangler(local, { CI: 'true' });
  if (migrated !== 0) return migrated;
  const { watchDemo } = await import('./build-pages.ts');
  const stopWatching = await watchDemo();
  try {
    return await runWrangler(['dev', ...toArgs('dev', options)]);
  } finally {
    await stopWatching();
  }
}

/** Makes `.dev.vars`, or fills in the secrets that one lacks. Every other line is kept. */
async function completeDevVars(config: ProjectConfig): Promise<void> {
  const path = devVarsPath(config);
  const secrets = { ...(await makeSecrets('ES256', new Date())) };
  if (!existsSync(path)) {
    const text = `# Made by \`npm start\` for this machine alone. Every setting of docs/reference/settings.md can be set here.
${toEnvLines(secrets)}ISSUER=http://localhost:${portOf(config)}
# One machine is one address: the limits per address would only get in the way.
RATE_LIMIT=off
`;
    // wx: between the question above and this line somebody may have made one, and it is never overwritten.
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
    console.log(`Made ${basename(path)} with fresh secrets and an ES256 key.`);
    return;
  }
  const text = readFileSync(path, 'utf8');
  const present = readEnvFile(text);
  const missing = Object.fromEntries(
    Object.entries(secrets).filter(([name]) => !present[name] && !config.vars[name]),
  );
  const names = Object.keys(missing);
  if (names.length === 0) return;
  const completed = setInEnvFile(text, missing);
  // From now on it holds secrets.
  replaceFile(path, completed, 0o600);
  console.log(`Wrote a fresh ${names.join(' and ')} into ${basename(path)}.`);
}

/** The file that `wrangler dev` reads: the environment's own, if there is one. */
function devVarsPath({ folder, environment }: ProjectConfig): string {
  const own = join(folder, `.dev.vars.${environment}`);
  return environment !== undefined && existsSync(own) ? own : join(folder, '.dev.vars');
}

/** The variables as `wrangler dev` will bind them, by its own reader: those of the file, and `.dev.vars` above them. */
function readSettings({ path, vars, environment }: ProjectConfig, options: Options): Record<string, unknown> {
  // The values of a configuration file are strings, numbers, booleans and tables.
  const bound = getVarsForDev(
    path,
    textsOf(options, 'env-file'),
    vars as Record<string, string>,
    environment,
    true,
  );
  return Object.fromEntries(
    Object.entries(bound).map(([name, binding]) => [name, 'value' in binding ? binding.value : undefined]),
  );
}

/** A local issuer with the port and the scheme of this run, where they differ; `undefined` where nothing has to change. */
function localIssuer(issuer: unknown, config: ProjectConfig, options: Options): string | undefined {
  if (typeof issuer !== 'string' || !URL.canParse(issuer) || !isLocalIssuer(issuer)) return undefined;
  if ('ISSUER' in readVarOptions(options)) return undefined;
  const port = textOf(options, 'port') ?? String(portOf(config));
  const scheme = textOf(options, 'local-protocol') ?? config.dev.local_protocol ?? 'http';
  const url = new URL(issuer);
  // Port 0 is any free one: wrangler says which when it is too late.
  if (port === '0') return undefined;
  const { host, protocol } = new URL(`${scheme}://${url.hostname}:${port}`);
  if (host === url.host && protocol === url.protocol) return undefined;
  const changed = `${protocol}//${host}${url.pathname === '/' ? '' : url.pathname}`;
  console.log(`ISSUER is ${changed} for this run: the configured one has another port or scheme.`);
  return changed;
}

function portOf({ dev }: ProjectConfig): number {
  return dev.port ?? DEFAULT_PORT;
}

function places(config: ProjectConfig): string {
  return `${basename(devVarsPath(config))} or ${basename(config.path)}`;
}

function fail(message: string): number {
  console.error(message);
  return 1;
}
