// Settings: env bindings in, one frozen Config out, or every fault at once. Nobody else reads env values.
// Faults name the variable and never quote a secret.
import { parseDurationSeconds } from './domain/duration.ts';
import { type AllowedOrigins, findOriginFault, toAllowedOrigins } from './domain/origins.ts';
import type { SessionPolicy } from './domain/session.ts';
import { splitSetting } from './domain/white-space.ts';
import type { MailSettings } from './mail/mailer.ts';
import { findStandardSecretFault, isStandardSecret } from './mail/webhook-secret.ts';
import {
  type AccessKeyMaterial,
  findSecretFault,
  parseAccessKeys,
  parseRefreshSecrets,
} from './tokens/key-material.ts';

const DAY_SECONDS = 24 * 60 * 60;
/** Browsers cut cookies at 400 days (RFC 6265bis section 5.5), and hono/cookie refuses more. */
const LONGEST_TTL_SECONDS = 400 * DAY_SECONDS;
/** An access token cannot be revoked at a resource server: a day is already long. */
const LONGEST_ACCESS_TTL_SECONDS = DAY_SECONDS;
/** A thief may replay the predecessor for this long, unnoticed. */
const LONGEST_GRACE_SECONDS = 10 * 60;
/** Issuer and audience stand in every token, and a token has a longest length (`tokens/jws.ts`). */
const LONGEST_CLAIM_LENGTH = 256;

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

/** Bindings that the service cannot run without, beside the settings. */
const REQUIRED_BINDINGS = ['ACCOUNT', 'DIRECTORY'] as const;
const LIMIT_BINDINGS = ['SIGN_IN_LIMIT', 'REGISTRATION_LIMIT', 'REFRESH_LIMIT'] as const;

/** Stands in for an issuer that is faulty. */
const NO_ISSUER = 'https://issuer.invalid';

const ORIGIN_FAULTS = {
  not_an_origin:
    'must hold origins such as https://app.example.com or https://*.example.com, or of an app or extension, without path or final slash',
  public_suffix: 'must not open a domain below which anybody can have a name',
  plain_http: 'must hold https origins where ISSUER is not local: everybody on the way can be at an http one',
};

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

type Setting = (typeof SETTINGS)[number];
type Binding = (typeof REQUIRED_BINDINGS | typeof LIMIT_BINDINGS)[number];

/** The cookie of known browsers, which the refresh cookie must not replace. */
export const DEVICE_COOKIE = '__Host-device';

/** Reads every setting of the contract. Pure; whether the keys import is for `tokens/key-ring.ts` to say. */
export function loadConfig(env: object): LoadedConfig {
  const read = new Reader(env as Record<string, unknown>); // any object is a record of unknowns
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
  if (config.accessKeys.kind === 'secret' && config.refreshSecrets.includes(config.accessKeys.secret)) {
    read.fault(
      'REFRESH_TOKEN_SECRET',
      'must not be equal to ACCESS_TOKEN_SECRET: one token would pass for the other',
    );
  }
  read.sharedSecrets([
    ...(config.accessKeys.kind === 'secret' ? [config.accessKeys.secret] : []),
    ...config.refreshSecrets,
  ]);
  read.bindings(config.hasAddressLimits ? [...REQUIRED_BINDINGS, ...LIMIT_BINDINGS] : REQUIRED_BINDINGS);
  return read.faults.length === 0
    ? { ok: true, config: Object.freeze(config) }
    : { ok: false, faults: read.faults };
}

/** The access token keys alone, as far as they can be read: Web Crypto judges them even where another setting is faulty. */
export function loadAccessKeys(env: object): AccessKeyMaterial | undefined {
  const keys = new Reader(env as Record<string, unknown>).accessKeys(); // any object is a record of unknowns
  return keys.kind === 'keys' && keys.keys.length === 0 ? undefined : keys;
}

/** Line ends and the like: URL parsers drop some, and headers, mails and tokens must not carry any. */
const CONTROLS = /\p{Cc}/u;

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

/** Reads one variable at a time and keeps the faults; after a fault it returns something of the right type. */
class Reader {
  readonly faults: string[] = [];
  readonly #env: Record<string, unknown>;

  constructor(env: Record<string, unknown>) {
    this.#env = env;
  }

  fault(name: Setting | Binding, message: string): void {
    this.faults.push(`${name} ${message}`);
  }

