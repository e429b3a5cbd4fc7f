// Texts that have a good chance to be names: of one script or of two, with digits, marks and punctuation.
import fc from 'fast-check';

const ALPHABETS = [
  ...['abcxyzABCXYZ', 'äöüßéÉıİ', 'ａｄＡﬁ𝒶', 'абвгАБВоре', 'αβγσςΑΒΣο', 'نورهم', 'हिन्दी', '李小龍'],
  ...['ひらカタ', '김철', 'e\u0301o\u0308', '0123', '٠١٢', ".-_'+", '\u200b\u00ad\u202e\ufe0f'],
];

const alphabet = fc.constantFrom(...ALPHABETS);

/** Up to three alphabets in one text of up to a dozen characters. */
export const nameLike: fc.Arbitrary<string> = fc
  .array(alphabet, { minLength: 1, maxLength: 3 })
  .chain((alphabets) =>
    fc.string({
      unit: fc.constantFrom(...alphabets.flatMap((text) => [...text])),
      minLength: 1,
      maxLength: 12,
    }),
  );
