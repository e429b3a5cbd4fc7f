// Workers of the bench on plain workerd: bundled, started with their state on disk, reached without any proxy.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import { convertV4MiniflareOptions, type Miniflare as Instance, Miniflare } from 'miniflare';

type Options = Parameters<typeof convertV4MiniflareOptions>[0];

/** The same platform for every Worker here: that of wrangler.toml. */
const wranglerToml = readFileSync(join(import.meta.dirname, '../../wrangler.toml'), 'utf8');
export const compatibilityDate = /^compatibility_date = "(.*)"$/m.exec(wranglerToml)?.[1] ?? '';

/** Bundles a file of workers/ the way wrangler does: its export conditions, node: left to the platform. */
export async function bundle(name: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'workers', name)],
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    mainFields: ['browser', 'module', 'main'],
    external: ['node:*', 'cloudflare:*'],
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  return outputFiles[0]?.text ?? '';
}

/** Starts a bundle. Resolves with the address of workerd's own socket. */
export async function serveWorker(
  contents: string,
  options: Partial<Options> & { resourcePersistencePath: string; bindings: Record<string, string> },
): Promise<{ url: string; server: Instance }> {
  process.env.MINIFLARE_WORKERD_PATH = makeQuietWorkerd(options.resourcePersistencePath);
  const server = new Miniflare(
    convertV4MiniflareOptions({
      compatibilityDate,
      compatibilityFlags: ['nodejs_compat'],
      cf: false,
      ...options,
      modules: [{ type: 'ESModule', path: 'index.js', contents }],
      unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    } as Options),
  );
  return { url: (await server.unsafeGetDirectURL()).origin, server };
}

/**
 * workerd behind a shell that throws its log away. Miniflare would read every line in JavaScript, on a core that the load
 * needs; the Worker writes its lines all the same.
 */
function makeQuietWorkerd(folder: string): string {
  const workerd: string = createRequire(import.meta.url)('workerd').default;
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'workerd');
  writeFileSync(path, `#!/bin/sh\nexec '${workerd}' "$@" > /dev/null\n`, { mode: 0o755 });
  return path;
}
