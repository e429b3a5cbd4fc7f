// Before each file: the directory's tables, and a mailbox in place of the network. Storage is isolated per file, not per test.
// And nobody waits: the floor under refused sign-ins is asked for and passes at once (test/http/refusal-floor.test.ts).
import { applyD1Migrations } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { receiveMail } from './mailbox.ts';

await applyD1Migrations(env.DIRECTORY, env.TEST_MIGRATIONS);
globalThis.fetch = receiveMail;
scheduler.wait = () => Promise.resolve();
