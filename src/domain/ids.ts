// Ids of accounts, sessions and browsers: random, so that knowing some tells nothing of others. Their form is checked before
// an account is asked: a made-up name would make an object.

/** 128 random bits, 22 characters of base64url. */
export function randomId(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toBase64({ alphabet: 'base64url', omitPadding: true });
}

/** Whether a text has the form of an id. It need not be anybody's. */
export function isId(text: string): boolean {
  return /^[\w-]{22}$/.test(text);
}
