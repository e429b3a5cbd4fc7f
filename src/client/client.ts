// The client: signs in, stays signed in, and gives out access tokens. The access token lives in this module's memory
// alone; the refresh token is in an HttpOnly cookie that no script can read, this one included.
import type { RegisterResponse, SessionInfo, SessionsResponse, User } from '../wire.ts';
import { type AccessToken, type AccessTokenClaims, isFresh, readAccessToken } from './access-token.ts';
import { call, LatchkeyError, type Transport, toJsonBody } from './api.ts';
import { pauseBeforeAttempt } from './backoff.ts';
import { isPage, joinTabs, type SignedOutReason } from './tabs.ts';

export interface ClientOptions {
  /** Where the service is: `https://auth.example.com`, or `https://example.com/auth` where it is mounted. */
  baseUrl: string;
  /** Instead of the global one. Outside a browser it has to keep the cookies. */
  fetch?: typeof fetch;
}

/** `isRetrying`: the service cannot be reached just now; nobody is signed out for that. `expiresAtMs` is by this device's clock. */
export type ClientState =
  | { status: 'unknown'; isRetrying: boolean }
  | { status: 'signed_in'; isRetrying: boolean; claims: AccessTokenClaims; expiresAtMs: number }
  | { status: 'signed_out'; reason: SignedOutReason };

export interface Client {
  /** Creates an account and signs in. Throws a LatchkeyError: `username_taken`, `email_taken`, `invalid_input`, … */
  register(details: { username: string; email: string; password: string }): Promise<User>;
  /** Signs in. `username` may be the e-mail address. Throws a LatchkeyError: `invalid_credentials`, `too_many_attempts`, … */
  login(credentials: { username: string; password: string }): Promise<void>;
  /** Signs out, here and in every tab. Throws when the service cannot be told, and then nobody is signed out: the cookie still holds. */
  logout(): Promise<void>;
  /** Signs in again without a password, after a reload. Resolves to whether somebody is; while the service is away it keeps trying. */
  restore(): Promise<boolean>;
  /** A token that is good for a while, refreshed where needed; `undefined` when nobody is signed in. `refresh` asks for a new one. */
  getAccessToken(options?: { refresh?: boolean; signal?: AbortSignal }): Promise<string | undefined>;
  /** `fetch` with the bearer token. Answers 401 are tried once more with a new token. Use it for your own API only: the token goes where you send it. */
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
  /** Leaves the other tabs. For tests and hot reloads. */
  close(): void;
}

/** How long a tab that waited for another gives that one's token to arrive. */
const MESSAGE_WAIT_MS = 100;

