// The blocklist: is this one of the commonest passwords? Pure. The data, its source and its licence are beside it.
import { FRONT_CODED_PASSWORDS } from './common-passwords-data.ts';

let passwords: ReadonlySet<string> | undefined;

/** Whether `key` (NFKC, lower case) is on the blocklist. Decoded once per isolate, at the first question. */
export function isCommonPassword(key: string): boolean {
  passwords ??= decode(FRONT_CODED_PASSWORDS);
  return passwords.has(key);
}

function decode(frontCoded: string): ReadonlySet<string> {
  const decoded = new Set<string>();
  let previous = '';
  for (const entry of frontCoded.split('\n')) {
    previous = previous.slice(0, Number.parseInt(entry.charAt(0), 36)) + entry.slice(1);
    decoded.add(previous);
  }
  return decoded;
}
