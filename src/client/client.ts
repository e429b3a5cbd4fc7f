// The client: signs in, stays signed in, and gives out access tokens. The access token lives in this module's memory
// alone; the refresh token is in an HttpOnly cookie that no script can read, this one included.
import type { SessionInfo, User } from '../api/wire.ts';
import { type AccessToken, type AccessTokenClaims, isFresh, readAccessToken } from './access-token.ts';
import {
  asObject,
  CALL_TIMEOUT_MS,
  call,
  LatchkeyError,
  notOurs,
  orAbort,
  prepare,
  type Reply,
  type Transport,
} from './api.ts';
import { pauseBeforeAttempt } from './backoff.ts';
import { findBrowser } from './browser.ts';
import { createClosing } from './closing.ts';
import { joinTabs, type SignedOutReason } from './tabs.ts';

export interface ClientOptions {
  /**
   * Where the service is: `https://auth.example.com`, or `https://example.com/auth` where it is mounted. In a browser it
   * may be relative to the page. It is read at the first call, so that a client may be created while a server renders.
   */
  baseUrl: string;
  /** Instead of the global one. Outside a browser it has to keep the cookies. */
  fetch?: typeof fetch;
}

/** `isRetrying`: the service cannot be reached just now; nobody is signed out for that. `expiresAtMs` is by this device's clock. */
export type ClientState =
  | { status: 'unknown'; isRetrying: boolean }
  | { status: 'signed_in'; isRetrying: boolean; claims: AccessTokenClaims; expiresAtMs: number }
  | { status: 'signed_out'; reason: SignedOutReason };

/** Every rejection is a LatchkeyError, but for a `signal` that the caller aborts: then it is the signal's reason. */
export interface Client {
  /**
   * Creates an account and signs in. Where the service demands a confirmed address first, nobody is signed in afterwards,
   * as `state` says. Throws a LatchkeyError: `username_taken`, `email_taken`, `invalid_input`, …
   */
  register(details: { username: string; email: string; password: string }): Promise<User>;
  /** Signs in. `username` may be the e-mail address. Throws a LatchkeyError: `invalid_credentials`, `too_many_attempts`, … */
  login(credentials: { username: string; password: string }): Promise<void>;
  /** Signs out, here and in every tab. Throws when the service cannot be told, and then nobody is signed out: the cookie still holds. */
  logout(): Promise<void>;
  /** Signs in again without a password, after a reload. Resolves to whether somebody is; while the service is away it keeps trying. */
  restore(): Promise<boolean>;
  /** A token that is good for a while, refreshed where needed; `undefined` when nobody is signed in. `refresh` asks for a new one. */
  getAccessToken(options?: { refresh?: boolean; signal?: AbortSignal }): Promise<string | undefined>;
  /**
   * `fetch` with the bearer token. A response 401 is tried once more with a new token. Use it for your own API only: the
   * token goes where you send it. Throws a LatchkeyError `network` where `fetch` throws a TypeError.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  readonly sessions: {
    list(): Promise<SessionInfo[]>;
    /** Ends one; ending the current one signs out. */
    end(id: string): Promise<void>;
    endOthers(): Promise<void>;
    /** Ends every session, this one included. */
    endAll(): Promise<void>;
  };
  readonly state: ClientState;
  /** Calls `listener` now and at every change. Returns what stops it. */
  subscribe(listener: (state: ClientState) => void): () => void;
  /**
   * Leaves the other tabs: no listener is called any more, and nothing waits. A request on its way still completes;
   * `restore` resolves to false, every other call rejects with the code `closed`. For tests and hot reloads.
   */
  close(): void;
}

/** How long a tab that waited for another gives that one's token to arrive. */
const MESSAGE_WAIT_MS = 100;

