import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findEnvFaults, findImportFaults, type Sources } from '../support/import-rules.ts';

const SRC = join(import.meta.dirname, '../../src');

function readSources(): Sources {
  const paths = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ts'),
  );
  // What wrangler generates is no code of ours.
  const ours = paths.filter((path) => !path.endsWith('.d.ts'));
  return Object.fromEntries(
    ours.map((path) => [path.replaceAll('\\', '/'), readFileSync(join(SRC, path), 'utf8')]),
  );
}

const sources = readSources();

describe('the source tree', () => {
  it('imports downward only, without cycles and without barrels', () => {
    expect(Object.keys(sources)).toContain('http/routes/login.ts');
    expect(findImportFaults(sources)).toEqual([]);
  });

  it('reads settings in config/ alone, and bindings where storage is called', () => {
    expect(findEnvFaults(sources)).toEqual([]);
  });

  it.each<[string, string]>([
    ['api/wire.ts', '../domain/names.ts'],
    ['api/errors.ts', '../http/problem.ts'],
    ['domain/session.ts', '../tokens/claims.ts'],
    ['domain/session.ts', '../account/account.ts'],
    ['domain/session.ts', 'valibot'],
    ['domain/session.ts', 'node:crypto'],
    ['passwords/scrypt.ts', '../domain/password-rules.ts'],
    ['passwords/scrypt.ts', '../api/wire.ts'],
    ['tokens/jws.ts', '../api/wire.ts'],
    ['tokens/jws.ts', '../config/config.ts'],
    ['tokens/jws.ts', 'jose'],
    ['directory/directory.ts', '../account/account.ts'],
    ['account/flows/flow-runner.ts', '../../http/storage-calls.ts'],
    ['domain/name-flow.ts', '../directory/directory.ts'],
    ['directory/directory.ts', '../tokens/claims.ts'],
    ['account/account.ts', '../http/grant.ts'],
    ['account/account.ts', '../tokens/refresh-token.ts'],
    ['mail/templates.ts', '../account/account.ts'],
    ['mail/mailer.ts', '../config/config.ts'],
    ['config/config.ts', '../tokens/key-set.ts'],
    ['config/config.ts', '../http/service.ts'],
    ['http/routes/login.ts', '../../app.ts'],
    ['http/routes/login.ts', '../../index.ts'],
    ['http/routes/login.ts', '../../passwords/scrypt.ts'],
    ['http/routes/login.ts', '../../cli/key-maker.ts'],
    ['http/routes/login.ts', 'node:fs'],
    ['http/routes/login.ts', '../../account/account.ts'],
    ['http/routes/login.ts', '../../account/sessions.ts'],
    ['http/grant.ts', '../account/storage/event-store.ts'],
    ['index.ts', './account/contract.ts'],
    ['http/grant.ts', './routes/login.ts'],
    ['http/grant.ts', '../app.ts'],
    ['app.ts', './index.ts'],
    ['app.ts', './account/account.ts'],
    ['app.ts', './directory/directory.ts'],
    ['index.ts', './config/config.ts'],
    ['client/api.ts', '../api/errors.ts'],
    ['cli/keys.ts', '../http/service.ts'],
    ['cli/keys.ts', '../account/account.ts'],
  ])('would be refused if %s imported %s', (path, specifier) => {
    const target = specifier.startsWith('.') ? join(path, '..', specifier) : specifier;
    expect(Object.keys(sources)).toContain(path);
    const planted = { ...sources, [path]: `import '${specifier}';\n${sources[path]}` };
    expect(findImportFaults(planted)).toContain(`${path}: must not import ${target}`);
  });
});

