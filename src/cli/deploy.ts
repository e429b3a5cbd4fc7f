// `npm run deploy`: checks what a deployment gets wrong silently, makes and migrates the directory, then `wrangler deploy`.
import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { isLocalIssuer, SECRET_SETTINGS, SETTINGS } from '../config/settings.ts';
import { writeDatabaseId } from './database-id.ts';
import { readEnvFile } from './env-file.ts';
import { parseJson } from './json.ts';
import { type ProjectConfig, pinConfig, readProjectConfig } from './project-config.ts';
import { findMisspelt, findSettingFaults } from './settings-check.ts';
import { captureWrangler, PROJECT_ROOT, runWrangler } from './wrangler.ts';
import { type Options, parseOptions, readVarOptions, textOf, toArgs } from './wrangler-options.ts';

const HELP = `Checks the settings, creates and migrates the D1 database, and deploys the Worker.

  npm run deploy -- --secrets-file .prod.vars    the first time: with the secrets
  npm run deploy                                 every later time
  npm run deploy -- --env staging                another environment of the configuration file
  npm run deploy -- --dry-run                    checks and bundles; creates, migrates and uploads nothing

All options of \`wrangler deploy\` are taken; each step gets those that it knows (--config, --env, --name, --profile, …).
`;

const TOKEN_SECRETS = ['ACCESS_TOKEN_SECRET', 'REFRESH_TOKEN_SECRET'] as const;

/** For what the Worker has and nobody can read: of the right form, so that what depends on it can be judged. */
const STAND_INS: Record<string, string> = {
  ...Object.fromEntries(SECRET_SETTINGS.map((name) => [name, `${name}-9f2c7b51e8d04a63-stand-in`])),
  MAIL_WEBHOOK_URL: 'https://stand-in.invalid/',
};

try {
  process.exitCode = await deploy(process.argv.slice(2));
} catch (error) {
  // A configuration that is not sound, a file that is missing: wrangler and Node say what is wrong.
  process.exitCode = fail(error instanceof Error ? error.message : String(error));
}

async function deploy(args: string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(HELP);
    return 0;
  }
  const parsed = parseOptions('deploy', args);
  if (!parsed.ok) return fail(`${parsed.fault}. Nothing was done; see npm run deploy -- --help`);
  const config = readProjectConfig(parsed.options);
  const options = pinConfig(parsed.options, config);
  const vars = { ...config.vars, ...readVarOptions(options) };
  if (!isPublicIssuer(vars.ISSUER)) return refuseLocalIssuer(config);
  const uploaded = readSecretsFile(options);
  const overriding = Object.keys(uploaded).filter(isVariable);
  if (overriding.length > 0)
    return fail(`The file of secrets has settings that are no secrets: ${overriding.join(', ')}. As secrets they would override those of
${place(config)} in every later deployment. Leave them out of the file; is it that of local runs? Nothing was done.`);
  const settings = { ...vars, ...uploaded };
  if (options.get('dry-run') === true) {
    const isSound = await checkSettings(config, settings, new Set(SECRET_SETTINGS));
    return isSound ? bundleAndDeploy(options) : 1;
  }
  const directory = config.databases.find(({ binding }) => binding === 'DIRECTORY');
  if (directory?.database_name === undefined)
    return fail(`${place(config)} has no D1 database with the binding DIRECTORY and a database_name.`);
  const secrets = listSecrets(options);
  if (!secrets.ok)
    return fail(`${secrets.complaint}\n\nThe Worker's secrets could not be listed. Nothing was done.`);
  const hidden = new Set(secrets.names.filter((name) => !(name in settings)));
  if (!hasTokenSecrets(settings, hidden) || !(await checkSettings(config, settings, hidden))) return 1;
  if (!directory.database_id && !createDirectory(directory.database_name, config, options)) return 1;
  // Tables first: the old Worker ignores new ones, the new Worker needs them.
  const migrate = 'd1 migrations apply';
  const migrated = await runWrangler([
    ...migrate.split(' '),
    'DIRECTORY',
    '--remote',
    ...toArgs(migrate, options),
  ]);
  return migrated === 0 ? bundleAndDeploy(options) : migrated;
}

async function bundleAndDeploy(options: Options): Promise<number> {
  await import('./build-pages.ts');
  return runWrangler(['deploy', ...toArgs('deploy', options)]);
}

function isPublicIssuer(issuer: unknown): boolean {
  return typeof issuer === 'string' && URL.canParse(issuer) && !isLocalIssuer(issuer);
}

function refuseLocalIssuer(config: ProjectConfig): number {
  return fail(`ISSUER in ${place(config)} is still local. Set it to the public address of the service, such as
  ISSUER = "https://auth.example.com"
and keep ISSUER=http://localhost:8787 in .dev.vars for local runs.`);
}

/** A setting that belongs under [vars]. The webhook's address may hold a secret. */
function isVariable(name: string): boolean {
  const isSecret = [...SECRET_SETTINGS, 'MAIL_WEBHOOK_URL'].some((secret) => secret === name);
  return !isSecret && SETTINGS.some((setting) => setting === name);
}

/** What `--secrets-file` will upload, in either form that wrangler takes. */
function readSecretsFile(options: Options): Record<string, unknown> {
  const path = textOf(options, 'secrets-file');
  if (path === undefined) return {};
  const text = readFileSync(resolve(PROJECT_ROOT, path), 'utf8');
  if (!text.trimStart().startsWith('{')) return readEnvFile(text);
  return parseJson(text, path) as Record<string, unknown>; // it starts with a brace
}

