// The limits per client address, which declarations of routes name: for everything that hashes a password, sends mail, or says
// whether a name is taken. The numbers are in wrangler.toml; what one account may do on top is in domain/limits.ts.
// docs/limits.md shows both.

/** Rate limit bindings of wrangler.toml. */
export type LimitBinding = 'SIGN_IN_LIMIT' | 'REGISTRATION_LIMIT' | 'REFRESH_LIMIT';
