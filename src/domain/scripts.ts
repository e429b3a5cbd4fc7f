// Which letters and digits may stand together in one name, so that no letter passes for one of another script. Pure.

/**
 * What may be mixed under UTS 39 section 5.2, "highly restrictive": one script, or Latin with the scripts that Japanese,
 * Bopomofo and Korean are written in. The scripts are those that UTS 31 (table 5) recommends for identifiers; extinct
 * and rarely written ones are out, Cherokee and Lisu among them, whose letters are Latin capitals to the eye.
 *
 * Two words of one script each are not told apart: `сор` in Cyrillic is another name than `cop` ("whole-script
 * confusables"). That would take the table of confusables, and the refusal of real words.
 */
const MIXTURES = [
  ...['Latn Hani Hira Kana', 'Latn Hani Bopo', 'Latn Hani Hang'],
  ...['Arab', 'Armn', 'Beng', 'Cyrl', 'Deva', 'Ethi', 'Geor', 'Grek', 'Gujr', 'Guru', 'Hebr', 'Khmr', 'Knda'],
  ...['Laoo', 'Mlym', 'Mymr', 'Orya', 'Sinh', 'Taml', 'Telu', 'Thaa', 'Thai', 'Tibt'],
];

/**
 * Letters that no script owns: modifiers that pass for punctuation, such as U+02BC for the apostrophe, and the tatweel,
 * which only stretches a word. Japanese has two of its own among them, `ー` and `〆`.
 */
const UNOWNED_LETTER = /(?=\p{L})(?![\p{scx=Hani}\p{scx=Kana}])\p{sc=Zyyy}/u;

/** More marks on one letter than any of these scripts writes (UTS 39 section 5.4); they would cover the lines around. */
const PILE_OF_MARKS = /\p{Mn}{5}/u;

/** What every script uses: punctuation, ASCII digits, the common accents. */
const SHARED = /[\p{scx=Zyyy}\p{scx=Zinh}]/gu;

let mixtures: RegExp[] | undefined;

/** Whether a text in NFKC keeps to one script and to one kind of decimal digits. */
export function isOneScript(text: string): boolean {
  // ASCII has one of each. Most names need nothing else: the expressions are not even made for them.
  if (!/[^\0-\x7f]/.test(text)) return true;
  if (UNOWNED_LETTER.test(text) || PILE_OF_MARKS.test(text)) return false;
  if (new Set(text.match(/\p{Nd}/gu)?.map(findZero)).size > 1) return false;
  mixtures ??= MIXTURES.map(toPattern);
  const owned = text.replace(SHARED, '');
  return mixtures.some((mixture) => mixture.test(owned));
}

function toPattern(mixture: string): RegExp {
  const scripts = mixture.split(' ').map((script) => `\\p{scx=${script}}`);
  return new RegExp(`^[${scripts.join('')}]*$`, 'u');
}

/** The zero of a digit's own kind. Unicode encodes decimal digits in runs of ten; in NFKC no two runs touch. */
function findZero(digit: string): number {
  let zero = digit.codePointAt(0) ?? 0;
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return zero;
}
