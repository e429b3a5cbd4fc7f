// `npm run keys`: prints new keys and secrets. See --help.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { toEnvLines } from './env-file.ts';
import {
  addSecrets,
  countSecrets,
  KEY_ALGORITHMS,
  type KeyAlgorithm,
  keepFirst,
  makeSecrets,
  promoteLast,
  readSecretsFile,
  type Scope,
  type Secrets,
  toJson,
} from './key-maker.ts';

const HELP = `Prints a new signing key for access tokens and a new secret for refresh tokens, in the form that the
bindings take: lines for .dev.vars, or for a file that \`wrangler secret bulk FILE\` uploads. The other lines of FILE
are printed as they are.

  npm run --silent keys                          an ES256 key and a secret
  npm run --silent keys -- --alg EdDSA           another algorithm: ${KEY_ALGORITHMS.join(', ')}
  npm run --silent keys -- --rotate FILE         new ones first, those of FILE behind them
  npm run --silent keys -- --rotate FILE --standby   new ones last: published and accepted, but not signing yet
  npm run --silent keys -- --promote FILE        those of FILE, the last ones moved to the front
  npm run --silent keys -- --retire FILE         those of FILE, the first ones only
  npm run --silent keys -- --only refresh        one of the two: access or refresh; also with a step of a rotation
  npm run --silent keys -- --rotate FILE --replace-access   the new access key alone, where the old one is an HS256
                                                 secret or --alg says HS256: access tokens of the old one stop verifying
  npm run --silent keys -- --json                as a JSON object
`;

const SCOPES = ['access', 'refresh'] as const;

const { values } = parseArgs({
  options: {
    alg: { type: 'string', default: 'ES256' },
    rotate: { type: 'string' },
    standby: { type: 'boolean', default: false },
    'replace-access': { type: 'boolean', default: false },
    promote: { type: 'string' },
    retire: { type: 'string' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const sources = [values.rotate, values.promote, values.retire].filter((source) => source !== undefined);
const scope = values.only === undefined ? 'both' : SCOPES.find((candidate) => candidate === values.only);

if (values.help) process.stdout.write(HELP);
else if (!isAlgorithm(values.alg)) fail(`--alg must be one of ${KEY_ALGORITHMS.join(', ')}`);
else if (scope === undefined) fail(`--only must be one of ${SCOPES.join(', ')}`);
else if (sources.length > 1) fail('--rotate, --promote and --retire exclude each other');
else if (values.standby && values.rotate === undefined) fail('--standby goes with --rotate');
else if (values['replace-access'] && (values.rotate === undefined || values.standby || scope === 'refresh'))
  fail('--replace-access goes with --rotate, and neither with --standby nor with --only refresh');
else process.stdout.write(await makeRequested(values.alg, scope, sources[0]));

async function makeRequested(alg: KeyAlgorithm, scope: Scope, source: string | undefined): Promise<string> {
  if (source === undefined) {
    const { ACCESS_TOKEN_SECRET, REFRESH_TOKEN_SECRET } = await makeSecrets(alg, new Date());
    const made = {
      ...(scope !== 'refresh' && { ACCESS_TOKEN_SECRET }),
      ...(scope !== 'access' && { REFRESH_TOKEN_SECRET }),
    };
    return values.json ? toJson(made) : toEnvLines(made);
  }
  try {
    const { secrets: current, write } = readSecretsFile(readFileSync(source, 'utf8'));
    const next = await takeStep(alg, scope, current);
    const text = write(next, values.json ? 'json' : 'env');
    if (values.retire !== undefined) tellRetired(current, next);
    return text;
  } catch (error) {
    // A file that is missing, or that holds no such secrets; no message quotes one.
    const reason = error instanceof Error ? error.message : 'cannot be read';
    fail(`${source}: ${reason}`);
    return '';
  }
}

async function takeStep(alg: KeyAlgorithm, scope: Scope, current: Secrets): Promise<Secrets> {
  if (values.promote !== undefined) return promoteLast(current, scope);
  if (values.retire !== undefined) return keepFirst(current, scope);
  const { standby, 'replace-access': replaceAccess } = values;
  return addSecrets(await makeSecrets(alg, new Date()), current, { standby, replaceAccess, scope });
}

/** On standard error, since standard output is the file. */
function tellRetired(current: Secrets, next: Secrets): void {
  const [before, after] = [countSecrets(current), countSecrets(next)];
  process.stderr.write(
    `Left out: access keys: ${before.access - after.access}, refresh secrets: ${before.refresh - after.refresh}. Once uploaded:
- access tokens that those keys signed are refused;
- sessions whose refresh token such a secret signed, not refreshed since, are signed out;
- device cookies that such a secret signed stop verifying: those browsers are unknown until they sign in again.
`,
  );
}

function fail(message: string): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = 2;
}

function isAlgorithm(text: string): text is KeyAlgorithm {
  return KEY_ALGORITHMS.some((alg) => alg === text);
}
