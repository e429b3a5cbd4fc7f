import { describe, expect, it } from 'vitest';
import { signJws, verifyJws } from '../../src/tokens/jws.ts';
import signatureFile from '../vectors/wycheproof/json_web_signature_test.json';
import {
  importAsRotatedOut,
  importAsSigner,
  importOctKeys,
  judge,
  keysOf,
  readVectors,
  type Verdict,
} from './wycheproof.ts';
import { range, SIGNATURE_EXCEPTIONS } from './wycheproof-exceptions.ts';

const groups = readVectors(signatureFile);
const deviating = new Set(SIGNATURE_EXCEPTIONS.flatMap(({ tcIds }) => tcIds));

/** Which step refuses a vector, so that none is refused for the wrong reason. All others that are refused are forged. */
const STEPS: [Verdict, number[]][] = [
  // Keys of other algorithms, for encryption, or with a `kid` that the service does not take.
  ['keys_refused', [...range(264, 347), ...range(349, 351), ...range(353, 356)]],
  // Missing, empty or surplus parts, JSON serialization, an embedded key, characters that are no base64url.
  ['token_malformed', [3, 4, 6, 7, ...range(9, 17), 20, 21, 23, 24, ...range(26, 30), 32, 35, 36, 38, 39]],
  ['token_malformed', [...range(41, 45), 259, ...range(360, 366), 368, 369, ...range(371, 375)]],
  // Another `kid`, and HS256 under an EC key.
  ['token_unknown_key', [8, 25, 31, 40]],
];

it('every exception has a number that the file knows, and only one reason', () => {
  const known = new Set(groups.flatMap(({ tests }) => tests.map(({ tcId }) => tcId)));
  const listed = SIGNATURE_EXCEPTIONS.flatMap(({ tcIds }) => tcIds);
  expect(listed.filter((tcId) => !known.has(tcId))).toEqual([]);
  expect(deviating.size).toBe(listed.length);
});

describe.each(groups)('JSON Web Signature vectors: $comment', (group) => {
  const isSecret = keysOf(group.private).some(({ kty }) => kty === 'oct');
  const importers = isSecret ? [importOctKeys] : [importAsSigner, importAsRotatedOut];

  it.each(group.tests)('vector $tcId, $comment, is judged as $result', async ({ tcId, jws, result }) => {
    const isAccepted = (result === 'valid') !== deviating.has(tcId);
    const step = STEPS.find(([, tcIds]) => tcIds.includes(tcId))?.[0] ?? 'token_forged';
    for (const importer of importers) {
      expect(await judge(jws, await importer(group))).toBe(isAccepted ? 'accepted' : step);
    }
  });

  it('no vector passes as a JWT, since no payload is a claims object', async () => {
    for (const importer of importers) {
      const keySet = await importer(group);
      for (const { tcId, jws } of keySet.ok ? group.tests : []) {
        const verified = keySet.ok && (await verifyJws(jws, keySet.value));
        expect(verified, `vector ${tcId}`).toEqual({ ok: false, reason: 'token_malformed' });
      }
    }
  });

  it('no signature of a vector passes for claims, while one that its key made does', async () => {
    const keySet = await importers[0]?.(group);
    if (!keySet?.ok) return; // asserted above: these keys are refused
    const token = await signJws({ sub: 'foo' }, keySet.value);
    expect(await verifyJws(token, keySet.value)).toEqual({ ok: true, payload: { sub: 'foo' } });
    const [header, claims] = token.split('.');
    for (const { tcId, jws } of group.tests) {
      const verdict = await judge(jws, keySet);
      if (verdict !== 'accepted' && verdict !== 'token_forged') continue; // there is no signature to judge
      const transplanted = `${header}.${claims}.${jws.split('.')[2]}`;
      const verified = await verifyJws(transplanted, keySet.value);
      expect(verified, `vector ${tcId}`).toEqual({ ok: false, reason: 'token_forged' });
    }
  });
});
