// IP addresses as text: read strictly, written in one form, and the key that a client's requests are counted under. Pure.

/** The longest text of an IPv6 address, an IPv4 one in its last two groups (RFC 4291 section 2.2). */
const LONGEST_ADDRESS = 45;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** Eight groups of an IPv6 address, or an IPv4 address as its text, of which there is one. */
export type IpAddress = { kind: 4; text: string } | { kind: 6; groups: number[] };

/**
 * Reads an address. `undefined` for anything else. A zone (`%eth0`) is dropped, which only the machine itself knows; an IPv4
 * address inside an IPv6 one, mapped (`::ffff:0:0/96`, RFC 4291 section 2.5.5.2) or translated (`64:ff9b::/96`, RFC 6052), is
 * the IPv4 address. Those of `64:ff9b:1::/48` stay: each network chooses where in them the IPv4 address is (RFC 8215).
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (text.length > LONGEST_ADDRESS) return undefined;
  if (IPV4.test(text)) return { kind: 4, text };
  const [, address] = /^([^%]+)(?:%[\w.~-]+)?$/.exec(text) ?? [];
  const groups = address === undefined ? undefined : parseGroups(address);
  if (groups === undefined) return undefined;
  return isMapped(groups) || isTranslated(groups)
    ? { kind: 4, text: toIpv4(groups[6], groups[7]) }
    : { kind: 6, groups };
}

/** The text of an address, as RFC 5952 wants it, so that one address has one text. */
export function formatIpAddress(address: IpAddress): string {
  if (address.kind === 4) return address.text;
  const { groups } = address;
  // The first of the longest runs of zeros, of two at least.
  let run = { start: 0, length: 1 };
  for (let start = 0; start < 8; start += 1) {
    const end = groups.findIndex((group, index) => index >= start && group !== 0);
    const length = (end === -1 ? 8 : end) - start;
    if (length > run.length) run = { start, length };
  }
  if (run.length === 1) return toHex(groups);
  return `${toHex(groups.slice(0, run.start))}::${toHex(groups.slice(run.start + run.length))}`;
}

/**
 * What a client is counted under. An IPv6 client owns a /64 at least, so its addresses are counted together; one behind 6to4
 * (`2002::/16`, RFC 3056) owns a /48 by its IPv4 address, and is counted by that.
 */
export function toLimitKey(address: IpAddress): string {
  if (address.kind === 4) return address.text;
  const { groups } = address;
  if (groups[0] === 0x2002) return toIpv4(groups[1], groups[2]);
  return `${toHex(groups.slice(0, 4))}::/64`;
}

function toHex(groups: number[]): string {
  return groups.map((group) => group.toString(16)).join(':');
}

function parseGroups(text: string): number[] | undefined {
  const [head = '', tail, ...more] = text.split('::');
  if (more.length > 0) return undefined;
  const before = parseRun(head, tail === undefined);
  const after = tail === undefined ? [] : parseRun(tail, true);
  if (before === undefined || after === undefined) return undefined;
  const missing = 8 - before.length - after.length;
  // `::` stands for one group at least.
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  return [...before, ...Array<number>(missing).fill(0), ...after];
}

/** Groups without `::`; at the end of an address the last may be an IPv4 address. */
function parseRun(text: string, isEnd: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else if (isEnd && index === parts.length - 1 && IPV4.test(part)) {
      const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
      groups.push(a * 256 + b, c * 256 + d);
    } else return undefined;
  }
  return groups;
}

function isMapped(groups: number[]): boolean {
  return groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
}

function isTranslated(groups: number[]): boolean {
  return groups[0] === 0x64 && groups[1] === 0xff9b && groups.slice(2, 6).every((group) => group === 0);
}

function toIpv4(high = 0, low = 0): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
