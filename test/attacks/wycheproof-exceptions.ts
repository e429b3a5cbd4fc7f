// Where we decide otherwise than a Wycheproof vector says, by number and with the reason. The tests hold this list to be
// exact: a vector that is listed must deviate, and one that is not must not.

export interface Exceptions {
  reason: string;
  tcIds: number[];
}

/** json_web_signature_test.json */
export const SIGNATURE_EXCEPTIONS: Exceptions[] = [
  {
    reason: 'valid, but the service signs and takes HS256, ES256, EdDSA and RS256 only: RS384 and RS512',
    tcIds: range(264, 271),
  },
  {
    reason:
      'valid, but the service signs and takes HS256, ES256, EdDSA and RS256 only: PS256, PS384 and PS512',
    tcIds: [...range(272, 275), 287, 288, ...range(320, 323), ...range(325, 328)],
  },
  {
    reason: 'valid, but the token says PS384 and its key PS256, and the service takes neither',
    tcIds: [346, 350],
  },
  {
    reason:
      'valid, but the key is P-521 and says "ES521", which is no algorithm; the service takes P-256 only',
    tcIds: [347, 351],
  },
  {
    reason:
      'valid, but the payload is empty, which a claims set never is: refused before any key is looked for',
    tcIds: [259],
  },
  {
    reason:
      'valid, but the "kid" of the key has an "@", and the service takes letters, digits, ".", "_", "~" and "-"',
    tcIds: [345, 349],
  },
  {
    reason: 'valid, but with a "?" inside header or payload, which is no base64url (RFC 7515 section 2)',
    tcIds: [372, 373],
  },
  {
    reason: 'invalid, for padding that the file has lost: letter by letter the token of the valid vector 357',
    tcIds: [367, 370],
  },
];

/** json_web_key_test.json */
export const KEY_EXCEPTIONS: Exceptions[] = [
  {
    reason: 'valid, but the service takes an HS256 secret as text, and no "oct" JWK',
    tcIds: [2, 13],
  },
  {
    reason: 'valid, but "oct" JWKs for HS384 and HS512, and the service takes neither',
    tcIds: [14, 15],
  },
];

/** Whole numbers from first to last. */
export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
