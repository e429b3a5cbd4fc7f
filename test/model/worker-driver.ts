// Model runs through the Worker's fetch: real cookies and bearer tokens, kept and presented byte for byte.
import { evictDurableObject } from 'cloudflare:test';
import { expect } from 'vitest';
import type { SessionPolicy } from '../../src/domain/session.ts';
import { mintAccessToken } from '../../src/tokens/access-token.ts';
import { importSecrets } from '../../src/tokens/key-set.ts';
import { mintRefreshToken } from '../../src/tokens/refresh-token.ts';
import { insideAccount } from '../support/inside-account.ts';
import {
  ACCESS_SECRET,
  accountOf,
  decodePayload,
  ISSUER,
  PASSWORD,
  type Person,
  REFRESH_SECRET,
  readCookie,
  Service,
} from '../support/service.ts';
import { type Driver, type IssuedToken, openRow, type RefreshResponse, readRows } from './driver.ts';

const accessRing = await importSecrets([ACCESS_SECRET]);
const refreshRing = await importSecrets([REFRESH_SECRET]);

/** Longer than some sessions live, so that the session has to cut it. */
const ACCESS_TTL_SECONDS = 60;

export class WorkerDriver implements Driver {
  readonly #service: Service;
  readonly #person: Person;
  readonly #policy: SessionPolicy;
  readonly #opens: 'row' | 'login';
  /** Refresh tokens that were handed out, by session and counter; and the latest access token of each session. */
  readonly #tokens = new Map<string, string>();
  readonly #accessTokens = new Map<string, string>();

