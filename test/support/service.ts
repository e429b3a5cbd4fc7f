// The service as its tests meet it: requests through the Worker's own fetch, with the settings that a test names.
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import worker from '../../src/index.ts';
import { expectDocumented } from './documented.ts';
import { HASHED_PASSWORD, withPlantedHash } from './hashes.ts';

export const ISSUER = 'https://auth.test';
export const ACCESS_SECRET = 'access-token-secret-of-the-tests-0123456789';
export const REFRESH_SECRET = 'refresh-token-secret-of-the-tests-0123456789';
export const PASSWORD = HASHED_PASSWORD;

export type Settings = Record<string, unknown>;

/** Secrets known to the tests, so that they can forge. Used nowhere else. */
const DEFAULT_SETTINGS: Settings = {
  ISSUER,
  ACCESS_TOKEN_SECRET: ACCESS_SECRET,
  REFRESH_TOKEN_SECRET: REFRESH_SECRET,
  RATE_LIMIT: 'off',
};

/** What a request carries beyond path and method. A `json` or `form` body sets its Content-Type. */
export interface Parts {
  method?: string;
  headers?: Record<string, string>;
  json?: unknown;
  form?: Record<string, string>;
  body?: BodyInit;
  cookie?: string;
  bearer?: string;
  /** Where the platform says that the client is (`request.cf.country`). */
  country?: string;
}

/** One service under given settings: a client of its own Worker. The same settings object is one configuration. */
export class Service {
  readonly env: Env;

  constructor(settings: Settings = {}) {
    // Bindings one by one: what a developer's .dev.vars says must not reach a test.
    const { ACCOUNT, DIRECTORY, SIGN_IN_LIMIT, REGISTRATION_LIMIT, REFRESH_LIMIT, EMAIL, ASSETS } = env;
    const limits = { SIGN_IN_LIMIT, REGISTRATION_LIMIT, REFRESH_LIMIT };
    const bindings = { ACCOUNT, DIRECTORY, ...limits, EMAIL, ASSETS };
    // A test may misconfigure the service on purpose; `Env` is what a sound one looks like.
    this.env = { ...bindings, ...DEFAULT_SETTINGS, ...settings } as unknown as Env;
  }

  /** Sends a request and waits for all that it started. */
  async fetch(path: string, parts: Parts = {}): Promise<Response> {
    const headers = new Headers(parts.headers);
    let body = parts.body;
    if (parts.json !== undefined) {
      body = JSON.stringify(parts.json);
      headers.set('Content-Type', 'application/json');
    }
    if (parts.form !== undefined) {
      body = new URLSearchParams(parts.form).toString();
      headers.set('Content-Type', 'application/x-www-form-urlencoded');
    }
    if (parts.cookie !== undefined) headers.set('Cookie', `${this.cookieName}=${parts.cookie}`);
    if (parts.bearer !== undefined) headers.set('Authorization', `Bearer ${parts.bearer}`);
    const request = new Request(`${ISSUER}${path}`, {
      method: parts.method ?? 'GET',
      headers,
      ...(body !== undefined && { body }),
      ...(parts.country !== undefined && { cf: { country: parts.country } }),
    });
    const ctx = createExecutionContext();
    const response = await worker.fetch(request, this.env, ctx);
    await waitOnExecutionContext(ctx);
    await expectDocumented(request, response);
    return response;
  }

  post(path: string, parts: Parts = {}): Promise<Response> {
    return this.fetch(path, { method: 'POST', ...parts });
  }

  get cookieName(): string {
    const { COOKIE_NAME } = this.env as unknown as { COOKIE_NAME?: string };
    return COOKIE_NAME ?? '__Host-jwt';
  }

  /** A fresh account, signed in: each test makes its own. */
  async register(name = uniqueName()): Promise<Person> {
    const json = { username: name, email: `${name}@example.com`, password: PASSWORD };
    const response = await withPlantedHash(() => this.post('/register', { json }));
    if (response.status !== 201)
      throw new Error(`registration responded ${response.status}: ${await response.text()}`);
    const body = await response.json<{ accessToken: string; user: { id: string } }>();
    return {
      name,
      email: `${name}@example.com`,
      id: body.user.id,
      ...this.#session(body.accessToken, response),
    };
  }

  /** Another session of a registered account. */
  async login(username: string, password = PASSWORD): Promise<SignedIn> {
    const response = await this.post('/login', { json: { username, password } });
    if (response.status !== 200)
      throw new Error(`sign-in responded ${response.status}: ${await response.text()}`);
    const body = await response.json<{ accessToken: string }>();
    return this.#session(body.accessToken, response);
  }

  #session(accessToken: string, response: Response): SignedIn {
    const cookie = readCookie(response, this.cookieName);
    if (cookie === undefined) throw new Error('no refresh cookie was set');
    return { accessToken, cookie, sid: String(decodePayload(accessToken).sid) };
  }
}

export interface SignedIn {
  accessToken: string;
  /** The value of the refresh cookie. */
  cookie: string;
  sid: string;
}

export interface Person extends SignedIn {
  name: string;
  email: string;
  id: string;
}

/** The account object behind an account id. */
export function accountOf(id: string): DurableObjectStub<import('../../src/index.ts').Account> {
  return env.ACCOUNT.getByName(id);
}

/** The value that a response sets for a cookie: `''` when it clears it, `undefined` when it leaves it alone. */
export function readCookie(response: Response, name = '__Host-jwt'): string | undefined {
  const line = response.headers.getSetCookie().find((cookie) => cookie.startsWith(`${name}=`));
  return line?.slice(name.length + 1).split(';', 1)[0];
}

/** The claims of a token, unchecked. */
export function decodePayload(token: string): Record<string, unknown> {
  return decodePart(token, 1);
}

/** The header of a token, unchecked. */
export function decodeHeader(token: string): Record<string, unknown> {
  return decodePart(token, 0);
}

function decodePart(token: string, index: 0 | 1): Record<string, unknown> {
  const bytes = Uint8Array.fromBase64(token.split('.')[index] ?? '', { alphabet: 'base64url' });
  return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
}

let names = 0;

/** A user name that no other test of the file has. */
export function uniqueName(): string {
  names += 1;
  return `person-${names}-${crypto.randomUUID().slice(0, 8)}`;
}