describe('the check of imports', () => {
  it.each([
    "import { now } from '../http/clock.ts';",
    "import * as clock from '../http/clock.ts';",
    "import type { Clock } from '../http/clock.ts';",
    "import { type Clock } from '../http/clock.ts';",
    "import '../http/clock.ts';",
    "import /* lazily */ clock from // the clock\n  '../http/clock.ts'",
    "const clock = await import('../http/clock.ts');",
    "let clock: import('../http/clock.ts').Clock;",
    "let clock: typeof import('../http/clock.ts');",
    "import clock = require('../http/clock.ts');",
    "export { now } from '../http/clock.ts';",
    "export * from '../http/clock.ts';",
    "export * as clock from '../http/clock.ts';",
    "export type { Clock } from '../http/clock.ts';",
  ])('sees an import in any form: %s', (text) => {
    const graph = { 'domain/a.ts': text, 'http/clock.ts': 'export const now = 1;' };
    expect(findImportFaults(graph)).toContain('domain/a.ts: must not import http/clock.ts');
  });

  it('is not misled by text that looks like an import', () => {
    const text = `// import '../http/clock.ts'
      const sql = "import x from '../http/clock.ts'";
      const template = \`export * from '../http/clock.ts'\`;`;
    expect(findImportFaults({ 'domain/a.ts': text, 'http/clock.ts': '' })).toEqual([]);
  });

  it('wants literal specifiers: a computed one could be anything', () => {
    expect(() => findImportFaults({ 'http/a.ts': 'await import(name);' })).toThrow('http/a.ts');
  });

  it('finds a cycle, of types too, and across files of one room', () => {
    const graph = {
      'domain/a.ts': "import './b.ts';",
      'domain/b.ts': "import type { C } from './c.ts';",
      'domain/c.ts': "import { a } from './a.ts'; import '../api/wire.ts';",
      'api/wire.ts': '',
    };
    expect(findImportFaults(graph)).toEqual([
      'cycle: domain/a.ts -> domain/b.ts -> domain/c.ts -> domain/a.ts',
    ]);
    expect(findImportFaults({ 'api/wire.ts': "import './wire.ts';" })).toEqual([
      'cycle: api/wire.ts -> api/wire.ts',
    ]);
    expect(findImportFaults({ ...graph, 'domain/c.ts': "import '../api/wire.ts';" })).toEqual([]);
  });

  it('takes two ways to one file for no cycle', () => {
    const graph = { 'a.ts': '', 'domain/a.ts': "import './b.ts'; import './c.ts';" };
    const rest = { 'domain/b.ts': "import './d.ts';", 'domain/c.ts': "import './d.ts';", 'domain/d.ts': '' };
    expect(findImportFaults({ ...graph, ...rest })).toEqual(['a.ts: the room a has no rule']);
  });

  it('refuses a barrel, and lets the Worker entry export its class', () => {
    const room = { 'account/account.ts': 'export class Account {}', 'app.ts': '' };
    const entry = "export { Account } from './account/account.ts';";
    expect(findImportFaults({ ...room, 'index.ts': entry })).toEqual([]);
    expect(findImportFaults({ ...room, 'account/index.ts': "export * from './account.ts';" })).toEqual([
      'account/index.ts: exports from another file',
    ]);
  });

  it('refuses a file or a room that is not known', () => {
    expect(findImportFaults({ 'http/a.ts': "import '../../test/support/service.ts';" })).toEqual([
      'http/a.ts: imports ../test/support/service.ts, which is no source file',
    ]);
    expect(findImportFaults({ 'utils/a.ts': '' })).toEqual(['utils/a.ts: the room utils has no rule']);
  });
});

describe('the check of env', () => {
  it.each<[string, string, string]>([
    ['http/login.ts', 'c.env.ISSUER', 'ISSUER'],
    ['http/login.ts', 'c.env.DIRECTORY.prepare(sql)', 'DIRECTORY'],
    ['http/login.ts', "c.env['ISSUER']", "['ISSUER']"],
    ['http/login.ts', 'const { ISSUER } = c.env;', 'env'],
    ['http/login.ts', 'const { env } = c;', 'env'],
    ['http/login.ts', 'loadService(c.env)', 'env'],
    ['http/login.ts', "import { env } from 'cloudflare:workers';", 'env'],
    ['http/login.ts', 'process.env.ISSUER', 'ISSUER'],
    ['http/storage-calls.ts', 'c.env.ISSUER', 'ISSUER'],
    ['http/client-info.ts', 'c.env[name]', '[name]'],
    ['account/outbox.ts', 'this.env.ACCOUNT', 'ACCOUNT'],
    ['account/account.ts', 'this.#env.ISSUER', 'ISSUER'],
    ['http/service.ts', 'env.ISSUER', 'ISSUER'],
  ])('finds that %s says %s', (path, text, use) => {
    expect(findEnvFaults({ [path]: text })).toEqual([`${path}: must not use ${use} of env`]);
  });

  it('allows what each file is for', () => {
    const uses = {
      'config/config.ts': 'const x = env[name]; const { ISSUER } = env;',
      'http/service.ts': 'loadConfig(env);',
      'http/request-log.ts': 'loadService(c.env);',
      'http/storage-calls.ts': 'c.env.ACCOUNT.getByName(id); c.env.DIRECTORY;',
      'http/client-info.ts': 'c.env[binding].limit({ key });',
      'account/account.ts': 'this.env.ACCOUNT.getByName(id); report(this.env.DIRECTORY, id);',
      'cli/wrangler.ts': 'spawn(x, { env: process.env });',
      'http/login.ts': 'environment.ISSUER; "env"; // env',
    };
    expect(findEnvFaults(uses)).toEqual([]);
  });
});
