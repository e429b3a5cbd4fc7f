// Decoys: the account object that is called for a name that no account has, so that it does the same work in the same time.
// Nobody outside can tell its id from a real one, and it is the same for the same name: the throttle holds for both.

const DECOY_LABEL = 'latchkey/decoy-account';

/** Derives the key that decoy ids are made under (HKDF, RFC 5869), from a refresh secret and a label of its own. */
export async function importDecoyKey(refreshSecret: string): Promise<CryptoKey> {
  const encoder = new TextEncoder();
  const secret = await crypto.subtle.importKey('raw', encoder.encode(refreshSecret), 'HKDF', false, [
    'deriveKey',
  ]);
  const derivation = {
    name: 'HKDF',
    hash: 'SHA-256',
    salt: new Uint8Array(),
    info: encoder.encode(DECOY_LABEL),
  };
  return crypto.subtle.deriveKey(derivation, secret, { name: 'HMAC', hash: 'SHA-256', length: 256 }, false, [
    'sign',
  ]);
}

/** The account id of a name that nobody has. `nameKey` is the canonical one of `toLookupKeys`. */
export async function deriveDecoyId(key: CryptoKey, nameKey: string): Promise<string> {
  const mac = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(nameKey));
  return new Uint8Array(mac, 0, 16).toBase64({ alphabet: 'base64url', omitPadding: true });
}
