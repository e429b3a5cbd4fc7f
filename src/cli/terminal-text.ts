// Text of others for a terminal: names, addresses, devices and labels are what somebody typed, and may hold sequences that
// steer the terminal (ECMA-48), turn the direction of text, or show as nothing.

/** A text in which every control, format, private and unassigned character is a "?". */
export function toVisible(text: string): string {
  return text.replace(/\p{C}/gu, '?');
}

/** JSON that is the same value, with every such character escaped. */
export function toVisibleJson(value: unknown): string {
  // Between its members, JSON has line breaks and blanks only.
  return JSON.stringify(value, null, 2).replace(/[^\n\P{C}]/gu, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
