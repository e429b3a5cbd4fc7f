// Reads settings one at a time and keeps every fault. Faults name the variable and never quote a secret.
import { findOriginFault } from '../domain/origins.ts';
import { splitSetting, trimSetting } from '../domain/white-space.ts';
import type { MailSettings } from '../mail/mailer.ts';
import { findStandardSecretFault, isStandardSecret } from '../mail/webhook-secret.ts';
import {
  type AccessKeyMaterial,
  findSecretFault,
  type Parsed,
  parseAccessKeys,
  parseRefreshSecrets,
} from '../tokens/key-material.ts';
import { decodeBase64, findPublicKind } from '../tokens/weak-secret.ts';
import {
  type Binding,
  DEVICE_COOKIE,
  isLocalIssuer,
  LONGEST_CLAIM_LENGTH,
  type Setting,
} from './settings.ts';

/** Stands in for an issuer that is faulty. */
const NO_ISSUER = 'https://issuer.invalid';

const ORIGIN_FAULTS = {
  not_an_origin:
    'must hold origins such as https://app.example.com or https://*.example.com, or of an app or extension, without path or final slash',
  public_suffix: 'must not open a domain below which anybody can have a name',
  plain_http: 'must hold https origins where ISSUER is not local: everybody on the way can be at an http one',
};

/** Line ends and the like: URL parsers drop some, and headers, mails and tokens must not carry any. */
export const CONTROLS = /\p{Cc}/u;

/** Reads one variable at a time and keeps the faults; after a fault it returns something of the right type. */
export class SettingReader {
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
    if (seconds < min || seconds > max) this.fault(name, `must be between ${min}s and ${max}s`);
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

  #secret<T>(name: Setting, parse: (text: string) => Parsed<T>): T | undefined {
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
      isStandardSecret(secret) ? findStandardFault(secret) : findSecretFault(secret),
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
  sharedSecrets({
    accessKeys,
    refreshSecrets,
  }: {
    accessKeys: AccessKeyMaterial;
    refreshSecrets: string[];
  }): void {
    const access =
      accessKeys.kind === 'secret' ? [accessKeys.secret] : accessKeys.keys.flatMap(({ jwk }) => jwk.d ?? []);
    const [adminToken, webhookSecret] = [this.#value('ADMIN_TOKEN'), this.#value('MAIL_WEBHOOK_SECRET')];
    const isAmong = (secret: string | undefined, others: (string | undefined)[]) =>
      secret !== undefined && others.some((other) => other !== undefined && isSameSecret(secret, other));
    if (refreshSecrets.some((secret) => isAmong(secret, access)))
      this.fault(
        'REFRESH_TOKEN_SECRET',
        'must not be equal to ACCESS_TOKEN_SECRET: one token would pass for the other',
      );
    const signing = [...access, ...refreshSecrets];
    if (isAmong(adminToken, signing))
      this.fault('ADMIN_TOKEN', 'must not be equal to a secret that signs tokens');
    if (isAmong(webhookSecret, signing))
      this.fault('MAIL_WEBHOOK_SECRET', 'must not be equal to a secret that signs tokens');
    if (isAmong(adminToken, [webhookSecret]))
      this.fault('ADMIN_TOKEN', 'must not be equal to MAIL_WEBHOOK_SECRET');
  }

  bindings(names: readonly Binding[]): void {
    for (const name of names) {
      if (typeof this.#env[name] !== 'object') this.fault(name, 'is not bound: see wrangler.toml');
    }
  }
}

/** What is wrong with `whsec_…`: its form, or that the key in it is public or made without chance. */
function findStandardFault(secret: string): string | undefined {
  const fault = findStandardSecretFault(secret);
  const kind = fault === undefined ? findPublicKind(decodeStandard(secret) ?? '') : undefined;
  return kind === undefined ? fault : `is ${kind} in base64, not a random secret`;
}

function decodeStandard(secret: string): string | undefined {
  return decodeBase64(secret.slice(secret.indexOf('_') + 1));
}

/** Whether two secrets are one: as texts but for the blanks around them, or as what one of them is the base64 of. */
function isSameSecret(one: string, other: string): boolean {
  const forms = toForms(other);
  return toForms(one).some((form) => forms.includes(form));
}

function toForms(secret: string): string[] {
  const text = trimSetting(secret);
  const decoded = isStandardSecret(text) ? decodeStandard(text) : decodeBase64(text);
  return decoded === undefined || decoded === '' ? [text] : [text, decoded];
}

const SECONDS_PER_UNIT: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Reads a whole number with a unit (`s`, `m`, `h`, `d`, `w`) as seconds; `undefined` for anything else. */
export function parseDurationSeconds(text: string): number | undefined {
  const match = /^(\d{1,9})([smhdw])$/.exec(trimSetting(text));
  const amount = match?.[1];
  const unitSeconds = SECONDS_PER_UNIT[match?.[2] ?? ''];
  return amount === undefined || unitSeconds === undefined ? undefined : Number(amount) * unitSeconds;
}
