// Files in `.env` form, as wrangler's parser (dotenv) and Node's read them: values are replaced, everything else is kept byte
// for byte. Where the two parsers would not agree, nothing is written.
import { isDeepStrictEqual, parseEnv } from 'node:util';

/** dotenv 17's grammar of a line. Groups: name, separator, value with its quotes. */
const LINE =
  /^\s*(?:export\s+)?([\w.-]+)(\s*=\s*?|:\s+?)(\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|\s*`(?:\\`|[^`])*`|[^#\r\n]+)?\s*(?:#.*)?$/dgm;

interface Entry {
  name: string;
  value: string;
  /** Where the value stands in the text, quotes included. */
  start: number;
  end: number;
}

/** The variables of a file, as wrangler reads them: the last one of a name counts. */
export function readEnvFile(text: string): Record<string, string> {
  return Object.fromEntries(readEntries(text).map(({ name, value }) => [name, value]));
}

/**
 * The file with these values: in their places, and at the end for names that it does not have. Throws where a name stands
 * twice, or where wrangler and Node would read the result differently.
 */
export function setInEnvFile(text: string, changes: Record<string, string>): string {
  const entries = readEntries(text);
  let edited = text;
  for (const { name, start, end } of entries.toReversed()) {
    const value = changes[name];
    if (value === undefined) continue;
    if (entries.filter((entry) => entry.name === name).length > 1) throw new Error(`${name} is set twice`);
    edited = `${edited.slice(0, start)}${quote(name, value)}${edited.slice(end)}`;
  }
  const missing = Object.entries(changes).filter(([name]) => !entries.some((entry) => entry.name === name));
  if (missing.length > 0 && edited !== '' && !edited.endsWith('\n')) edited += '\n';
  edited += toEnvLines(Object.fromEntries(missing));
  if (!isDeepStrictEqual(readEnvFile(edited), { ...readEnvFile(text), ...changes }))
    throw new Error(`${Object.keys(changes).join(' or ')} stands where it cannot be replaced`);
  assertSameReading(edited, Object.keys(changes));
  return edited;
}

/** Lines for a file that is made anew. */
export function toEnvLines(values: Record<string, string>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${quote(name, value)}\n`)
    .join('');
}

/** Throws for a variable whose value depends on who reads it: after an edit it would have another one for somebody. */
export function assertSameReading(text: string, names: readonly string[]): void {
  const ours = readEnvFile(text);
  const nodes = parseEnv(text);
  const name = names.find((candidate) => ours[candidate] !== nodes[candidate]);
  if (name !== undefined)
    throw new Error(`${name} is read differently by wrangler and by Node: put the value in other quotes`);
}

function readEntries(text: string): Entry[] {
  return [...text.matchAll(LINE)].map(({ 1: name = '', 3: raw = '', indices }) => {
    const [from, to] = indices?.[3] ?? [indices?.[2]?.[1] ?? 0, indices?.[2]?.[1] ?? 0];
    const start = from + (raw.length - raw.trimStart().length);
    return {
      name,
      value: unquote(raw),
      start,
      end: Math.max(start, to - (raw.length - raw.trimEnd().length)),
    };
  });
}

function unquote(raw: string): string {
  const trimmed = raw.replaceAll(/\r\n?/g, '\n').trim();
  const inner = trimmed.replaceAll(/^(['"`])([\s\S]*)\1$/gm, '$2');
  return trimmed.startsWith('"') ? inner.replaceAll('\\n', '\n').replaceAll('\\r', '\r') : inner;
}

/** The value in quotes that both parsers take off again. Single ones first: in those nothing has a meaning. */
function quote(name: string, value: string): string {
  const spellings = [`'${value}'`, `"${value}"`, `\`${value}\``, value];
  const spelling = spellings.find((candidate) => {
    const line = `X=${candidate}\n`;
    return isDeepStrictEqual(readEnvFile(line), { X: value }) && parseEnv(line).X === value;
  });
  if (spelling === undefined) throw new Error(`${name} holds quotes of every kind: no .env line can hold it`);
  return spelling;
}
