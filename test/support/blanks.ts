// Every character that some parser takes for a blank: Unicode White_Space, the byte order mark, and NUL.

/** SP and HTAB: the optional white space of HTTP (RFC 9110 section 5.6.3). */
export const OPTIONAL_WHITE_SPACE = [' ', '\t'];

/** All others, by their code points, so that a test title shows which. */
export const OTHER_BLANKS: [name: string, blank: string][] = [
  ...[0x00, 0x0a, 0x0b, 0x0c, 0x0d, 0x85, 0xa0, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005],
  ...[0x2006, 0x2007, 0x2008, 0x2009, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff],
].map((code) => [`U+${code.toString(16).toUpperCase().padStart(4, '0')}`, String.fromCodePoint(code)]);

/** Those that a header value can hold: the platform refuses NUL and line breaks, and trims nothing else. */
export const BLANKS_IN_HEADERS = OTHER_BLANKS.filter(([, blank]) => !/[\0\r\n]/.test(blank));
