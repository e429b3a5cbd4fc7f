// Every test runs inside workerd, with real Durable Objects and a real D1, except those under test/node: they start
// processes, or read the source tree.
import { join } from 'node:path';
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-pool-workers';
import { defineConfig } from 'vitest/config';
import '../src/cli/build-pages.ts';

const root = join(import.meta.dirname, '..');
/**
 * For what hangs, not for what is slow: no test has a deadline of its own. Every sign-in and registration costs a real
 * hash, 0.15 s of a free core, and much more of a busy one; test/node starts processes that bundle the Worker.
 */
const TIMEOUT_MS = 5 * 60_000;
const migrations = await readD1Migrations(join(root, 'src/directory/migrations'));

export default defineConfig({
  root,
  test: {
    silent: 'passed-only',
    // Both of two cores: the default would leave one to the editor.
    maxWorkers: 2,
    projects: [
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: {
              // The Worker's settings come from test/support/service.ts alone, so that a developer's .dev.vars changes no
              // result. The account reads its own: how mail goes out.
              bindings: {
                TEST_MIGRATIONS: migrations,
                ISSUER: 'https://auth.test',
                ACCESS_TOKEN_SECRET: 'access-token-secret-of-the-tests-0123456789',
                REFRESH_TOKEN_SECRET: 'refresh-token-secret-of-the-tests-0123456789',
                APP_URL: '',
                MAIL_FROM: '',
                MAIL_WEBHOOK_URL: 'https://mail.test/hook',
                MAIL_WEBHOOK_SECRET: 'mail-webhook-secret-of-the-tests-0123456789',
              },
            },
          }),
        ],
        test: {
          name: 'workers',
          testTimeout: TIMEOUT_MS,
          hookTimeout: TIMEOUT_MS,
          include: ['test/**/*.test.ts'],
          exclude: ['test/node/**', 'test/browser/**'],
          setupFiles: ['test/support/setup.ts'],
        },
      },
      {
        // What the platform has and Node has not: declarations of routes are read there, and nothing is run.
        resolve: { alias: { 'cloudflare:workers': join(root, 'test/support/no-platform.ts') } },
        test: {
          name: 'node',
          testTimeout: TIMEOUT_MS,
          hookTimeout: 2 * TIMEOUT_MS,
          include: ['test/node/**/*.test.ts', 'test/client/*.test.ts'],
          exclude: ['test/client/real-service.test.ts'],
          environment: 'node',
        },
      },
    ],
  },
});
