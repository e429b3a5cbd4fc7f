// Before each file: the directory's tables. Storage is isolated per file, not per test.
// And nobody waits: the floor under refused sign-ins is asked for and passes at once (test/http/refusal-floor.test.ts).
import { applyD1Migrations } from 'cloudflare:test';
import { env } from 'cloudflare:workers';

await applyD1Migrations(env.DIRECTORY, env.TEST_MIGRATIONS);

scheduler.wait = () => Promise.resolve();
