// Small changes to a regular expression: anchors, quantifiers, look-aheads, classes and their members. Works on its text.

/** A piece of a pattern that can be changed on its own. */
interface Token {
  text: string;
  start: number;
  inClass: boolean;
}

/** Other expressions, as literals, that differ from this literal in one place; those that do not compile are left out. */
export function mutateRegex(literal: string): string[] {
  const end = literal.lastIndexOf('/');
  const pattern = literal.slice(1, end);
  const flags = literal.slice(end + 1);
  const others = tokenize(pattern).flatMap(({ text, start, inClass }) =>
    (inClass ? [''] : change(text)).map(
      (other) => pattern.slice(0, start) + other + pattern.slice(start + text.length),
    ),
  );
  return [...new Set(others)]
    .filter((other) => other !== pattern && other !== '' && compiles(other, flags))
    .map((other) => `/${other}/${flags}`);
}

function tokenize(pattern: string): Token[] {
  const tokens: Token[] = [];
  let inClass = false;
  const pieces =
    /\\[pP]\{[^}]*\}|\\u[0-9a-fA-F]{4}|\\.|\(\?[:!=]|\{\d+(?:,\d*)?\}|\[\^?|[^\\\]](?=-[^\\\]])-[^\\\]]|./gsu;
  for (const { 0: text, index } of pattern.matchAll(pieces)) {
    const opens = !inClass && text.startsWith('[');
    if (text === ']') inClass = false;
    // Inside a class a group or a quantifier is as many members: they are taken together.
    tokens.push({ text, start: index, inClass: inClass && text !== ']' });
    if (opens) inClass = true;
  }
  return tokens;
}

function change(text: string): string[] {
  const repeat = /^\{(\d+)(?:,(\d*))?\}$/.exec(text);
  if (repeat !== null) return changeRepeat(repeat);
  switch (text) {
    case '^':
    case '$':
    case '?':
      return [''];
    case '*':
      return ['', '+'];
    case '+':
      return ['', '*'];
    case '[':
      return ['[^'];
    case '[^':
      return ['['];
    case '(?!':
      return ['(?='];
    case '(?=':
      return ['(?!'];
    default:
      return /^\\[wsSW]$/.test(text)
        ? [text === text.toLowerCase() ? text.toUpperCase() : text.toLowerCase()]
        : [];
  }
}

function changeRepeat([, least = '', most]: RegExpExecArray): string[] {
  const min = Number(least);
  if (most === undefined) return [`{${min + 1}}`, `{${min - 1}}`];
  const max = Number(most);
  return [`{${min + 1},${most}}`, `{${min - 1},${most}}`, `{${min},${max + 1}}`, `{${min},${max - 1}}`];
}

function compiles(pattern: string, flags: string): boolean {
  try {
    return new RegExp(pattern, flags) instanceof RegExp;
  } catch {
    return false;
  }
}
