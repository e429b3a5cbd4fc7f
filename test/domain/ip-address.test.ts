import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIpAddress, parseIpAddress, toLimitKey } from '../../src/domain/ip-address.ts';
import { OPTIONAL_WHITE_SPACE, OTHER_BLANKS } from '../support/blanks.ts';

/** Text and key of an address; `unknown` when it is none. */
function read(text: string): { text: string; key: string } | 'unknown' {
  const address = parseIpAddress(text);
  return address === undefined ? 'unknown' : { text: formatIpAddress(address), key: toLimitKey(address) };
}

describe('an address', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7', '192.0.2.7'],
    ['255.255.255.255', '255.255.255.255', '255.255.255.255'],
    ['0.0.0.0', '0.0.0.0', '0.0.0.0'],
    ['2001:db8::1', '2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:0DB8:0000:0000:0000:0000:0000:0001', '2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:0:0:1::', '2001:db8:0:0:1::', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80::1', 'fe80:0:0:0::/64'],
    ['::', '::', '0:0:0:0::/64'],
    ['::1', '::1', '0:0:0:0::/64'],
    // IPv4 inside: mapped, and translated by the well-known prefix.
    ['::ffff:192.0.2.7', '192.0.2.7', '192.0.2.7'],
    ['::FFFF:c000:207', '192.0.2.7', '192.0.2.7'],
    ['0:0:0:0:0:ffff:192.0.2.7', '192.0.2.7', '192.0.2.7'],
    ['0000:0000:0000:0000:0000:ffff:192.168.100.228', '192.168.100.228', '192.168.100.228'],
    ['64:ff9b::192.0.2.7', '192.0.2.7', '192.0.2.7'],
    ['64:ff9b::c000:207', '192.0.2.7', '192.0.2.7'],
    ['0064:FF9B:0:0:0:0:C000:0207', '192.0.2.7', '192.0.2.7'],
    // Of other prefixes, where the IPv4 address is differs from network to network.
    ['64:ff9b:1::192.0.2.7', '64:ff9b:1::c000:207', '64:ff9b:1:0::/64'],
    ['64:ff9b:0:0:1::192.0.2.7', '64:ff9b::1:0:c000:207', '64:ff9b:0:0::/64'],
    ['::192.0.2.7', '::c000:207', '0:0:0:0::/64'],
    ['::ffff:0:192.0.2.7', '::ffff:0:c000:207', '0:0:0:0::/64'],
    // 6to4: an IPv4 address owns a /48.
    ['2002:c000:207::1', '2002:c000:207::1', '192.0.2.7'],
    ['2002:c000:207:ffff::2', '2002:c000:207:ffff::2', '192.0.2.7'],
  ])('%s is %s, counted as %s', (written, text, key) => {
    expect(read(written)).toEqual({ text, key });
  });

  it.each([
    '',
    'unknown',
    '192.0.2',
    '192.0.2.7.1',
    '192.0.2.256',
    '192.0.2.07',
    '192.0.2.0x7',
    '192.0.2.7.',
    '.192.0.2.7',
    '192..2.7',
    '1.2.3.4, 5.6.7.8',
    '1.2.3.4:80',
    '3221225991',
    ':',
    ':::',
    ':::::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::1:2:3:4:5:6:7:8',
    '1:2:3:4::5:6:7:8',
    ':1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7:',
    '12345::',
    'g::',
    '[::1]',
    '::1/64',
    '::1%',
    '::1%eth 0',
    '%eth0',
    '192.0.2.7%eth0',
    '192.0.2.7::',
    '::192.0.2.7:1',
    '1:2:3:4:5:6:7:192.0.2.7',
    '::ffff:192.0.2.256',
    '０.0.0.0',
    `::1%${'e'.repeat(60)}`,
    '0000:0000:0000:0000:0000:ffff:192.168.100.2289',
    ...[...OPTIONAL_WHITE_SPACE, ...OTHER_BLANKS.map(([, blank]) => blank)].flatMap((blank) => [
      `${blank}192.0.2.7`,
      `::1${blank}`,
    ]),
  ])('is not %j', (text) => {
    expect(read(text)).toBe('unknown');
  });
});

