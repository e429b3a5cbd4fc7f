import { describe, expect, it } from 'vitest';
import { parseAccessKeys } from '../../src/tokens/key-material.ts';
import keyFile from '../vectors/wycheproof/json_web_key_test.json';
import {
  importAsRotatedOut,
  importAsSigner,
  importOctKeys,
  judge,
  keysOf,
  readVectors,
} from './wycheproof.ts';
import { KEY_EXCEPTIONS } from './wycheproof-exceptions.ts';

const groups = readVectors(keyFile);
const deviating = new Set(KEY_EXCEPTIONS.flatMap(({ tcIds }) => tcIds));

it('every exception has a number that the file knows, and only one reason', () => {
  const known = new Set(groups.flatMap(({ tests }) => tests.map(({ tcId }) => tcId)));
  const listed = KEY_EXCEPTIONS.flatMap(({ tcIds }) => tcIds);
  expect(listed.filter((tcId) => !known.has(tcId))).toEqual([]);
  expect(deviating.size).toBe(listed.length);
});

/** The fault that each refused key set is told, so that none is refused for the wrong reason. Those not listed are "oct". */
const FAULTS: Record<number, RegExp> = {
  6: /^key 1: has an alg that does not fit its kind: RS256 is expected$/,
  7: /^key 1: has an RSA modulus of a faulty generator \(ROCA, CVE-2017-15361\)$/,
  8: /^key 1: has an RSA modulus of fewer than 2048 bits$/,
  9: /^key 1: has an RSA exponent below 65537$/,
  19: /^key 1: has an alg that does not fit its kind: ES256 is expected$/,
  20: /^key 1: has an alg that does not fit its kind: ES256 is expected$/,
  21: /^key 1: has a use other than "sig"$/,
  22: /^key 1: is refused by Web Crypto: its numbers do not form a key$/,
  23: /^key 1: is neither EC P-256/,
  24: /^key 1: lacks n, e$/,
};
const OCT_FAULT = /^key 1: is neither EC P-256/;

describe.each(groups)('JSON Web Key vectors: $comment', (group) => {
  it.each(group.tests)('vector $tcId, $comment, is judged as $result', async ({ tcId, jws, result }) => {
    const isAccepted = (result === 'valid') !== deviating.has(tcId);
    // Every invalid vector of this file is a fault of its keys, so it must not get as far as the token.
    for (const importer of [importAsSigner, importAsRotatedOut]) {
      expect(await judge(jws, await importer(group))).toBe(isAccepted ? 'accepted' : 'keys_refused');
    }
    if (isAccepted) return;
    expect(await importAsSigner(group)).toMatchObject({
      ok: false,
      faults: expect.arrayContaining([expect.stringMatching(FAULTS[tcId] ?? OCT_FAULT)]),
    });
  });
});

describe('The HS256 secrets of the JSON Web Key vectors', () => {
  const find = (tcId: number) => {
    const group = groups.find(({ tests }) => tests.some((test) => test.tcId === tcId));
    const jws = group?.tests.find((test) => test.tcId === tcId)?.jws;
    if (group === undefined || jws === undefined) throw new Error(`no vector ${tcId}`);
    return { group, jws };
  };

  it.each([
    { tcId: 2, verdict: 'accepted' },
    { tcId: 3, verdict: 'token_forged' },
    { tcId: 13, verdict: 'accepted' },
  ])('vector $tcId is judged by its signature', async ({ tcId, verdict }) => {
    const { group, jws } = find(tcId);
    expect(await judge(jws, await importOctKeys(group))).toBe(verdict);
  });

  it.each([10, 16])('vector %i is refused as a secret that is too short', (tcId) => {
    expect(parseAccessKeys(secretOf(find(tcId).group))).toEqual({
      ok: false,
      faults: [expect.stringMatching(/^is too short: \d+ bytes, at least 32 are needed$/)],
    });
  });

  it('vector 13 is refused as text: its bytes count up from 0, which no generator does', () => {
    expect(parseAccessKeys(secretOf(find(13).group))).toEqual({
      ok: false,
      faults: ['is a sequence of characters, not a random secret'],
    });
  });
});

/** The secret of a group as an operator would write it: the bytes of these are UTF-8. */
function secretOf(group: (typeof groups)[number]): string {
  const k = keysOf(group.private)[0]?.k;
  const bytes = Uint8Array.fromBase64(String(k), { alphabet: 'base64url' });
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}
