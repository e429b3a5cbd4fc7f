// The blanks that parsers of ours take away. Never `String.prototype.trim` on input: it also takes Unicode blanks and the
// byte order mark, so that one name would have many spellings (U+2000 before `__Host-jwt` passes a browser's check of prefixes).

/** Removes SP and HTAB at both ends: the optional white space of HTTP (RFC 9110 section 5.6.3). */
export function trimOptionalWhiteSpace(text: string): string {
  return trim(text, ' \t');
}

/** Removes what shells and files leave around the value of a setting: SP, HTAB and line breaks. */
export function trimSetting(text: string): string {
  return trim(text, ' \t\r\n');
}

/** The items of a setting that is a list with commas, the empty ones too. */
export function splitSetting(text: string): string[] {
  return text.split(',').map(trimSetting);
}

function trim(text: string, blanks: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && blanks.includes(text.charAt(start))) start += 1;
  while (end > start && blanks.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end);
}