export function createClient({ baseUrl, fetch: ownFetch }: ClientOptions): Client {
  const page = (globalThis as { location?: { href: string } }).location?.href;
  const transport: Transport = {
    // A directory: `new URL('refresh', …)` must stay below a mount such as /auth.
    baseUrl: new URL(baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`, isPage() ? page : undefined),
    fetch: ownFetch ?? ((input, init) => globalThis.fetch(input, init)),
    sendsCookies: isPage(),
  };
  let state: ClientState = { status: 'unknown', isRetrying: false };
  let token: AccessToken | undefined;
  let refreshing: Promise<AccessToken | undefined> | undefined;
  const listeners = new Set<(state: ClientState) => void>();

  const tabs = joinTabs(`latchkey ${transport.baseUrl}`, (message) => {
    if (message.kind === 'signed_out') leave(message.reason);
    // An older token of the same session would be a step back.
    else if (token?.claims.sid !== message.token.claims.sid || token.claims.iat <= message.token.claims.iat)
      enter(message.token);
  });

  function change(next: ClientState): void {
    state = next;
    for (const listener of [...listeners]) listener(state);
  }

  function enter(next: AccessToken): void {
    token = next;
    change({ status: 'signed_in', isRetrying: false, claims: next.claims, expiresAtMs: next.expiresAtMs });
  }

  function leave(reason: SignedOutReason): void {
    token = undefined;
    if (state.status !== 'signed_out') change({ status: 'signed_out', reason });
  }

  /** A change of the cookie at a time, in all tabs: an answer that comes late must not put an old cookie over a new one. */
  function startSession(path: string, details: object): Promise<RegisterResponse> {
    return tabs.exclusively(async () => {
      const response = await call(transport, path, { method: 'POST', ...toJsonBody(details) });
      const { token: next, answer } = await readAccessToken(response, Date.now());
      enter(next);
      tabs.post({ kind: 'signed_in', token: next });
      return answer as RegisterResponse; // /register answers with the user, /login is only waited for
    });
  }

  /** One refresh for all that wait in this tab, in turn with the other tabs, until the service has answered. */
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
        if (!(error instanceof LatchkeyError && error.isTemporary)) throw error;
        if (state.status !== 'signed_out') change({ ...state, isRetrying: true });
        await pauseBeforeAttempt(attempt, error.retryAfterSeconds);
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
      const response = await call(transport, 'refresh', { method: 'POST' });
      const { token: next } = await readAccessToken(response, Date.now());
      enter(next);
      tabs.post({ kind: 'signed_in', token: next });
      return next;
    } catch (error) {
      if (!(error instanceof LatchkeyError && error.isSignedOut)) throw error;
      // A cookie that has run out is not sent: for somebody who was signed in, that is the end of a session too.
      const reason = token !== undefined || error.code === 'session_ended' ? 'session_ended' : 'no_session';
      leave(reason);
      if (reason === 'session_ended') tabs.post({ kind: 'signed_out', reason });
      return undefined;
    }
  }

  async function findToken(refreshNow: boolean, signal?: AbortSignal): Promise<AccessToken | undefined> {
    if (!refreshNow && token !== undefined && isFresh(token, Date.now())) return token;
    if (!refreshNow && state.status === 'signed_out') return undefined;
    return orAbort(refresh(token), signal);
  }

  async function fetchWithToken(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init);
    const used = await findToken(false, request.signal);
    if (used === undefined) return transport.fetch(request);
    const response = await transport.fetch(withBearer(request.clone(), used));
    if (response.status !== 401) return response;
    // Refused although it seemed fresh: revoked, or the clock is wrong. Whoever met this before us has a new one already.
    const next = await orAbort(refresh(used), request.signal);
    if (next === undefined || next === used) return response;
    await response.body?.cancel();
    return transport.fetch(withBearer(request, next));
  }

  /** A call to the service itself, whose refusals become errors. */
  function callWithToken(path: string, method: string): Promise<Response> {
    const wrapped: Transport = { ...transport, fetch: fetchWithToken };
    return call(wrapped, path, { method });
  }

  async function endSessions(path: string, endsCurrent: boolean): Promise<void> {
    await callWithToken(path, 'DELETE');
    if (!endsCurrent) return;
    leave('signed_out');
    tabs.post({ kind: 'signed_out', reason: 'signed_out' });
  }

  return {
    register: async (details) => (await startSession('register', details)).user,
    login: async (credentials) => {
      await startSession('login', credentials);
    },
    logout: () =>
      tabs.exclusively(async () => {
        await call(transport, 'logout', { method: 'POST' });
        leave('signed_out');
        tabs.post({ kind: 'signed_out', reason: 'signed_out' });
      }),
    restore: async () => (await findToken(state.status === 'signed_out')) !== undefined,
    getAccessToken: async ({ refresh: refreshNow = false, signal } = {}) =>
      (await findToken(refreshNow, signal))?.value,
    fetch: fetchWithToken,
    sessions: {
      list: async () => {
        const answer: SessionsResponse = await (await callWithToken('sessions', 'GET')).json();
        return answer.sessions;
      },
      end: (id) => endSessions(`sessions/${encodeURIComponent(id)}`, id === token?.claims.sid),
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
    close: () => tabs.close(),
  };
}

function withBearer(request: Request, { value }: AccessToken): Request {
  request.headers.set('Authorization', `Bearer ${value}`);
  return request;
}

/** The caller may lose patience; the refresh goes on for the others. */
function orAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
