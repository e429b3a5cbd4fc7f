// Makes the files that the service serves and that are not in git: the demo page's script, with the client in it, and
// the reference's renderer from its package. `npm start` and `npm run deploy` do it before wrangler runs, the tests before
// they start. Writes nothing that is there already.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, buildSync, context, type Plugin } from 'esbuild';

const root = join(import.meta.dirname, '../..');

/** Not minified: the page is an example, and its source is meant to be read in the browser too. */
const DEMO: BuildOptions = {
  entryPoints: [join(root, 'src/web/demo.ts')],
  outfile: join(root, 'src/web/public/demo.js'),
  bundle: true,
  format: 'esm',
  target: 'es2022',
};

const WRITE_IF_CHANGED: Plugin = {
  name: 'write-if-changed',
  setup: ({ onEnd }) =>
    onEnd(({ outputFiles = [] }) => {
      for (const { contents } of outputFiles) writeIfChanged('demo.js', contents);
    }),
};

for (const name of ['swagger-ui-bundle.js', 'swagger-ui.css'])
  writeIfChanged(name, readFileSync(join(root, 'node_modules/swagger-ui-dist', name)));
for (const { contents } of buildSync({ ...DEMO, write: false }).outputFiles)
  writeIfChanged('demo.js', contents);

/** Makes the demo's script again whenever its source or the client changes, until the function that it returns is called. */
export async function watchDemo(): Promise<() => Promise<void>> {
  const watching = await context({ ...DEMO, write: false, logLevel: 'error', plugins: [WRITE_IF_CHANGED] });
  await watching.watch();
  return () => watching.dispose();
}

function writeIfChanged(name: string, bytes: Uint8Array): void {
  const target = join(root, 'src/web/public', name);
  if (!existsSync(target) || Buffer.compare(readFileSync(target), bytes) !== 0) writeFileSync(target, bytes);
}
