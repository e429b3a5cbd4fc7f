// The settings: their names, and what is common to several of them.

/** Settings whose values are secrets: Worker secrets in production. */
export const SECRET_SETTINGS = [
  'ACCESS_TOKEN_SECRET',
  'REFRESH_TOKEN_SECRET',
  'ADMIN_TOKEN',
  'MAIL_WEBHOOK_SECRET',
] as const;

/** Every setting. The reader takes no other name, so the command line can tell a misspelt one. */
export const SETTINGS = [
  'ISSUER',
  'AUDIENCE',
  'ACCESS_TOKEN_TTL',
  'REFRESH_TOKEN_TTL',
  'SESSION_TTL',
  'REFRESH_GRACE',
  'ALLOWED_ORIGINS',
  'COOKIE_NAME',
  'COOKIE_SAME_SITE',
  'PASSWORD_MIN_LENGTH',
  'REGISTRATION',
  'RATE_LIMIT',
  'UNAUTHORIZED_STATUS',
  'APP_URL',
  'MAIL_FROM',
  'MAIL_WEBHOOK_URL',
  'REQUIRE_VERIFIED_EMAIL',
  ...SECRET_SETTINGS,
] as const;

export type Setting = (typeof SETTINGS)[number];

/** Bindings that the service cannot run without, beside the settings. */
export const REQUIRED_BINDINGS = ['ACCOUNT', 'DIRECTORY'] as const;
export const LIMIT_BINDINGS = ['SIGN_IN_LIMIT', 'REGISTRATION_LIMIT', 'REFRESH_LIMIT'] as const;

export type Binding = (typeof REQUIRED_BINDINGS | typeof LIMIT_BINDINGS)[number];

/** The cookie of known browsers, which the refresh cookie must not replace. */
export const DEVICE_COOKIE = '__Host-device';

/** Issuer and audience stand in every token, and a token has a longest length (`tokens/jws.ts`). */
export const LONGEST_CLAIM_LENGTH = 256;

/** Whether an issuer can only be reached from the machine itself: right for `npm start`, wrong for a deployment. */
export function isLocalIssuer(issuer: string): boolean {
  const { hostname } = new URL(issuer);
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    // An IPv4 address is four numbers here, however it was written; "127.example.com" is somebody's domain.
    /^127(?:\.\d{1,3}){3}$/.test(hostname)
  );
}
