// Where the id of a new database is written: the right table of the file, and nothing else in it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { writeDatabaseId } from '../../src/cli/database-id.ts';

const folder = mkdtempSync(join(tmpdir(), 'latchkey-id-'));
afterAll(() => rmSync(folder, { recursive: true }));

const ID = '0b6d7c2e-1111-4222-8333-944455556666';
const target = { environment: undefined, binding: 'DIRECTORY', id: ID };

/** What becomes of a file; `undefined` where it was left alone. */
function write(text: string, environment?: string, name = 'wrangler.toml'): string | undefined {
  const path = join(folder, name);
  writeFileSync(path, text);
  const isWritten = writeDatabaseId(path, { ...target, environment });
  const after = readFileSync(path, 'utf8');
  if (!isWritten) expect(after).toBe(text);
  return isWritten ? after : undefined;
}

const table = (name: string, binding: string, header = 'd1_databases') =>
  `[[${header}]]\nbinding = "${binding}"\ndatabase_name = "${name}"\n`;

describe('the id of a database', () => {
  it.each([
    ['double quotes', 'database_name = "latchkey"'],
    ['single quotes', "database_name = 'latchkey'"],
    ['blanks and a comment', '  database_name   =   "latchkey" # mine'],
    ['a key in quotes', '"database_name" = "latchkey"'],
    ['what String.replace reads as the text around', `database_name = "a$'b$&c$\`d$$"`],
  ])('goes below the name, and every other byte stays: %s', (_, line) => {
    const top = '# [[d1_databases]] # database_name = "latchkey"\nname = "x"\n\n[[d1_databases]]\n';
    const bottom = 'binding = "DIRECTORY"\n\n[vars]\nA = "database_name"\n';
    const indent = line.startsWith(' ') ? '  ' : '';
    expect(write(`${top}${line}\n${bottom}`)).toBe(
      `${top}${line}\n${indent}database_id = "${ID}"\n${bottom}`,
    );
  });

  it('goes into the table of the binding, among others whose names contain its own', () => {
    const before = table('latchkey-2', 'SECOND');
    const after = `${table('latchkey', 'THIRD')}${table('latchkey', 'DIRECTORY', 'env.staging.d1_databases')}`;
    const own = table('latchkey', 'DIRECTORY');
    expect(write(`${before}${own}${after}`)).toBe(`${before}${own}database_id = "${ID}"\n${after}`);
  });

  it.each(['env.staging.d1_databases', ' env . "staging" . d1_databases ', "env.'staging'.d1_databases"])(
    'goes into the table of the environment: [[%s]]',
    (header) => {
      const top = `${table('latchkey', 'DIRECTORY')}${table('latchkey', 'DIRECTORY', 'env.prod.d1_databases')}`;
      const own = table('latchkey', 'DIRECTORY', header);
      expect(write(`${top}${own}`, 'staging')).toBe(`${top}${own}database_id = "${ID}"\n`);
    },
  );

  it('keeps the line ends of Windows', () => {
    const text = table('latchkey', 'DIRECTORY').replaceAll('\n', '\r\n');
    expect(write(text)).toBe(`${text}database_id = "${ID}"\r\n`);
  });

  it.each<[string, string, string?]>([
    ['an inline table', 'd1_databases = [{ binding = "DIRECTORY", database_name = "latchkey" }]\n'],
    [
      'a text that looks like a table',
      `NOTE = """\n[[d1_databases]]\ndatabase_name = "x"\n"""\n${table('latchkey', 'DIRECTORY')}`,
    ],
    ['an id that is there, and empty', `${table('latchkey', 'DIRECTORY')}database_id = ""\n`],
    ['another binding', table('latchkey', 'OTHER')],
    ['JSON', '{"d1_databases":[{"binding":"DIRECTORY","database_name":"latchkey"}]}', 'wrangler.jsonc'],
  ])('is not written where an edit by lines is not safe: %s', (_, text, name) => {
    expect(write(text, undefined, name)).toBeUndefined();
  });
});
