// `npm run reference`: writes the OpenAPI document that the service shows. It is committed; a test says when it is stale.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { makeReference } from './reference-maker.ts';
import { PROJECT_ROOT } from './wrangler.ts';

writeFileSync(join(PROJECT_ROOT, 'src/web/public/openapi.json'), await makeReference(packageJson.version));