describe('whatever is written', () => {
  const group = fc.oneof(
    fc.integer({ min: 0, max: 0xffff }),
    fc.constantFrom(0, 0, 0xffff, 0x64, 0xff9b, 0x2002),
  );
  const groups = fc.array(group, { minLength: 8, maxLength: 8 });

  /** One of the spellings of an address: letters, zeros, `::` and the last two groups as they come. */
  const spelling = fc
    .record({
      groups,
      upper: fc.boolean(),
      padding: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
      gap: fc.tuple(fc.nat(8), fc.nat(8)),
      hasIpv4: fc.boolean(),
      zone: fc.constantFrom('', '%1', '%eth0'),
    })
    .map(({ groups, upper, padding, gap: [start, length], hasIpv4, zone }) => {
      const [high = 0, low = 0] = groups.slice(6);
      const parts = groups.slice(0, hasIpv4 ? 6 : 8).map((value, index) => {
        const hex = value.toString(16);
        return padding[index] ? hex.padStart(4, '0') : hex;
      });
      if (hasIpv4) parts.push([high >> 8, high & 255, low >> 8, low & 255].join('.'));
      const end = Math.min(start + length, hasIpv4 ? 6 : 8);
      const isGap = end > start && groups.slice(start, end).every((value) => value === 0);
      const text = isGap
        ? `${parts.slice(0, start).join(':')}::${parts.slice(end).join(':')}`
        : parts.join(':');
      return { groups, text: (upper ? text.toUpperCase() : text) + zone };
    })
    .filter(({ text }) => text.length <= 45);

  it('every spelling of an IPv6 address has one text, which is that of a URL, and one key', () => {
    fc.assert(
      fc.property(spelling, ({ groups, text }) => {
        const plain = groups.map((value) => value.toString(16)).join(':');
        const written = read(text);
        expect(written).toEqual(read(plain));
        const { hostname } = new URL(`http://[${plain}]`);
        if (typeof written !== 'string' && written.text.includes(':'))
          expect(`[${written.text}]`).toBe(hostname);
        else expect(hostname).toMatch(/^\[(?:::ffff:|64:ff9b::)/);
      }),
      { numRuns: 2000 },
    );
  });

  it('IPv6 addresses share a key exactly when they share a /64, or an IPv4 address', () => {
    const ownKey = (address: number[]) => {
      const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = address;
      const ipv4 = (high: number, low: number) => `v4 ${high * 65_536 + low}`;
      if (a === 0x2002) return ipv4(b, c);
      if (a === 0 && b === 0 && c === 0 && d === 0 && e === 0 && f === 0xffff) return ipv4(g, h);
      if (a === 0x64 && b === 0xff9b && c === 0 && d === 0 && e === 0 && f === 0) return ipv4(g, h);
      return [a, b, c, d].join();
    };
    const few = fc.array(fc.constantFrom(0, 1, 0xffff, 0x64, 0xff9b, 0x2002), { minLength: 8, maxLength: 8 });
    const toKey = (address: number[]) => read(address.map((value) => value.toString(16)).join(':'));
    const key = (address: number[]) => {
      const found = toKey(address);
      return found === 'unknown' ? found : found.key;
    };
    fc.assert(
      fc.property(few, few, fc.nat(8), (one, another, shared) => {
        const other = [...one.slice(0, shared), ...another.slice(shared)];
        expect(key(one) === key(other)).toBe(ownKey(one) === ownKey(other));
      }),
      { numRuns: 2000 },
    );
  });

  it('an IPv4 address is itself, alone and mapped', () => {
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        expect(read(text)).toEqual({ text, key: text });
        expect(read(`::ffff:${text}`)).toEqual({ text, key: text });
        expect(read(`64:ff9b::${text}`)).toEqual({ text, key: text });
      }),
    );
  });

  it('an address reads as the URL parser reads it, and any other text is none', () => {
    const piece = fc.constantFrom('::', ':', '0', '1', 'ffff', 'a0', '.', '7', '192.0.2.7', '%', 'g', ' ');
    const text = fc.oneof(
      fc.ipV6(),
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
      fc.string(),
    );
    fc.assert(
      fc.property(text, (written) => {
        const isShort = written.length <= 45;
        const isIpv6 = /^[0-9a-f:.]+$/i.test(written) && URL.canParse(`http://[${written}]`);
        const isIpv4 =
          /^\d+(?:\.\d+){3}$/.test(written) && URL.parse(`http://${written}`)?.hostname === written;
        const isZoned = written.includes('%');
        fc.pre(!isZoned);
        expect(read(written) !== 'unknown').toBe(isShort && (isIpv6 || isIpv4));
      }),
      { numRuns: 3000 },
    );
  });
});
