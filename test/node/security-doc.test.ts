// docs/security/asvs.md against the list of requirements, the tests that it names, and its own totals. What a test proves is
// not judged here. At the end, four facts about the source that rows of it rest on.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const VERDICTS = ['met', 'not applicable', 'not met'];

interface Row {
  standard: string;
  ids: string[];
  verdict: string;
  evidence: string;
}

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const text = read('docs/security/asvs.md');
const [introduction = '', ...sections] = text.split('\n## ');
const rows = sections.flatMap(readRows);

function readRows(section: string): Row[] {
  const standard = section.slice(0, section.indexOf('\n'));
  return readCells(section).map(([ids = '', , verdict = '', evidence = '']) => ({
    standard,
    ids: ids.split(', '),
    verdict,
    evidence,
  }));
}

/** The cells of every row of a table, without its head. */
function readCells(markdown: string): string[][] {
  const lines = markdown.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .slice(1, line.lastIndexOf('|'))
      .split('|')
      .map((cell) => cell.trim()),
  );
}

/** Test files and titles as a row names them. */
function readCitations(evidence: string): { path: string; title: string }[] {
  const found = evidence.matchAll(/`(test\/[^`]+)` “([^”]+)”/g);
  return [...found].map(([, path = '', title = '']) => ({ path, title }));
}

function isTitleIn({ path, title }: { path: string; title: string }): boolean {
  if (!/^test\/[\w/-]+\.test\.ts$/.test(path) || !existsSync(join(root, path))) return false;
  const source = read(path);
  return ["'", '"', '`'].some((quote) => source.includes(`${quote}${title}${quote},`));
}

describe('docs/security/asvs.md', () => {
  it('has every ASVS requirement of levels 1 and 2 once, and no other', () => {
    const list: { requirements: { id: string; level: number }[] } = JSON.parse(
      read('test/vectors/asvs-5.0.0-ids.json'),
    );
    expect(list.requirements).toHaveLength(200);
    const ids = rows.filter(({ standard }) => standard.startsWith('OWASP ASVS')).flatMap((row) => row.ids);
    expect(ids.sort()).toEqual(list.requirements.map(({ id }) => id).sort());
  });

  it('has every id of the other standards once', () => {
    const ids = rows.flatMap(({ standard, ids }) => ids.map((id) => `${standard}: ${id}`));
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    expect(new Set(rows.map(({ standard }) => standard)).size).toBe(5);
  });

  it('gives each one of three verdicts, and a reason or evidence', () => {
    expect(rows.filter(({ verdict }) => !VERDICTS.includes(verdict))).toEqual([]);
    expect(rows.filter(({ evidence }) => evidence.length < 10)).toEqual([]);
  });

  it('calls nothing met without a test, and names only tests that exist', () => {
    const bare = rows.filter(
      ({ verdict, evidence }) => verdict === 'met' && readCitations(evidence).length === 0,
    );
    expect(bare.map(({ ids }) => ids)).toEqual([]);
    const citations = rows.flatMap(({ ids, evidence }) =>
      readCitations(evidence).map((citation) => ({ ids, ...citation })),
    );
    expect(citations.filter((citation) => !isTitleIn(citation))).toEqual([]);
    // Each mention of a test file in a row that is met belongs to a title.
    const mentions = rows.flatMap(({ verdict, evidence }) =>
      verdict === 'met' ? (evidence.match(/test\//g) ?? []) : [],
    );
    expect(mentions).toHaveLength(citations.length);
  });

  it('counts its verdicts right', () => {
    const counted = [...new Set(rows.map(({ standard }) => standard))].map((standard) => {
      const own = rows.filter((row) => row.standard === standard);
      const count = (verdict: string) =>
        own.filter((row) => row.verdict === verdict).flatMap(({ ids }) => ids).length;
      return [standard, ...VERDICTS.map((verdict) => String(count(verdict)))];
    });
    expect(readCells(introduction)).toEqual(counted);
    expect(counted).toHaveLength(5);
  });
});

describe('the Worker', () => {
  const source = globSync('src/**/*.ts', { cwd: root })
    .filter((path) => !/^src\/(cli|client|web|reference)\//.test(path) && !path.endsWith('.d.ts'))
    .map((path) => ({ path, code: read(path).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '') }));
  const pathsWith = (pattern: RegExp) =>
    source.filter(({ code }) => pattern.test(code)).map(({ path }) => path);

  it('runs no text as code', () => {
    expect(source.length).toBeGreaterThan(30);
    expect(pathsWith(/\beval\s*\(|\bFunction\s*\(|\bimport\s*\(/)).toEqual([]);
  });

  it('calls nobody but the mail webhook that the operator names', () => {
    expect(source.length).toBeGreaterThan(30);
    expect(
      pathsWith(
        /(?<!assets\.)\bfetch\s*\(|\bWebSocket\b|\bconnect\s*\(|cloudflare:sockets|node:(?!crypto|url)/,
      ),
    ).toEqual([
      // One fixed address, from the settings; no request can change it, and redirects are not followed.
      'src/mail/webhook-sender.ts',
    ]);
  });

  it('draws random numbers from Web Crypto alone', () => {
    expect(pathsWith(/\bMath\s*\.\s*random\b|\brandomBytes\b/)).toEqual([]);
    expect(pathsWith(/\bcrypto\.getRandomValues\(/)).toEqual(
      expect.arrayContaining(['src/domain/ids.ts', 'src/passwords/scrypt.ts']),
    );
  });

  it('ships no account: no migration writes a row', () => {
    const migrations = globSync('src/directory/migrations/*.sql', { cwd: root }).sort().map(read);
    expect(migrations.length).toBeGreaterThan(3);
    // What is written comes out of a table that is there.
    const writes = migrations.flatMap(
      (sql) => sql.match(/\b(?:INSERT INTO|REPLACE INTO|UPDATE \w+ SET)\b[^;]*/gi) ?? [],
    );
    expect(writes.length).toBeGreaterThan(0);
    for (const write of writes) expect(write).toMatch(/^INSERT INTO names SELECT [^;]* FROM accounts\b/s);
    const database = new DatabaseSync(':memory:');
    for (const sql of migrations) database.exec(sql);
    const tables = database
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'")
      .all();
    expect(tables.map(({ name }) => name)).toContain('names');
    for (const { name } of tables) expect(database.prepare(`SELECT * FROM ${name}`).all()).toEqual([]);
    database.close();
  });

  it('copies the names of accounts that are there into their own table', () => {
    const paths = globSync('src/directory/migrations/*.sql', { cwd: root }).sort();
    const before = paths.findIndex((path) => path.includes('0004'));
    const database = new DatabaseSync(':memory:');
    for (const path of paths.slice(0, before)) database.exec(read(path));
    database.exec(
      "INSERT INTO accounts (id, username_key, email_key, username, email, created_at_ms) VALUES ('a', 'ada', 'ada@münchen.example', 'Ada', 'Ada@münchen.example', 1)",
    );
    for (const path of paths.slice(before)) database.exec(read(path));
    const state = { account_id: 'a', state: 'active', until_ms: null };
    expect(
      database
        .prepare('SELECT * FROM names ORDER BY key')
        .all()
        .map((row) => ({ ...row })),
    ).toEqual([
      { key: 'email:ada@münchen.example', kind: 'email', display: 'Ada@münchen.example', ...state },
      { key: 'username:ada', kind: 'username', display: 'Ada', ...state },
    ]);
    database.close();
  });
});
