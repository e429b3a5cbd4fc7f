// Copies the reference's renderer from its package to the files that the service serves. wrangler runs this before it
// bundles (wrangler.toml, [build]), the tests before they start. Writes nothing that is there already.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

for (const name of ['swagger-ui-bundle.js', 'swagger-ui.css']) {
  const bytes = readFileSync(join(root, 'node_modules/swagger-ui-dist', name));
  const target = join(root, 'src/web/public', name);
  if (!existsSync(target) || Buffer.compare(readFileSync(target), bytes) !== 0) writeFileSync(target, bytes);
}
