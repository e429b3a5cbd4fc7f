// Every attack on a token of one kind, for one algorithm of access tokens.
import type { Algorithm } from '../../src/tokens/key-material.ts';
import { algorithmAttacks } from './algorithm-attacks.ts';
import { claimsAttacks } from './claims-attacks.ts';
import { encodingAttacks } from './encoding-attacks.ts';
import { headerAttacks } from './header-attacks.ts';
import { signatureAttacks } from './signature-attacks.ts';
import type { Attack, TokenKind } from './subject.ts';

export const ALGORITHMS: readonly Algorithm[] = ['HS256', 'ES256', 'EdDSA', 'RS256'];

export function listAttacks(kind: TokenKind, accessAlg: Algorithm): Attack[] {
  return [
    ...algorithmAttacks(kind, accessAlg),
    ...headerAttacks(kind, accessAlg),
    ...claimsAttacks(kind, accessAlg),
    ...signatureAttacks(kind, accessAlg),
    ...encodingAttacks(),
  ];
}
