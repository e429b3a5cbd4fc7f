// docs/reference/storage.md against the schemas that the migrations make: every table and every column, both ways.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { migrate } from '../../src/account/storage/schema.ts';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/reference/storage.md'), 'utf8');

interface Documented {
  table: string;
  /** Everything in backticks up to the next table. */
  named: string[];
  /** The first cells of the table of columns. */
  listed: string[];
}

/** What the page says of the tables of one schema. */
function readDocumented(heading: string): Documented[] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return section
    .split(/(?=\*\*`\w+`\*\*:)/)
    .slice(1)
    .map((text) => {
      const cells = [...text.matchAll(/^\| (`.+?`) +\|/gm)].map(([, cell = '']) => cell).join();
      return { table: readNames(text)[0] ?? '', named: readNames(text), listed: readNames(cells) };
    });
}

function readNames(text: string): string[] {
  return [...text.matchAll(/`(\w+)`/g)].map(([, name = '']) => name);
}

/** The columns of every table, by the table's name. */
function readSchema(db: DatabaseSync): Record<string, string[]> {
  const read = (sql: string, ...values: string[]) =>
    db
      .prepare(sql)
      .all(...values)
      .map(({ name }) => String(name));
  const tables = read("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'");
  return Object.fromEntries(
    tables.map((table) => [table, read('SELECT name FROM pragma_table_info(?)', table)]),
  );
}

function openAccount(): DatabaseSync {
  const db = new DatabaseSync(':memory:');
  const exec = (sql: string, ...values: number[]) => {
    if (!/^SELECT|\?/.test(sql)) return db.exec(sql);
    const rows = db.prepare(sql).all(...values);
    return { toArray: () => rows, one: () => rows[0] };
  };
  // What `migrate` uses of the platform's storage.
  const storage = { sql: { exec }, transactionSync: (run: () => void) => run() };
  migrate(storage as unknown as DurableObjectStorage);
  return db;
}

function openDirectory(): DatabaseSync {
  const db = new DatabaseSync(':memory:');
  for (const path of globSync('src/directory/migrations/*.sql', { cwd: root }).sort())
    db.exec(readFileSync(join(root, path), 'utf8'));
  return db;
}

describe.each([
  ['An account', openAccount],
  ['The directory', openDirectory],
] as const)('docs/reference/storage.md, "%s"', (heading, open) => {
  const schema = readSchema(open());
  const documented = readDocumented(heading);

  it('has every table, and no other', () =>
    expect(documented.map(({ table }) => table).toSorted()).toEqual(Object.keys(schema).toSorted()));

  it.each(Object.entries(schema))('has every column of %s, and no other', (name, columns) => {
    const { named = [], listed = [] } = documented.find(({ table }) => table === name) ?? {};
    expect(columns.filter((column) => !named.includes(column))).toEqual([]);
    expect(listed.filter((column) => !columns.includes(column))).toEqual([]);
  });
});
