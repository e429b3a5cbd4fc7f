import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeReference } from '../../src/cli/reference-maker.ts';

const root = join(import.meta.dirname, '../..');

it('the committed reference is what `npm run reference` makes today', async () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const committed = readFileSync(join(root, 'src/web/public/openapi.json'), 'utf8');
  expect(committed).toBe(await makeReference(version));
});