type Listed = { ok: true; names: string[] } | { ok: false; complaint: string };

/** The names of the deployed Worker's secrets. Only a Worker that does not exist has none; all else is a failure. */
function listSecrets(options: Options): Listed {
  const listed = captureWrangler(['secret', 'list', '--format=json', ...toArgs('secret list', options)]);
  if (listed.ok) {
    const secrets = parseJson(listed.stdout, 'the list of secrets') as { name: string }[];
    return { ok: true, names: secrets.map(({ name }) => name) };
  }
  // wrangler 4.124 for the API's errors 10007 (no such Worker) and 10090 (no such environment of it).
  const isMissing = /\[ERROR\] Worker "[^"]*"(?: \(env: [^)]*\))? not found\./.test(listed.complaint);
  return isMissing ? { ok: true, names: [] } : listed;
}

/** Whether both secrets are there, or will be; says what is missing. What is there is not to be replaced. */
function hasTokenSecrets(settings: Record<string, unknown>, hidden: Set<string>): boolean {
  const missing = TOKEN_SECRETS.filter((name) => !settings[name] && !hidden.has(name));
  const [first] = missing;
  if (first === undefined) return true;
  if (missing.length === TOKEN_SECRETS.length) {
    fail(`The Worker has no ACCESS_TOKEN_SECRET and REFRESH_TOKEN_SECRET yet. Make them and deploy with them:
  (umask 077; npm run --silent keys > .prod.vars)
  npm run deploy -- --secrets-file .prod.vars`);
    return false;
  }
  const present = TOKEN_SECRETS.find((name) => name !== first);
  const scope = first === 'ACCESS_TOKEN_SECRET' ? 'access' : 'refresh';
  fail(`${present} is there, and ${first} is not. If you kept one, deploy with --secrets-file; if not, make that one:
  (umask 077; npm run --silent keys -- --only ${scope} > .prod.vars.next)
  npm run deploy -- --secrets-file .prod.vars.next
Leave ${present} as it is: a new one would refuse every token that it signed.`);
  return false;
}

/** Whether the service would start with these settings. `hidden` are secrets that the Worker has, unseen. */
async function checkSettings(
  config: ProjectConfig,
  settings: Record<string, unknown>,
  hidden: Set<string>,
): Promise<boolean> {
  const names = [...Object.keys(settings), ...hidden];
  for (const name of [...hidden].filter(isVariable))
    console.error(
      `Warning: the Worker has ${name} as a secret, which overrides ${place(config)}: remove it with \`npx wrangler secret delete ${name}\`.`,
    );
  for (const message of findMisspelt(names)) console.error(`Warning: ${message}`);
  if (config.bindings.EMAIL === undefined && !settings.MAIL_WEBHOOK_URL && !hidden.has('MAIL_WEBHOOK_URL'))
    console.error(
      'Warning: no mail can be sent: there is neither a send_email binding EMAIL nor MAIL_WEBHOOK_URL. Addresses stay unconfirmed, and a forgotten password cannot be reset.',
    );
  const seen = Object.fromEntries([...hidden].map((name) => [name, STAND_INS[name] ?? '']));
  const faults = (await findSettingFaults({ ...seen, ...settings, ...config.bindings })).filter(
    (fault) => !hidden.has(fault.split(' ', 1)[0] ?? '') || settings[fault.split(' ', 1)[0] ?? ''],
  );
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) console.error(`Nothing was done: correct these settings in ${place(config)}.`);
  return faults.length === 0;
}

/** Makes the D1 database and writes its id into the configuration file. False, with the reason said, where it cannot. */
function createDirectory(name: string, config: ProjectConfig, options: Options): boolean {
  const existing = findDatabaseId(name, options);
  if (existing !== undefined) {
    fail(`There is a D1 database ${name} already. If it is this service's, put its id below database_name in ${place(config)}:
  database_id = "${existing}"
If it is not, choose another database_name.`);
    return false;
  }
  const created = captureWrangler([
    'd1',
    'create',
    name,
    '--update-config=false',
    ...toArgs('d1 create', options),
  ]);
  if (!created.ok) {
    fail(created.complaint);
    return false;
  }
  const id = findDatabaseId(name, options);
  if (id === undefined) {
    fail(`The database ${name} was made, but \`wrangler d1 list\` does not show it yet: run this again.`);
    return false;
  }
  const { environment } = config;
  if (writeDatabaseId(config.path, { environment, binding: 'DIRECTORY', id })) {
    console.log(`Made the database ${name} and wrote database_id into ${basename(config.path)}. Commit it.`);
    return true;
  }
  fail(`The database ${name} was made. Put its id beside database_name in ${place(config)}, and run this again:
  database_id = "${id}"`);
  return false;
}

/** The id of the database with this very name. */
function findDatabaseId(name: string, options: Options): string | undefined {
  const listed = captureWrangler(['d1', 'list', '--json', ...toArgs('d1 list', options)]);
  if (!listed.ok) throw new Error(listed.complaint);
  const databases = parseJson(listed.stdout, 'the list of databases') as { name: string; uuid: string }[];
  return databases.find((database) => database.name === name)?.uuid;
}

function place({ path, environment }: ProjectConfig): string {
  return environment === undefined ? basename(path) : `${basename(path)}, [env.${environment}]`;
}

function fail(message: string): number {
  console.error(message);
  return 1;
}
