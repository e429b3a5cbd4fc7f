// Secrets that are long enough and still no secret: public keys, keys in another form, placeholders, repetitions. Judged by
// form alone; a message names the kind and never the value.

/** Repetition of a shorter text has the entropy of that text. */
const MIN_PERIOD = 32;

/** Estimated bits below which a text of 32 bytes cannot have come from a generator. Random hexadecimal digits have over 80. */
const MIN_ESTIMATED_BITS = 64;

/** Texts that documentation shows where a secret belongs. */
const PLACEHOLDERS = [
  /change.?(?:me|it|this)/i,
  /replace.?(?:me|it|this|with)/i,
  /placeholder/i,
  /^(?:your|insert|enter|put)[-_ ]/i,
  /^(?:my[-_ ]?)?(?:super|very|top)[-_ ]?secret/i,
  /^<[a-z][a-z0-9 ,_-]*>$/i,
  // jwt.io shows these for HS256.
  /^a-string-secret-at-least-256-bits-long/,
  /^qwertyuiopasdfghjklzxcvbnm/i,
  // RFC 7515 appendix A.1.
  /^AyM1SysPpbyfDfZld3umj1qzKObwVMkoqQ-EstJQLr_T/,
];

/** How DER begins after the outermost SEQUENCE and its length, in hexadecimal: what a chance text has once in 2^24 times. */
const DER_CONTENTS: [RegExp, string][] = [
  // SubjectPublicKeyInfo and EncryptedPrivateKeyInfo: an algorithm identifier.
  [/^30(?:[0-7].|81..|82....)06..(?:2a8648|2b65|2b81|2b24)/, 'a key in DER'],
  // PKCS #8, PKCS #1 and SEC 1 private keys: a version, and what follows it.
  [/^02010[01](?:30(?:[0-7].|81..|82....)06|028[12]|04[0-7].)/, 'a key in DER'],
  // PKCS #1 public key: a modulus of more than 1023 bits.
  [/^02(?:81[89a-f].|82....)00/, 'a key in DER'],
  [/^3082....(?:a0030201|02)/, 'a certificate in DER'],
];

/** The kind of a text that is no secret, such as "a URL"; `undefined` for one that may be a secret. */
export function findPublicKind(text: string): string | undefined {
  return findKeyKind(text) ?? (isPlaceholder(text) ? 'a placeholder from documentation' : findPattern(text));
}

/** How the public member (`x` or `n`) begins of key pairs whose private half is in a specification or an example. */
const PUBLISHED_KEYS = [
  '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo', // RFC 8037 appendix A.1
  'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddx', // RFC 7515 appendix A.2
  'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU', // RFC 7515 appendix A.3
  '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAt', // RFC 7517 appendix A.2
  'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4', // RFC 7517 appendix A.2
  'n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT', // RFC 7520 section 3.4
  'EVs_o5-uQbTjL3chynL4wXgUg2R9q9UU8I5mEovUf84', // jwt.io, ES256
];

/** Whether the private half of a public key (`x` or `n` of its JWK) is published. */
export function isPublishedKey(publicMember: string): boolean {
  return PUBLISHED_KEYS.some((beginning) => publicMember.startsWith(beginning));
}

/** The kind of a key in a form that is not read as a key here. */
export function findKeyKind(text: string): string | undefined {
  const compact = text.replaceAll(/\\[nr]|\s/g, '');
  if (isPem(text)) return 'a PEM';
  if (isJwk(text)) return 'a JWK';
  if (/^(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[\w@.-]+ +AAAA/.test(text.trim())) return 'an SSH key';
  if (/^[a-z][a-z0-9+.-]{2,}:\/\//.test(text.trim())) return 'a URL';
  const [head = ''] = compact.split('.');
  if (/^[\w-]+\.[\w-]+\.[\w-]*$/.test(compact) && decodeBase64(head)?.startsWith('{"')) return 'a JWT';
  const hexadecimal = /^(?:[0-9a-f]{2})+$/i.test(compact) ? fromHex(compact) : undefined;
  for (const bytes of [decodeBase64(compact), hexadecimal]) {
    const kind = bytes === undefined ? undefined : findEncodedKind(bytes);
    if (kind !== undefined) return kind;
  }
  return undefined;
}

/** What decoded to these bytes (one character each). */
function findEncodedKind(bytes: string): string | undefined {
  if (isPem(bytes)) return 'a PEM in base64';
  if (isJwk(bytes)) return 'a JWK in base64';
  // RFC 4253 section 6.6: the length of the algorithm's name, and the name.
  if (/^\0\0\0.(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-/s.test(bytes)) return 'an SSH key';
  const hex = [...bytes.slice(0, 24)]
    .map((byte) => byte.charCodeAt(0).toString(16).padStart(2, '0'))
    .join('');
  const contents = /^30(?:[0-7].|81..|82....)(.*)/.exec(hex)?.[1];
  if (contents === undefined) return undefined;
  return DER_CONTENTS.find(([pattern]) => pattern.test(contents))?.[1];
}

/** Anywhere: a PEM may follow "Bag Attributes" or stand in quotes. */
function isPem(text: string): boolean {
  return text.includes('-----BEGIN ');
}

/** A JWK or a JWK Set, with or without quotes around it and escapes in it. */
function isJwk(text: string): boolean {
  return /^[\s'"`]*[{[]/.test(text) && /\\?["'](?:kty|keys)\\?["']\s*:/.test(text);
}

function isPlaceholder(text: string): boolean {
  return PLACEHOLDERS.some((pattern) => pattern.test(text.trim()));
}

function findPattern(text: string): string | undefined {
  const period = periodOf(text);
  if (period < MIN_PERIOD && period * 2 <= text.length) return 'a short text repeated';
  if (estimateBits(text) < MIN_ESTIMATED_BITS) return 'a text of few different characters';
  if (countSteps(text) * 4 > (text.length - 1) * 3) return 'a sequence of characters';
  return undefined;
}

/** The smallest number of characters after which the text repeats itself. */
function periodOf(text: string): number {
  let period = 1;
  while (period < text.length && text.slice(period) !== text.slice(0, -period)) period += 1;
  return period;
}

/** Length times the entropy of the frequencies of its characters (Shannon). */
function estimateBits(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  const length = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return [...counts.values()].reduce((bits, count) => bits - count * Math.log2(count / length), 0);
}

/** How many characters are the one before, or its neighbour: "abcd", "4321". */
function countSteps(text: string): number {
  const codes = Array.from(text, (character) => character.codePointAt(0) ?? 0);
  return codes.filter((code, index) => Math.abs(code - (codes[index - 1] ?? Number.NaN)) <= 1).length;
}

/** Bytes as characters; `undefined` for what is neither base64 nor base64url. `atob`, since this runs under Node too. */
export function decodeBase64(text: string): string | undefined {
  if (!/^[\w+/-]+={0,2}$/.test(text)) return undefined;
  try {
    const digits = text.replace(/=+$/, '').replaceAll('-', '+').replaceAll('_', '/');
    // A lone last digit holds no byte: the text was cut.
    return atob(digits.length % 4 === 1 ? digits.slice(0, -1) : digits);
  } catch {
    return undefined;
  }
}

function fromHex(text: string): string {
  return text.replaceAll(/../g, (pair) => String.fromCharCode(Number.parseInt(pair, 16)));
}
