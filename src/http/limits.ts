// The limits per client address, by endpoint: everything that hashes a password, sends mail, or says whether a name is taken.
// The numbers are in wrangler.toml; what one account may do on top is in domain/limits.ts. docs/limits.md shows both.

/** Rate limit bindings of wrangler.toml. */
export type LimitBinding = 'SIGN_IN_LIMIT' | 'REGISTRATION_LIMIT' | 'REFRESH_LIMIT';

export const ADDRESS_LIMITS = {
  'POST /login': 'SIGN_IN_LIMIT',
  'POST /register': 'REGISTRATION_LIMIT',
  'POST /refresh': 'REFRESH_LIMIT',
  'PATCH /me': 'SIGN_IN_LIMIT',
  'DELETE /me': 'SIGN_IN_LIMIT',
  'PUT /password': 'SIGN_IN_LIMIT',
  'POST /password/forgot': 'REGISTRATION_LIMIT',
  'POST /password/reset': 'REGISTRATION_LIMIT',
  'PUT /email': 'SIGN_IN_LIMIT',
  'POST /email/verification': 'REGISTRATION_LIMIT',
  'POST /email/verify': 'REGISTRATION_LIMIT',
  'POST /admin/accounts': 'SIGN_IN_LIMIT',
  'POST /admin/accounts/:id/password-reset': 'SIGN_IN_LIMIT',
} as const satisfies Record<string, LimitBinding>;

/** An endpoint that is limited per client address. */
export type LimitedEndpoint = keyof typeof ADDRESS_LIMITS;