  /** An empty variable counts as missing: that is how a line of `.dev.vars` is left out. */
  #value(name: Setting): string | undefined {
    const value = this.#env[name];
    if (value === undefined || value === '') return undefined;
    if (typeof value === 'string') return value;
    if (typeof value === 'number') return String(value); // [vars] in wrangler.toml may be numbers
    // [vars] may also be a table: a JWK Set written as one arrives as an object. Nothing else is one.
    if (typeof value === 'object' && name === 'ACCESS_TOKEN_SECRET') return JSON.stringify(value);
    this.fault(name, 'must be a string');
    return undefined;
  }

  text(name: Setting, fallback: string): string {
    return this.#value(name) ?? fallback;
  }

  /** RFC 8414 section 2: an https URL without query or fragment; http only for the machine itself. */
  issuer(): string {
    const value = this.#value('ISSUER');
    if (value === undefined) {
      this.fault('ISSUER', 'is missing: set it to the public address of this service');
      return NO_ISSUER;
    }
    const url = URL.parse(value);
    const isWeb = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocalIssuer(value));
    if (
      url === null ||
      !isWeb ||
      url.search !== '' ||
      url.hash !== '' ||
      url.username !== '' ||
      url.password !== '' ||
      /[?#]/.test(value)
    ) {
      this.fault('ISSUER', 'must be an https URL without query or fragment (http only for localhost)');
      return NO_ISSUER;
    }
    if (value.length > LONGEST_CLAIM_LENGTH)
      this.fault('ISSUER', `must be at most ${LONGEST_CLAIM_LENGTH} characters long`);
    // URL parsers forgive blanks, missing slashes and capitals; a verifier that compares letter by letter does not.
    if (url.href !== value && url.href !== `${value}/`)
      this.fault('ISSUER', 'must be spelt as browsers spell it: lower case, no blanks, no default port');
    if (value.endsWith('/'))
      this.fault('ISSUER', 'must not end with a slash: verifiers compare it letter by letter');
    return value;
  }

  duration(name: Setting, fallback: string, { min, max }: { min: number; max: number }): number {
    const seconds = parseDurationSeconds(this.text(name, fallback));
    if (seconds === undefined) {
      this.fault(name, 'must be a whole number with a unit, such as 30s, 10m, 12h or 30d');
      return min;
    }
    if (seconds < min || seconds > max) this.fault(name, `must lie between ${min}s and ${max}s`);
    return seconds;
  }

  integer(name: Setting, fallback: number, { min, max }: { min: number; max: number }): number {
    const text = this.text(name, String(fallback));
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    this.fault(name, `must be a whole number from ${min} to ${max}`);
    return fallback;
  }

  choice<const T extends string>(name: Setting, choices: readonly T[], fallback: T): T {
    const text = this.text(name, fallback);
    const choice = choices.find((candidate) => candidate === text);
    if (choice === undefined) this.fault(name, `must be one of ${choices.join(', ')}`);
    return choice ?? fallback;
  }

  /** http origins only beside a local issuer: whoever is on the way can be at one, and would get everybody's access token. */
  origins(name: Setting, issuer: string): string[] {
    const entries = splitSetting(this.text(name, '')).filter((entry) => entry !== '');
    const allowsHttp = isLocalIssuer(issuer) || issuer === NO_ISSUER;
    return entries.filter((entry) => {
      const fault = findOriginFault(entry, { allowsHttp });
      if (fault !== undefined) this.fault(name, `${ORIGIN_FAULTS[fault]}: "${entry}"`);
      return fault === undefined;
    });
  }

  /**
   * RFC 6265 section 4.1.1. The prefixes `__Host-`, `__Secure-`, `__Http-` and `__Host-Http-` need nothing more, since the
   * cookie always has Path=/, Secure and HttpOnly. Browsers recognise them in any case, and other software only as specified.
   */
  cookieName(name: Setting, fallback: string): string {
    const value = this.text(name, fallback);
    if (!/^[\w!#$%&'*.^`|~+-]{1,64}$/.test(value)) {
      this.fault(name, "must be a cookie name: up to 64 letters, digits and !#$%&'*.^_`|~+-");
      return fallback;
    }
    if (value === DEVICE_COOKIE)
      this.fault(name, `must not be ${DEVICE_COOKIE}, the cookie of known browsers`);
    const prefix = /^__(?:Host-Http-|Host-|Secure-|Http-)/;
    if (new RegExp(prefix, 'i').test(value) && !prefix.test(value))
      this.fault(name, 'must spell its prefix as browsers do: __Host-, __Secure-, __Http- or __Host-Http-');
    return value;
  }

  accessKeys(): AccessKeyMaterial {
    const none: AccessKeyMaterial = { kind: 'keys', keys: [] };
    return this.#secret('ACCESS_TOKEN_SECRET', parseAccessKeys) ?? none;
  }

  refreshSecrets(): string[] {
    return this.#secret('REFRESH_TOKEN_SECRET', parseRefreshSecrets) ?? [];
  }

  #secret<T>(
    name: Setting,
    parse: (text: string) => { ok: true; value: T } | { ok: false; faults: string[] },
  ): T | undefined {
    const text = this.#value(name);
    if (text === undefined) {
      this.fault(name, 'is missing: `npm run keys` makes one');
      return undefined;
    }
    const parsed = parse(text);
    if (parsed.ok) return parsed.value;
    for (const fault of parsed.faults) this.fault(name, fault);
    return undefined;
  }

  /** The page that completes mailed links. Its fragment is ours. */
  appUrl(fallback: string): string {
    const value = this.#value('APP_URL');
    if (value === undefined) return fallback;
    const url = URL.parse(value);
    const isWeb = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocalIssuer(value));
    if (!isWeb || value.includes('#'))
      this.fault('APP_URL', 'must be an https URL without fragment (http only for localhost)');
    else this.#urlExtras('APP_URL', value, url);
    return value;
  }

  /** What URL parsers forgive, and a link or a request must not carry. */
  #urlExtras(name: Setting, value: string, url: URL): void {
    if (/[\s\p{Cc}]/u.test(value))
      this.fault(name, 'must not hold blanks, line ends or other control characters');
    if (url.username !== '' || url.password !== '')
      this.fault(name, 'must not hold a user name or a password');
  }

  mail(fallbackFrom: string): MailSettings {
    const from = this.text('MAIL_FROM', fallbackFrom);
    if (!/^[^\s\p{Cc}@<>]+@[^\s\p{Cc}@<>]+$/u.test(from))
      this.fault('MAIL_FROM', 'must be an e-mail address, without a name around it');
    const url = this.#value('MAIL_WEBHOOK_URL');
    const secret = this.webhookSecret('MAIL_WEBHOOK_SECRET');
    if (url === undefined)
      return typeof this.#env.EMAIL === 'object' ? { kind: 'binding', from } : { kind: 'none' };
    const parsed = URL.parse(url);
    const isWeb = parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && isLocalIssuer(url));
    if (!isWeb)
      this.fault(
        'MAIL_WEBHOOK_URL',
        'must be an https URL (http only for localhost): the mails hold links that open accounts',
      );
    else this.#urlExtras('MAIL_WEBHOOK_URL', url, parsed);
    if (secret === undefined)
      this.fault('MAIL_WEBHOOK_SECRET', 'is missing: the webhook has to know who calls it');
    return { kind: 'webhook', from, url, secret: secret ?? '' };
  }

  /** An optional secret of at least 32 bytes. */
  longSecret(name: Setting, findFault = findSecretFault): string | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    const fault = findFault(value);
    if (fault !== undefined) this.fault(name, fault);
    return value;
  }

  /** `whsec_` and the key in base64, as Standard Webhooks has it, or a text that is the key itself. */
  webhookSecret(name: Setting): string | undefined {
    return this.longSecret(name, (secret) =>
      isStandardSecret(secret) ? findStandardSecretFault(secret) : findSecretFault(secret),
    );
  }

  /** It stands in a header, after `Bearer `: blanks and what is not ASCII would never match. */
  adminToken(): string | undefined {
    const value = this.longSecret('ADMIN_TOKEN');
    if (value !== undefined && !/^[!-~]*$/.test(value))
      this.fault(
        'ADMIN_TOKEN',
        'must hold no blanks or line ends, and only ASCII letters, digits and punctuation',
      );
    return value;
  }

  /** Whoever is given one secret must not hold another with it: operators and the webhook would sign tokens. */
  sharedSecrets(signing: readonly string[]): void {
    const others = ['ADMIN_TOKEN', 'MAIL_WEBHOOK_SECRET'] as const;
    for (const name of others) {
      const value = this.#env[name];
      if (typeof value === 'string' && signing.includes(value))
        this.fault(name, 'must not be equal to a secret that signs tokens');
    }
    const [adminToken, webhookSecret] = others.map((name) => this.#env[name]);
    if (typeof adminToken === 'string' && adminToken !== '' && adminToken === webhookSecret)
      this.fault('ADMIN_TOKEN', 'must not be equal to MAIL_WEBHOOK_SECRET');
  }

  bindings(names: readonly Binding[]): void {
    for (const name of names) {
      if (typeof this.#env[name] !== 'object') this.fault(name, 'is not bound: see wrangler.toml');
    }
  }
}