  /** `opens: 'login'` signs in with the password each time, which costs a hash; `'row'` writes the session. */
  constructor(person: Person, policy: SessionPolicy, opens: 'row' | 'login') {
    this.#service = new Service({
      ACCESS_TOKEN_TTL: `${ACCESS_TTL_SECONDS}s`,
      REFRESH_TOKEN_TTL: `${policy.refreshTtlSeconds}s`,
      SESSION_TTL: `${policy.sessionTtlSeconds}s`,
      REFRESH_GRACE: `${policy.graceSeconds}s`,
    });
    this.#person = person;
    this.#policy = policy;
    this.#opens = opens;
  }

  /** Before a run: an account that has no session, and that nothing was counted for: the clock of each run starts at the same time. */
  async clear(): Promise<void> {
    await insideAccount(this.#person.id, (_, { sql }) => {
      for (const table of ['session', 'limit_use']) sql.exec(`DELETE FROM ${table}`);
    });
  }

  /** Sessions of other devices, that nobody in the run holds a token of. */
  fill(count: number): Promise<string[]> {
    return insideAccount(this.#person.id, ({ state: { sessions } }) => {
      return Array.from({ length: count }, () => openRow(sessions, this.#policy).sid);
    });
  }

  async signIn(replaced?: { sid: string; counter: number }) {
    if (this.#opens === 'row') {
      const opened = await this.#openRow();
      if (replaced !== undefined) await this.signOut(replaced.sid, replaced.counter);
      return opened;
    }
    const response = await this.#service.post('/login', {
      json: { username: this.#person.name, password: PASSWORD },
      ...(replaced && { cookie: await this.#token(replaced.sid, replaced.counter) }),
    });
    expect(response.status).toBe(200);
    const token = await this.#keepPair(response);
    return { sid: String(decodePayload(token.bytes).sid), token };
  }

  async refresh(sid: string, counter: number): Promise<RefreshResponse> {
    const response = await this.#service.post('/refresh', { cookie: await this.#token(sid, counter) });
    if (response.status === 200) {
      const token = await this.#keepPair(response);
      expect(decodePayload(token.bytes)).toMatchObject({ sub: this.#person.id, sid });
      return { outcome: 'answered', token };
    }
    expect(readCookie(response), 'a refused cookie is cleared').toBe('');
    return { outcome: await readCode(response) };
  }

  async signOut(sid: string, counter: number) {
    const response = await this.#service.post('/logout', { cookie: await this.#token(sid, counter) });
    expect(response.status).toBe(204);
    return 'signed_out';
  }

  endOne(by: string, target: string) {
    return this.#end(by, `/sessions/${target}`);
  }

  endAll(by: string, keepsCurrent: boolean) {
    return this.#end(by, keepsCurrent ? '/sessions?keep=current' : '/sessions');
  }

  async describe(by: string) {
    const response = await this.#service.fetch('/me', { bearer: this.#accessToken(by) });
    if (response.status !== 200) return toOutcome(await readCode(response));
    expect(await response.json()).toMatchObject({ user: { id: this.#person.id }, session: { id: by } });
    return 'described';
  }

  alarm() {
    return insideAccount(this.#person.id, (account) => account.alarm());
  }

  async restart() {
    // Only an object that runs can be torn down, and one that was just asked does.
    await this.rows();
    await evictDurableObject(accountOf(this.#person.id));
  }

  rows() {
    return insideAccount(this.#person.id, ({ state }) => readRows(state.sessions));
  }

  refreshTokenEnd(sid: string, counter: number) {
    const token = this.#tokens.get(`${sid} ${counter}`);
    return token === undefined ? Number.POSITIVE_INFINITY : Number(decodePayload(token).exp);
  }

  accessTokenEnd(by: string) {
    return Number(decodePayload(this.#accessToken(by)).exp);
  }

  publicOutcome(outcome: string) {
    return outcome === 'rotated' || outcome === 'repeated' ? 'answered' : 'session_ended';
  }

  async #end(by: string, path: string): Promise<string> {
    const response = await this.#service.fetch(path, { method: 'DELETE', bearer: this.#accessToken(by) });
    return response.status === 204 ? 'ended' : toOutcome(await readCode(response));
  }

  async #openRow() {
    const session = await insideAccount(this.#person.id, ({ state }) =>
      openRow(state.sessions, this.#policy),
    );
    const { sid, counter, iat, exp } = session;
    const { id: sub, name: username, email } = this.#person;
    const bytes = await this.#mint(sid, counter, iat, exp);
    const accessExp = Math.min(iat + ACCESS_TTL_SECONDS, exp);
    const access = {
      iss: ISSUER,
      aud: ISSUER,
      sub,
      sid,
      iat,
      exp: accessExp,
      auth_time: iat,
      username,
      email,
    };
    this.#tokens.set(`${sid} ${counter}`, bytes);
    this.#accessTokens.set(sid, await mintAccessToken(access, accessRing));
    return { sid, token: { bytes, counter, iat, exp } };
  }

  /** Keeps both tokens of a response, and holds one against the other. */
  async #keepPair(response: Response): Promise<IssuedToken> {
    const bytes = readCookie(response) ?? '';
    const { sid, ctr, iat, exp } = decodePayload(bytes) as {
      sid: string;
      ctr: number;
      iat: number;
      exp: number;
    };
    const nowSeconds = Math.floor(Date.now() / 1000);
    expect(response.headers.get('Set-Cookie')).toContain(`; Max-Age=${exp - nowSeconds};`);
    const { accessToken, expiresIn } = await response.json<{ accessToken: string; expiresIn: number }>();
    const access = decodePayload(accessToken);
    expect(access).toMatchObject({ sid, iat: nowSeconds, exp: nowSeconds + expiresIn });
    expect(access.exp, 'no access token outlives its session').toBe(
      Math.min(nowSeconds + ACCESS_TTL_SECONDS, exp),
    );
    this.#tokens.set(`${sid} ${ctr}`, bytes);
    this.#accessTokens.set(sid, accessToken);
    return { bytes, counter: ctr, iat, exp };
  }

  /** The token as it was handed out; one that never was is forged, under the service's own secret. */
  async #token(sid: string, counter: number): Promise<string> {
    const iat = Math.floor(Date.now() / 1000);
    return this.#tokens.get(`${sid} ${counter}`) ?? (await this.#mint(sid, counter, iat, iat + 60));
  }

  #mint(sid: string, ctr: number, iat: number, exp: number): Promise<string> {
    const claims = { iss: ISSUER, aud: `${ISSUER}/refresh`, sub: this.#person.id, sid, ctr, iat, exp };
    return mintRefreshToken(claims, refreshRing);
  }

  #accessToken(sid: string): string {
    const token = this.#accessTokens.get(sid);
    if (token === undefined) throw new Error('a session without an access token');
    return token;
  }
}

async function readCode(response: Response): Promise<string> {
  const { code } = await response.json<{ code: string }>();
  return code;
}

function toOutcome(code: string): string {
  return { session_ended: 'session_over', not_found: 'unknown_session' }[code] ?? code;
}
