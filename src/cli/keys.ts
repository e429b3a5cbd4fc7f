// `npm run keys`: prints new keys and secrets. See --help.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  KEY_ALGORITHMS,
  type KeyAlgorithm,
  makeSecrets,
  putBefore,
  readSecrets,
  toDotenv,
} from './key-maker.ts';

const HELP = `Prints a new signing key for access tokens and a new secret for refresh tokens, in the form that the
bindings take: lines for .dev.vars, or for a file that \`wrangler secret bulk FILE\` uploads.

  npm run --silent keys                          an ES256 key and a secret
  npm run --silent keys -- --alg EdDSA           another algorithm: ${KEY_ALGORITHMS.join(', ')}
  npm run --silent keys -- --rotate FILE         new ones first, those of FILE behind them
  npm run --silent keys -- --json                as a JSON object
`;

const { values } = parseArgs({
  options: {
    alg: { type: 'string', default: 'ES256' },
    rotate: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) {
  process.stdout.write(HELP);
} else if (!isAlgorithm(values.alg)) {
  process.stderr.write(`--alg must be one of ${KEY_ALGORITHMS.join(', ')}\n`);
  process.exitCode = 2;
} else {
  const fresh = await makeSecrets(values.alg, new Date());
  const secrets =
    values.rotate === undefined ? fresh : putBefore(fresh, readSecrets(readFileSync(values.rotate, 'utf8')));
  process.stdout.write(values.json ? `${JSON.stringify(secrets, null, 2)}\n` : toDotenv(secrets));
}

function isAlgorithm(text: string): text is KeyAlgorithm {
  return KEY_ALGORITHMS.some((alg) => alg === text);
}
