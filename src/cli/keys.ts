// `npm run keys`: prints new keys and secrets. See --help.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  KEY_ALGORITHMS,
  type KeyAlgorithm,
  keepFirst,
  makeSecrets,
  promoteLast,
  putBefore,
  readSecrets,
  type Secrets,
  toDotenv,
} from './key-maker.ts';

const HELP = `Prints a new signing key for access tokens and a new secret for refresh tokens, in the form that the
bindings take: lines for .dev.vars, or for a file that \`wrangler secret bulk FILE\` uploads.

  npm run --silent keys                          an ES256 key and a secret
  npm run --silent keys -- --alg EdDSA           another algorithm: ${KEY_ALGORITHMS.join(', ')}
  npm run --silent keys -- --rotate FILE         new ones first, those of FILE behind them
  npm run --silent keys -- --rotate FILE --standby   new ones last: published and accepted, but not signing yet
  npm run --silent keys -- --promote FILE        those of FILE, the last ones moved to the front
  npm run --silent keys -- --retire FILE         those of FILE, the first ones only
  npm run --silent keys -- --json                as a JSON object
`;

const { values } = parseArgs({
  options: {
    alg: { type: 'string', default: 'ES256' },
    rotate: { type: 'string' },
    standby: { type: 'boolean', default: false },
    promote: { type: 'string' },
    retire: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const sources = [values.rotate, values.promote, values.retire].filter((source) => source !== undefined);

if (values.help) process.stdout.write(HELP);
else if (!isAlgorithm(values.alg)) fail(`--alg must be one of ${KEY_ALGORITHMS.join(', ')}`);
else if (sources.length > 1) fail('--rotate, --promote and --retire exclude each other');
else if (values.standby && values.rotate === undefined) fail('--standby goes with --rotate');
else {
  const secrets = await makeRequested(values.alg, sources[0]);
  if (secrets !== undefined)
    process.stdout.write(values.json ? `${JSON.stringify(secrets, null, 2)}\n` : toDotenv(secrets));
}

async function makeRequested(alg: KeyAlgorithm, source: string | undefined): Promise<Secrets | undefined> {
  if (source === undefined) return makeSecrets(alg, new Date());
  try {
    const current = readSecrets(readFileSync(source, 'utf8'));
    if (values.promote !== undefined) return promoteLast(current);
    if (values.retire !== undefined) return keepFirst(current);
    const fresh = await makeSecrets(alg, new Date());
    return values.standby ? putBefore(current, fresh) : putBefore(fresh, current);
  } catch (error) {
    // A file that is missing, or that holds no such secrets; neither message quotes one.
    fail(
      `${source}: ${error instanceof SyntaxError ? 'is not valid JSON' : error instanceof Error ? error.message : 'cannot be read'}`,
    );
    return undefined;
  }
}

function fail(message: string): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = 2;
}

function isAlgorithm(text: string): text is KeyAlgorithm {
  return KEY_ALGORITHMS.some((alg) => alg === text);
}