export function createClient({ baseUrl, fetch: ownFetch }: ClientOptions): Client {
  const browser = findBrowser();
  const transport: Transport = {
    resolve: (path) => resolveUrl(path, baseUrl, browser?.location?.href),
    fetch: ownFetch ?? ((input, init) => globalThis.fetch(input, init)),
    sendsCookies: browser !== undefined,
  };
  let state: ClientState = { status: 'unknown', isRetrying: false };
  let token: AccessToken | undefined;
  let refreshing: Promise<AccessToken | undefined> | undefined;
  const listeners = new Set<(state: ClientState) => void>();
  const closing = createClosing();

  const tabs = joinTabs(`latchkey ${nameService(transport)}`, browser ?? {}, closing, (message) => {
    if (message.kind === 'signed_out') leave(message.reason);
    // An older token of the same session would be a step back.
    else if (token?.claims.sid !== message.token.claims.sid || token.claims.iat <= message.token.claims.iat)
      enter(message.token);
  });

  function change(next: ClientState): void {
    state = next;
    for (const listener of [...listeners]) notify(listener, next);
  }

  function enter(next: AccessToken): void {
    if (closing.isClosed) return;
    token = next;
    change({ status: 'signed_in', isRetrying: false, claims: next.claims, expiresAtMs: next.expiresAtMs });
  }

  function leave(reason: SignedOutReason): void {
    if (closing.isClosed) return;
    token = undefined;
    if (state.status !== 'signed_out') change({ status: 'signed_out', reason });
  }

  function retry(isRetrying: boolean): void {
    if (closing.isClosed || state.status === 'signed_out' || state.isRetrying === isRetrying) return;
    change({ ...state, isRetrying });
  }

  /** The token of a response, and who is signed in from now on. */
  function enterWith(reply: Reply): AccessToken {
    const next = readAccessToken(reply, Date.now());
    if (next === undefined) throw notOurs(reply);
    enter(next);
    tabs.post({ kind: 'signed_in', token: next });
    return next;
  }

  // Each change of the cookie takes its turn, in all tabs: a response that comes late must not put an old cookie over a
  // new one.
  function login(credentials: { username: string; password: string }): Promise<void> {
    return tabs.exclusively(async () => {
      enterWith(await call(transport, 'POST', 'login', { body: credentials }));
    });
  }

  function register(details: { username: string; email: string; password: string }): Promise<User> {
    return tabs.exclusively(async () => {
      const reply = await call(transport, 'POST', 'register', { body: details });
      const { user, accessToken } = asObject(reply.body);
      if (!isUser(user)) throw notOurs(reply);
      if (accessToken !== undefined) enterWith(reply);
      // The address has to be confirmed first. Whoever was signed in must not be taken for the new account; the service
      // has left that session alone, so it ends here, as every other registration ends it.
      else if (token === undefined) leave('no_session');
      else await signOut().catch(() => undefined); // the account exists all the same, and `state` tells the rest
      return user;
    });
  }

  async function signOut(): Promise<void> {
    requireNoContent(await call(transport, 'POST', 'logout'));
    leaveEverywhere('signed_out');
  }

  function leaveEverywhere(reason: SignedOutReason): void {
    leave(reason);
    tabs.post({ kind: 'signed_out', reason });
  }

  /** One refresh for all that wait in this tab, in turn with the other tabs, until the service has responded. */
  function refresh(stale: AccessToken | undefined): Promise<AccessToken | undefined> {
    refreshing ??= keepRefreshing(stale).finally(() => {
      refreshing = undefined;
    });
    return refreshing;
  }

  async function keepRefreshing(stale: AccessToken | undefined): Promise<AccessToken | undefined> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await tabs.exclusively((waited) => refreshOnce(stale, waited));
      } catch (error) {
        const isTemporary = error instanceof LatchkeyError && error.isTemporary;
        retry(isTemporary);
        if (!isTemporary) throw error;
        await pauseBeforeAttempt(attempt, error.retryAfterSeconds ?? 0, closing);
      }
    }
  }

  async function refreshOnce(
    stale: AccessToken | undefined,
    waited: boolean,
  ): Promise<AccessToken | undefined> {
    const isSettled = () =>
      state.status === 'signed_out' || (token !== undefined && token.value !== stale?.value);
    for (const endMs = Date.now() + MESSAGE_WAIT_MS; waited && !isSettled() && Date.now() < endMs; )
      await new Promise((resolve) => setTimeout(resolve, 10));
    // Another tab, or a sign-in or sign-out of this one, was faster. A page that asks after a sign-out asks for real.
    if (isSettled() && (token !== undefined || stale !== undefined)) return token;
    try {
      return enterWith(await call(transport, 'POST', 'refresh'));
    } catch (error) {
      if (!(error instanceof LatchkeyError && error.isSignedOut)) throw error;
      // A cookie that has run out is not sent: for somebody who was signed in, that is the end of a session too.
      if (token !== undefined || error.code === 'session_ended') leaveEverywhere('session_ended');
      else leave('no_session');
      return undefined;
    }
  }

  async function findToken(
    refreshNow: boolean,
    signal?: AbortSignal | null,
  ): Promise<AccessToken | undefined> {
    closing.throwIfClosed();
    if (!refreshNow && token !== undefined && isFresh(token, Date.now())) return token;
    if (!refreshNow && state.status === 'signed_out') return undefined;
    return orAbort(refresh(token), signal);
  }

  async function fetchWithToken(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = prepare(() => new Request(input, init));
    const used = await findToken(false, request.signal);
    if (used === undefined) return send(request, request.signal);
    const response = await send(withBearer(request.clone(), used), request.signal);
    if (response.status !== 401) return response;
    // Refused although it seemed fresh: revoked, or the clock is wrong. Whoever met this before us has a new one already.
    const next = await orAbort(refresh(used), request.signal);
    if (next === undefined || next === used) return response;
    await response.body?.cancel().catch(() => undefined);
    return send(withBearer(request, next), request.signal);
  }

  async function send(request: Request, signal: AbortSignal): Promise<Response> {
    try {
      const response = await transport.fetch(request);
      if (typeof response.status === 'number') return response;
    } catch (cause) {
      if (signal.aborted) throw signal.reason;
      throw new LatchkeyError('There was no response.', 'network', { cause });
    }
    throw new LatchkeyError('There was no response.', 'network');
  }

  /** Often nobody waits for it, so `close()` makes it no unhandled rejection. */
  async function restore(): Promise<boolean> {
    try {
      return (await findToken(state.status === 'signed_out')) !== undefined;
    } catch (error) {
      if (closing.isClosed) return false;
      throw error;
    }
  }

  /** A call to the service itself, whose refusals become errors; tried once more where it refuses the token. */
  async function callWithToken(method: string, path: string): Promise<Reply> {
    const used = await inTime(findToken(false));
    try {
      return await call(transport, method, path, { accessToken: used?.value });
    } catch (error) {
      if (used === undefined || !(error instanceof LatchkeyError && error.isSignedOut)) throw error;
      const next = await inTime(refresh(used));
      if (next === undefined || next === used) throw error;
      return call(transport, method, path, { accessToken: next.value });
    }
  }

  async function endSessions(path: string, endsCurrent: boolean): Promise<void> {
    requireNoContent(await callWithToken('DELETE', path));
    if (endsCurrent) leaveEverywhere('signed_out');
  }

  return {
    register,
    login,
    logout: () => tabs.exclusively(signOut),
    restore,
    getAccessToken: async (options) => (await findToken(options?.refresh === true, options?.signal))?.value,
    fetch: fetchWithToken,
    sessions: {
      list: async () => {
        const reply = await callWithToken('GET', 'sessions');
        const { sessions } = asObject(reply.body);
        if (!Array.isArray(sessions) || !sessions.every(isSession)) throw notOurs(reply);
        return sessions;
      },
      end: async (id) => endSessions(`sessions/${toPathSegment(id)}`, id === token?.claims.sid),
      endOthers: () => endSessions('sessions?keep=current', false),
      endAll: () => endSessions('sessions', true),
    },
    get state() {
      return state;
    },
    subscribe: (listener) => {
      listeners.add(listener);
      listener(state);
      return () => {
        listeners.delete(listener);
      };
    },
    close: () => {
      closing.close();
    },
  };
}

