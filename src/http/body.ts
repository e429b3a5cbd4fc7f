// Request bodies: JSON or a form, at most 8 KiB, strict UTF-8, checked against a schema of wire.ts.
import * as v from 'valibot';
import type { FieldError, FieldFault } from '../api/error-codes.ts';
import { MAX_BODY_BYTES } from '../api/wire.ts';
import { trimOptionalWhiteSpace } from '../domain/white-space.ts';
import type { AppContext } from './context.ts';

export const bodyFaults = [
  'malformed_body',
  'body_too_large',
  'body_used_up',
  'compressed_body',
  'unsupported_media_type',
  'invalid_input',
] as const;
type BodyFault = (typeof bodyFaults)[number];
export type ReadBody<T> = { ok: true; value: T } | { ok: false; reason: BodyFault; errors?: FieldError[] };
type ObjectSchema<T> = v.GenericSchema<unknown, T>;

/** Takes a byte order mark away, as RFC 8259 section 8.1 lets a parser do: some editors and clients write one. */
const fatalUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** Reads and checks a body. Unknown fields are ignored; missing and mistyped ones come back as field errors. */
export async function readBody<T>(
  c: AppContext,
  schema: ObjectSchema<T>,
  takesForms: boolean,
): Promise<ReadBody<T>> {
  const format = bodyFormat(c.req.header('Content-Type'));
  if (format === undefined || (format === 'form' && !takesForms))
    return { ok: false, reason: 'unsupported_media_type' };
  if (isCompressed(c.req.header('Content-Encoding'))) {
    // RFC 9110 section 15.5.16: says that the coding is at fault, and which one is taken.
    c.header('Accept-Encoding', 'identity');
    return { ok: false, reason: 'compressed_body' };
  }
  const read = await readBytes(c);
  if (!read.ok) return read;
  const fields = format === 'json' ? parseJson(read.bytes) : parseForm(read.bytes);
  if (fields === undefined) return { ok: false, reason: 'malformed_body' };
  const checked = v.safeParse(schema, fields);
  if (checked.success) return { ok: true, value: checked.output };
  return { ok: false, reason: 'invalid_input', errors: toFieldErrors(checked.issues) };
}

/** Issues of a schema as the wire shows them: what is wrong with which field, never the value. */
export function toFieldErrors(issues: readonly v.BaseIssue<unknown>[]): FieldError[] {
  return issues.map((issue) => ({ field: v.getDotPath(issue) ?? '', ...toFault(issue) }));
}

function toFault({ type, received, expected, requirement, message }: v.BaseIssue<unknown>): FieldFault {
  if (type === 'object' && received === 'undefined') return { code: 'required', message: 'is required' };
  if (type === 'min_value') return { code: 'too_small', message, params: { min: Number(requirement) } };
  if (type === 'max_value') return { code: 'too_large', message, params: { max: Number(requirement) } };
  // The one pattern in a schema is that of a whole number in a query.
  if (type === 'integer' || type === 'regex') return { code: 'not_an_integer', message };
  const code = type === 'literal' || type === 'picklist' ? 'not_an_option' : 'wrong_type';
  return { code, message, params: { expected: listOptions(expected ?? type) } };
}

/** Writes the validation library's `("newest" | "oldest")` as `newest, oldest`. */
function listOptions(expected: string): string {
  return expected.replaceAll(/[()"]/g, '').replaceAll(' | ', ', ');
}

function bodyFormat(contentType: string | undefined): 'json' | 'form' | undefined {
  const mediaType = trimOptionalWhiteSpace(contentType?.split(';', 1)[0] ?? '').toLowerCase();
  if (mediaType === 'application/json') return 'json';
  return mediaType === 'application/x-www-form-urlencoded' ? 'form' : undefined;
}

/** A few bytes can unpack to gigabytes, and the platform leaves that to us. Bodies of 8 KiB need no compression. */
function isCompressed(contentEncoding: string | undefined): boolean {
  if (contentEncoding === undefined) return false;
  const codings = contentEncoding.split(',').map(trimOptionalWhiteSpace);
  return codings.some((coding) => coding !== '' && coding.toLowerCase() !== 'identity');
}

type ReadBytes =
  | { ok: true; bytes: Uint8Array }
  | { ok: false; reason: 'body_too_large' | 'body_used_up' | 'malformed_body' };

/** The body, whoever read it first: below a mount that may have been the parent app, and Hono keeps what it read. */
async function readBytes(c: AppContext): Promise<ReadBytes> {
  const { body, bodyUsed } = c.req.raw;
  if (body === null) return { ok: true, bytes: new Uint8Array() };
  if (!bodyUsed && !body.locked) return readStream(body);
  if (Object.keys(c.req.bodyCache).length === 0) return { ok: false, reason: 'body_used_up' };
  try {
    const bytes = await readCached(c);
    if (bytes.length > MAX_BODY_BYTES) return { ok: false, reason: 'body_too_large' };
    // Read as text, bytes that are not UTF-8 have become this character: passwords of such bytes would all be one.
    if (new TextDecoder().decode(bytes).includes('\ufffd')) return { ok: false, reason: 'malformed_body' };
    return { ok: true, bytes };
  } catch {
    // The parent could not read it to its end either.
    return { ok: false, reason: 'malformed_body' };
  }
}

/** What Hono kept. It makes multipart of FormData, so a form that was read as nothing else is written out again here. */
async function readCached({ req }: AppContext): Promise<Uint8Array> {
  const isFormOnly = Object.keys(req.bodyCache).every((kind) => kind === 'formData');
  if (!isFormOnly) return new Uint8Array(await req.arrayBuffer());
  const fields = [...(await req.formData())].map(([name, value]) => [name, String(value)]);
  return new TextEncoder().encode(new URLSearchParams(fields).toString());
}

/** Counts what arrives, whatever Content-Length says. */
async function readStream(body: ReadableStream<Uint8Array>): Promise<ReadBytes> {
  const buffer = new Uint8Array(MAX_BODY_BYTES);
  let length = 0;
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { ok: true, bytes: buffer.subarray(0, length) };
      if (length + value.length > MAX_BODY_BYTES) break;
      buffer.set(value, length);
      length += value.length;
    }
  } catch {
    // The client went away, or sent less than it announced: its fault, and no bug of ours.
    return { ok: false, reason: 'malformed_body' };
  }
  // Whether the client receives the response does not matter.
  await reader.cancel().catch(() => undefined);
  return { ok: false, reason: 'body_too_large' };
}

function parseJson(bytes: Uint8Array): object | undefined {
  try {
    const value: unknown = JSON.parse(fatalUtf8.decode(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * WHATWG URL section 5, but for escapes of bytes that are not UTF-8 (a page in Latin-1): the parser makes U+FFFD of them, and passwords
 * of such bytes would all be one. A field given twice becomes a list, which the schema refuses as mistyped.
 */
function parseForm(bytes: Uint8Array): object | undefined {
  try {
    const form = fatalUtf8.decode(bytes);
    // Throws for bytes that are not UTF-8.
    for (const [escapes] of form.matchAll(/(?:%[\da-f]{2})+/gi)) decodeURIComponent(escapes);
    const fields = new Map<string, string | string[]>();
    for (const [name, value] of new URLSearchParams(form)) {
      const earlier = fields.get(name);
      fields.set(name, earlier === undefined ? value : [...[earlier].flat(), value]);
    }
    return Object.fromEntries(fields);
  } catch {
    return undefined;
  }
}
