// Cursors of paged lists: where a page ended, opaque to clients. A text that the list did not give out is refused.

import type { AppContext } from './context.ts';
import { refuse } from './problem.ts';

/** A cursor for a position, which its list writes as text and knows again by a pattern. */
export function encodeCursor(position: string): string {
  return new TextEncoder().encode(position).toBase64({ alphabet: 'base64url', omitPadding: true });
}

export type ReadCursor = { ok: true; groups: string[] | undefined } | { ok: false };

/** The groups of a position's pattern; none for the beginning, which no cursor and an empty one stand for. */
export function readCursor(cursor: string | undefined, pattern: RegExp): ReadCursor {
  if (cursor === undefined || cursor === '') return { ok: true, groups: undefined };
  try {
    const position = new TextDecoder().decode(Uint8Array.fromBase64(cursor, { alphabet: 'base64url' }));
    const groups = pattern.exec(position)?.slice(1);
    // Encoded again, since a decoder forgives padding, blanks and stray bits.
    return groups !== undefined && encodeCursor(position) === cursor ? { ok: true, groups } : { ok: false };
  } catch {
    return { ok: false };
  }
}

export function refuseCursor(c: AppContext): Response {
  return refuse(c, 'invalid_input', {
    errors: [{ field: 'cursor', code: 'invalid_cursor', message: 'is not a cursor of this list' }],
  });
}
