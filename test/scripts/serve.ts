// One run of the bundled Worker on workerd, with its state on disk. A process of its own, so that it can be killed:
// `node test/scripts/serve.ts BUNDLE STATE SETTINGS` (as JSON) prints its address as the first line, and serves until it is ended.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { unstable_readConfig as readWranglerConfig } from 'wrangler';
import { migrateDirectory } from '../support/bundled-worker.ts';

const ROOT = join(import.meta.dirname, '../..');
const [bundle, state, settings = '{}'] = process.argv.slice(2);
if (bundle === undefined || state === undefined) throw new Error('usage: serve.ts BUNDLE STATE [SETTINGS]');

const { compatibility_date, compatibility_flags } = readWranglerConfig({
  config: join(ROOT, 'wrangler.toml'),
});
const server = new Miniflare(
  convertV4MiniflareOptions({
    resourcePersistencePath: state,
    modules: [{ type: 'ESModule', path: 'index.js', contents: readFileSync(bundle, 'utf8') }],
    ...(compatibility_date !== undefined && { compatibilityDate: compatibility_date }),
    compatibilityFlags: compatibility_flags,
    durableObjects: { ACCOUNT: { className: 'Account', useSQLite: true } },
    d1Databases: ['DIRECTORY'],
    bindings: {
      ISSUER: 'https://auth.test',
      ACCESS_TOKEN_SECRET: 'access-token-secret-of-the-scripts-0123456789',
      REFRESH_TOKEN_SECRET: 'refresh-token-secret-of-the-scripts-0123456789',
      // One machine is one address: the limits per address would stop any load.
      RATE_LIMIT: 'off',
      // A busy machine takes its time to start this process; how long the window is open is tested elsewhere.
      REFRESH_GRACE: '10m',
      ...JSON.parse(settings),
    },
    // Straight to the Worker: nothing in between that could respond, repeat or delay anything.
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
  }),
);
await migrateDirectory(await server.getD1Database('DIRECTORY'));
console.log((await server.unsafeGetDirectURL()).origin);
