// The examples as they would be deployed: bundled by wrangler from their own folders, beside the service, in one workerd.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { bundleWorker, migrateDirectory } from './bundled-worker.ts';
import { findFreePort } from './free-port.ts';

const ROOT = join(import.meta.dirname, '../..');
const COMPATIBILITY = { compatibilityDate: '2026-08-15', compatibilityFlags: ['nodejs_compat'] };
export const REFRESH_SECRET = 'refresh-token-secret-of-the-examples-0123456789';

export interface Fleet {
  urls: { latchkey: string; mounted: string; resource: string; binding: string };
  /** Starts all of it anew at the same addresses, with another `ACCESS_TOKEN_SECRET`. What was stored is gone. */
  changeAccessKey: (accessKey: object) => Promise<void>;
  /** Stops everything. */
  stop: () => Promise<void>;
}

/** Starts the service and three Workers, each on a port of its own. `accessKey` is what the service signs with. */
export async function startFleet(accessKey: object): Promise<Fleet> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-examples-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const ports = [await findFreePort(), await findFreePort(), await findFreePort(), await findFreePort()];
  const [latchkey = '', mounted = '', resource = '', binding = ''] = ports.map(
    (port) => `http://localhost:${port}`,
  );
  const socket = (index: number) => ({
    unsafeDirectSockets: [{ host: '127.0.0.1', port: ports[index] ?? 0 }],
  });
  const bundle = (name: string, source: string, file: string) => {
    bundleWorker(join(folder, name), join(ROOT, source));
    const contents = readFileSync(join(folder, name, file), 'utf8');
    return { name, modules: [{ type: 'ESModule' as const, path: 'index.js', contents }], ...COMPATIBILITY };
  };
  const storage = { durableObjects: { ACCOUNT: { className: 'Account', useSQLite: true } } };
  const bundles = {
    latchkey: bundle('latchkey', '.', 'index.js'),
    mounted: bundle('mounted', 'examples/mounted', 'worker.js'),
    resource: bundle('resource-worker', 'examples/resource-worker', 'worker.js'),
    binding: bundle('service-binding', 'examples/service-binding', 'worker.js'),
  };
  const makeOptions = (key: object) => {
    const settings = {
      ACCESS_TOKEN_SECRET: JSON.stringify(key),
      REFRESH_TOKEN_SECRET: REFRESH_SECRET,
      RATE_LIMIT: 'off',
    };
    return convertV4MiniflareOptions({
      workers: [
        {
          ...bundles.latchkey,
          ...storage,
          d1Databases: { DIRECTORY: 'one' },
          bindings: { ...settings, ISSUER: latchkey },
          ...socket(0),
        },
        {
          ...bundles.mounted,
          ...storage,
          d1Databases: { DIRECTORY: 'two' },
          bindings: { ...settings, ISSUER: `${mounted}/auth`, GREETING: 'My own page' },
          assets: {
            directory: join(ROOT, 'examples/mounted/public'),
            binding: 'ASSETS',
            routerConfig: { has_user_worker: true, invoke_user_worker_ahead_of_assets: true },
          },
          ...socket(1),
        },
        {
          ...bundles.resource,
          bindings: { ISSUER: latchkey },
          ...socket(2),
        },
        {
          ...bundles.binding,
          serviceBindings: { AUTH: 'latchkey' },
          ...socket(3),
        },
      ],
    });
  };
  const server = new Miniflare(makeOptions(accessKey));
  for (const name of ['latchkey', 'mounted'])
    await migrateDirectory(await server.getD1Database('DIRECTORY', name));
  return {
    urls: { latchkey, mounted, resource, binding },
    changeAccessKey: (key) => server.setOptions(makeOptions(key)),
    stop: () => server.dispose(),
  };
}
