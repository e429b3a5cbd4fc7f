// Ids of accounts, sessions and browsers: random, so that knowing some tells nothing of others.

/** 128 random bits, 22 characters of base64url. */
export function randomId(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toBase64({ alphabet: 'base64url', omitPadding: true });
}