/** A directory: `new URL('refresh', …)` must stay below a mount such as /auth. */
function resolveUrl(path: string, baseUrl: string, page: string | undefined): URL {
  try {
    const base = new URL(baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`, page);
    if (/^https?:$/.test(base.protocol)) return new URL(path, base);
  } catch {
    // Said below.
  }
  throw new LatchkeyError(
    `The baseUrl "${String(baseUrl)}" leads to no http(s) URL. Outside a page it has to be absolute.`,
    'invalid_base_url',
  );
}

/** What tabs know each other by. */
function nameService({ resolve }: Transport): string {
  try {
    return resolve('').href;
  } catch {
    return ''; // the first call says what is wrong
  }
}

/** A listener that throws must not fail the call that changed the state, nor keep the change from the others. */
function notify(listener: (state: ClientState) => void, state: ClientState): void {
  try {
    listener(state);
  } catch (error) {
    void Promise.reject(error); // reported where the platform reports unhandled rejections
  }
}

/** Empty and dotted segments would name another path: `DELETE sessions/..` is `DELETE /`. */
function toPathSegment(id: string): string {
  return prepare(() => {
    if (/^\.{0,2}$/.test(id)) throw new TypeError('no id of a session');
    return encodeURIComponent(id);
  });
}

function withBearer(request: Request, { value }: AccessToken): Request {
  request.headers.set('Authorization', `Bearer ${value}`);
  return request;
}

function requireNoContent(reply: Reply): void {
  if (reply.status !== 204) throw notOurs(reply);
}

function isUser(value: unknown): value is User {
  const { id, username } = asObject(value);
  return typeof id === 'string' && typeof username === 'string';
}

function isSession(value: unknown): value is SessionInfo {
  return typeof asObject(value).id === 'string';
}

/** As patient as a call to the service: an outage must not hold up the caller for as long as a refresh is tried. */
async function inTime<T>(promise: Promise<T>): Promise<T> {
  const signal = AbortSignal.timeout(CALL_TIMEOUT_MS);
  try {
    return await orAbort(promise, signal);
  } catch (error) {
    if (error instanceof LatchkeyError) throw error;
    throw new LatchkeyError('The service did not respond.', 'network', { cause: error });
  }
}
