// `npm run blocklist`: writes src/domain/common-passwords-data.ts anew.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { makeBlocklist } from './blocklist-maker.ts';

const target = fileURLToPath(new URL('../domain/common-passwords-data.ts', import.meta.url));
const { passwords, moduleText } = makeBlocklist();
writeFileSync(target, moduleText);
console.log(`${target}: ${passwords.length} passwords`);
