// The id of a new database, written into wrangler.toml: below the name of its own table, every other byte kept.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { experimental_readRawConfig as readRawConfig } from 'wrangler';
import { replaceFile } from './replace-file.ts';

interface Target {
  /** The environment whose database it is; `undefined` for the top level. */
  environment: string | undefined;
  binding: string;
  id: string;
}

interface RawConfig {
  d1_databases?: Record<string, unknown>[];
  env?: Record<string, RawConfig>;
}

/**
 * Writes `database_id` into the configuration file. False, and nothing is written, where the file is no TOML or is laid out in
 * a way that an edit by lines does not get right: the result is parsed and compared before it replaces anything.
 */
export function writeDatabaseId(path: string, target: Target): boolean {
  if (!path.endsWith('.toml')) return false;
  const toml = readFileSync(path, 'utf8');
  const expected = structuredClone(parseToml(toml));
  const index = databasesOf(expected, target).findIndex(({ binding }) => binding === target.binding);
  const database = databasesOf(expected, target)[index];
  if (database === undefined) return false;
  database.database_id = target.id;
  const edited = insertId(toml, target, index);
  if (edited === undefined || !hasContent(edited, expected)) return false;
  replaceFile(path, edited);
  return true;
}

function databasesOf(config: RawConfig | undefined, { environment }: Target): Record<string, unknown>[] {
  const scope = environment === undefined ? config : config?.env?.[environment];
  return scope?.d1_databases ?? [];
}

/** Below `database_name` of the table with this index, counted from the top of the file. */
function insertId(toml: string, { environment, id }: Target, index: number): string | undefined {
  const header = environment === undefined ? ['d1_databases'] : ['env', environment, 'd1_databases'];
  const lines = toml.split('\n');
  let seen = -1;
  let isInside = false;
  for (const [at, line] of lines.entries()) {
    if (/^\s*\[/.test(line)) {
      isInside = isDeepStrictEqual(readHeader(line), header);
      if (isInside) seen += 1;
    }
    const indent = /^(\s*)(?:database_name|"database_name"|'database_name')\s*=/.exec(line)?.[1];
    if (isInside && seen === index && indent !== undefined) {
      const end = line.endsWith('\r') ? '\r' : '';
      return lines.toSpliced(at + 1, 0, `${indent}database_id = "${id}"${end}`).join('\n');
    }
  }
  return undefined;
}

/** The keys of `[[env.staging.d1_databases]]`, bare or in quotes. */
function readHeader(line: string): string[] {
  const path = /^\s*\[\[(.*)\]\]/.exec(line)?.[1] ?? '';
  return [...path.matchAll(/"([^"]*)"|'([^']*)'|([\w-]+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? '',
  );
}

function hasContent(toml: string, expected: RawConfig): boolean {
  try {
    return isDeepStrictEqual(parseToml(toml), expected);
  } catch {
    return false;
  }
}

/** By wrangler's own parser, which reads files. */
function parseToml(toml: string): RawConfig {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-config-'));
  try {
    const path = join(folder, 'wrangler.toml');
    writeFileSync(path, toml);
    // The members that are read here are checked by wrangler when it reads the file itself.
    return readRawConfig({ config: path }).rawConfig as RawConfig;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
