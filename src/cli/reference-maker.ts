// The OpenAPI document, made outside the Worker. The declarations that it is made from import the platform's modules, which Node
// does not have, so they are bundled first, with nothing in place of those.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { compileFunction } from 'node:vm';
import { build } from 'esbuild';

/** The document as text, as it is committed and shown. */
export async function makeReference(version: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, '../reference/document.ts')],
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    target: 'es2024',
    plugins: [
      {
        name: 'no-platform',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^cloudflare:/ }, ({ path }) => ({ path, namespace: 'no-platform' }));
          onLoad({ filter: /.*/, namespace: 'no-platform' }, () => ({ contents: 'module.exports = {};' }));
        },
      },
    ],
  });
  const module = { exports: {} };
  const run = compileFunction(outputFiles[0]?.text ?? '', ['module', 'exports', 'require']);
  run(module, module.exports, createRequire(import.meta.url));
  // The module that was bundled above.
  const { makeDocument } = module.exports as { makeDocument: (version: string) => object };
  return `${JSON.stringify(makeDocument(version), null, 2)}\n`;
}
