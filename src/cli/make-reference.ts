// `npm run reference`: writes the OpenAPI document that the service shows. It is committed; a test says when it is stale.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { makeDocument } from '../reference/document.ts';
import { PROJECT_ROOT } from './wrangler.ts';

const text = JSON.stringify(makeDocument(packageJson.version), null, 2);
writeFileSync(join(PROJECT_ROOT, 'src/web/public/openapi.json'), `${text}\n`);
