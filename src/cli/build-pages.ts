// Makes the files that the service serves and that are not in git: the demo page's script, with the client in it, and
// the reference's renderer from its package. wrangler runs this before it bundles (wrangler.toml, [build]), the tests
// before they start. Writes nothing that is there already.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';

const root = join(import.meta.dirname, '../..');

for (const name of ['swagger-ui-bundle.js', 'swagger-ui.css'])
  writeIfChanged(name, readFileSync(join(root, 'node_modules/swagger-ui-dist', name)));

// Not minified: the page is an example, and its source is meant to be read in the browser too.
const { outputFiles } = buildSync({
  entryPoints: [join(root, 'src/web/demo.ts')],
  bundle: true,
  format: 'esm',
  target: 'es2022',
  write: false,
});
for (const { contents } of outputFiles) writeIfChanged('demo.js', contents);

function writeIfChanged(name: string, bytes: Uint8Array): void {
  const target = join(root, 'src/web/public', name);
  if (!existsSync(target) || Buffer.compare(readFileSync(target), bytes) !== 0) writeFileSync(target, bytes);
}
