// `npm run build:client`: the client as it is published, `dist/client/index.js` and its types. One file without
// imports; of the wire's types only those that it names, so that nobody needs our schema library to read them.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';

const BUDGET_BYTES = 4 * 1024;

const root = join(import.meta.dirname, '../..');
const target = join(root, 'dist/client');
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
buildSync({
  entryPoints: [join(root, 'src/client/index.ts')],
  outfile: join(target, 'index.js'),
  bundle: true,
  minify: true,
  sourcemap: true,
  format: 'esm',
  target: 'es2022',
});
const tsc = join(root, 'node_modules/typescript/bin/tsc');
const types = join(target, 'types');
execFileSync(
  process.execPath,
  [
    tsc,
    '-p',
    'src/web/tsconfig.json',
    '--noEmit',
    'false',
    '--declaration',
    '--emitDeclarationOnly',
    '--rootDir',
    'src',
    '--outDir',
    types,
  ],
  { cwd: root, stdio: 'inherit' },
);
const wire = join(types, 'api/wire.d.ts');
writeFileSync(wire, keepPlainTypes(readFileSync(wire, 'utf8')));
rmSync(join(types, 'web'), { recursive: true });

const bytes = gzipSync(readFileSync(join(target, 'index.js')), { level: 9 }).length;
console.log(`dist/client/index.js: ${bytes} bytes with gzip; the budget is ${BUDGET_BYTES}`);
if (bytes > BUDGET_BYTES) process.exitCode = 1;

/** The interfaces, and the lists that they name: everything that does not mention the schema library. */
function keepPlainTypes(declarations: string): string {
  return declarations
    .split(/\n(?=\/\*\*|import )|(?<!\*\/)\n(?=export )/)
    .filter((part) => !/\bv\.|^import /.test(part))
    .join('\n');
}
