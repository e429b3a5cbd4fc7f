// How somebody proved who they are: the methods (RFC 8176, `amr`), what they amount to (`acr`), and which of an account's credentials
// a sign-in asks for. Pure.

import type { credentialKinds } from '../api/wire.ts';

/** `pwd` and the later methods of RFC 8176, and one of our own, as an absolute URI. */
export type AuthenticationMethod = 'pwd' | 'otp' | 'pop' | 'mfa' | 'urn:latchkey:recovery';
/** Authenticator assurance level, NIST SP 800-63B-4. */
export type AssuranceLevel = 'aal1' | 'aal2';

export interface Authentication {
  amr: AuthenticationMethod[];
  acr: AssuranceLevel;
  authenticatedAtMs: number;
}

/** The kinds of credentials that an account can have, each a row. */
export type CredentialKind = (typeof credentialKinds)[number];
/** What a sign-in can ask for after the password. */
export type SecondFactor = 'totp' | 'recovery_code' | 'passkey';

/** A password alone. */
export function authenticateByPassword(nowMs: number): Authentication {
  return { amr: ['pwd'], acr: 'aal1', authenticatedAtMs: nowMs };
}

/**
 * What a sign-in asks for after the password, given the kinds of the account's credentials: nothing, or one of these. A passkey alone
 * changes no sign-in by password.
 */
export function findSecondFactors(kinds: CredentialKind[]): SecondFactor[] {
  if (!kinds.includes('totp')) return [];
  const others: SecondFactor[] = [
    ...(kinds.includes('recovery_codes') ? (['recovery_code'] as const) : []),
    ...(kinds.includes('passkey') ? (['passkey'] as const) : []),
  ];
  return ['totp', ...others];
}
