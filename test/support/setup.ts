// Before each file: the directory's tables. Storage is isolated per file, not per test.
import { applyD1Migrations } from 'cloudflare:test';
import { env } from 'cloudflare:workers';

await applyD1Migrations(env.DIRECTORY, env.TEST_MIGRATIONS);
