// Settings: env bindings in, one frozen Config out, or every fault at once. Nobody else reads env values.
// Faults name the variable and never quote a secret.
import { type AllowedOrigins, toAllowedOrigins } from '../domain/origins.ts';
import type { SessionPolicy } from '../domain/session.ts';
import type { MailSettings } from '../mail/mailer.ts';
import type { AccessKeyMaterial } from '../tokens/key-material.ts';
import { CONTROLS, SettingReader } from './setting-reader.ts';
import { LIMIT_BINDINGS, LONGEST_CLAIM_LENGTH, REQUIRED_BINDINGS } from './settings.ts';

const DAY_SECONDS = 24 * 60 * 60;
/** Browsers cut cookies at 400 days (RFC 6265bis section 5.5), and hono/cookie refuses more. */
const LONGEST_TTL_SECONDS = 400 * DAY_SECONDS;
/** An access token cannot be revoked at a resource server: a day is already long. */
const LONGEST_ACCESS_TTL_SECONDS = DAY_SECONDS;
/** For this long a stolen predecessor can be used without detection. */
const LONGEST_GRACE_SECONDS = 10 * 60;
export interface Config extends SessionPolicy {
  issuer: string;
  issuerOrigin: string;
  /** `aud` of access tokens. */
  audience: string;
  /** `aud` of refresh tokens: the refresh endpoint. */
  refreshAudience: string;
  /** `aud` of device cookies. */
  deviceAudience: string;
  accessTtlSeconds: number;
  /** Asked by `matchesOrigin` alone. */
  allowedOrigins: AllowedOrigins;
  cookieName: string;
  cookieSameSite: 'Strict' | 'Lax' | 'None';
  passwordMinLength: number;
  isRegistrationOpen: boolean;
  hasAddressLimits: boolean;
  unauthorizedStatus: 401 | 406;
  accessKeys: AccessKeyMaterial;
  refreshSecrets: string[];
  /** Where links in mails lead. */
  appUrl: string;
  mail: MailSettings;
  requiresVerifiedEmail: boolean;
  /** Without one there is no `/admin`. */
  adminToken: string | undefined;
}

export type LoadedConfig = { ok: true; config: Config } | { ok: false; faults: string[] };

/** Reads every setting of the contract. Pure; whether the keys import is for `tokens/key-set.ts` to say. */
export function loadConfig(env: object): LoadedConfig {
  const read = new SettingReader(env as Record<string, unknown>); // any object is a record of unknowns
  const issuer = read.issuer();
  const config: Config = {
    issuer,
    issuerOrigin: new URL(issuer).origin,
    audience: read.text('AUDIENCE', issuer),
    refreshAudience: `${issuer}/refresh`,
    deviceAudience: `${issuer}/login`,
    accessTtlSeconds: read.duration('ACCESS_TOKEN_TTL', '10m', { min: 1, max: LONGEST_ACCESS_TTL_SECONDS }),
    refreshTtlSeconds: read.duration('REFRESH_TOKEN_TTL', '1d', { min: 1, max: LONGEST_TTL_SECONDS }),
    sessionTtlSeconds: read.duration('SESSION_TTL', '30d', { min: 1, max: LONGEST_TTL_SECONDS }),
    graceSeconds: read.duration('REFRESH_GRACE', '30s', { min: 0, max: LONGEST_GRACE_SECONDS }),
    allowedOrigins: toAllowedOrigins(read.origins('ALLOWED_ORIGINS', issuer)),
    cookieName: read.cookieName('COOKIE_NAME', '__Host-jwt'),
    cookieSameSite: read.choice('COOKIE_SAME_SITE', ['Strict', 'Lax', 'None'], 'Strict'),
    passwordMinLength: read.integer('PASSWORD_MIN_LENGTH', 8, { min: 8, max: 64 }),
    isRegistrationOpen: read.choice('REGISTRATION', ['open', 'closed'], 'open') === 'open',
    hasAddressLimits: read.choice('RATE_LIMIT', ['on', 'off'], 'on') === 'on',
    unauthorizedStatus: read.choice('UNAUTHORIZED_STATUS', ['401', '406'], '401') === '401' ? 401 : 406,
    accessKeys: read.accessKeys(),
    refreshSecrets: read.refreshSecrets(),
    appUrl: read.appUrl(`${issuer}/account`),
    mail: read.mail(`no-reply@${new URL(issuer).hostname}`),
    requiresVerifiedEmail: read.choice('REQUIRE_VERIFIED_EMAIL', ['on', 'off'], 'off') === 'on',
    adminToken: read.adminToken(),
  };
  if (config.audience !== issuer && CONTROLS.test(config.audience))
    read.fault('AUDIENCE', 'must not hold control characters');
  if (config.audience !== issuer && config.audience.length > LONGEST_CLAIM_LENGTH) {
    read.fault('AUDIENCE', `must be at most ${LONGEST_CLAIM_LENGTH} characters long`);
  }
  if (config.requiresVerifiedEmail && config.mail.kind === 'none') {
    read.fault(
      'REQUIRE_VERIFIED_EMAIL',
      'needs a way to send mail: MAIL_WEBHOOK_URL, or the EMAIL binding of wrangler.toml',
    );
  }
  if (config.audience === config.refreshAudience || config.audience === config.deviceAudience) {
    read.fault(
      'AUDIENCE',
      'must differ from the refresh and sign-in endpoints, which are audiences of their own',
    );
  }
  read.sharedSecrets(config);
  read.bindings(config.hasAddressLimits ? [...REQUIRED_BINDINGS, ...LIMIT_BINDINGS] : REQUIRED_BINDINGS);
  return read.faults.length === 0
    ? { ok: true, config: Object.freeze(config) }
    : { ok: false, faults: read.faults };
}

/** The access token keys alone, as far as they can be read: Web Crypto judges them even where another setting is faulty. */
export function loadAccessKeys(env: object): AccessKeyMaterial | undefined {
  const keys = new SettingReader(env as Record<string, unknown>).accessKeys(); // any object is a record of unknowns
  return keys.kind === 'keys' && keys.keys.length === 0 ? undefined : keys;
}
