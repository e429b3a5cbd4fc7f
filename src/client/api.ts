// One call to the service, and what it means when it fails. Knows no token and no tab.
import type { ErrorCode, FieldError } from '../api/error-codes.ts';

/** What `createClient` was given, and what surrounds it. */
export interface Transport {
  /** The URL of an endpoint. Throws a LatchkeyError `invalid_base_url`. */
  resolve(path: string): URL;
  fetch: typeof fetch;
  /** Whether `credentials` means something here: in a browser. Workers may refuse the member, Node ignores it. */
  sendsCookies: boolean;
}

/**
 * What the client itself finds. `network`: there was no response of the service, only silence, or something that came
 * from elsewhere. `closed`: after `close()`. `invalid_base_url` and `invalid_request`: mistakes of the calling code.
 */
export type ClientErrorCode = 'network' | 'closed' | 'invalid_base_url' | 'invalid_request';

/**
 * A refusal of the service, or what the client found itself. `code` is the contract, `message` is for people.
 * `retryAfterSeconds` is set for 429 and 503, `errors` for 422: `code` and `params` of each say what is wrong in any language. A newer
 * service may have codes that the types do not list.
 */
export class LatchkeyError extends Error {
  override readonly name = 'LatchkeyError';
  readonly code: ErrorCode | ClientErrorCode;
  readonly status: number | undefined;
  readonly errors: FieldError[];
  readonly retryAfterSeconds: number | undefined;

  constructor(
    message: string,
    code: ErrorCode | ClientErrorCode,
    {
      status,
      errors = [],
      retryAfterSeconds,
      cause,
    }: {
      status?: number | undefined;
      errors?: FieldError[];
      retryAfterSeconds?: number | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause });
    this.code = code;
    this.status = status;
    this.errors = errors;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** Whether the same call may succeed later, so that nobody is signed out for it. */
  get isTemporary(): boolean {
    return this.code === 'network' || this.status === 429 || (this.status ?? 0) >= 500;
  }

  /** Whether there is no session (any more): by code, and by one of the statuses that the service can be set to for it. */
  get isSignedOut(): boolean {
    return (
      (this.code === 'unauthorized' || this.code === 'session_ended') &&
      (this.status === 401 || this.status === 406)
    );
  }
}

/** A response, read to its end. `body` is `undefined` when it is no JSON. */
export interface Reply {
  status: number;
  date: string | null;
  retryAfter: string | null;
  body: unknown;
}

/** A call that can hang would hold up every tab: it is given up after this long, and tried again. */
export const CALL_TIMEOUT_MS = 15_000;

/** Calls an endpoint of the service. Throws a LatchkeyError for everything but a status of success. */
export async function call(
  { resolve, fetch, sendsCookies }: Transport,
  method: string,
  path: string,
  { body, accessToken }: { body?: object; accessToken?: string | undefined } = {},
): Promise<Reply> {
  const url = resolve(path);
  const headers = {
    ...(body && { 'Content-Type': 'application/json' }),
    ...(accessToken !== undefined && { Authorization: `Bearer ${accessToken}` }),
  };
  const text = prepare(() => body && JSON.stringify(body));
  let reply: Reply;
  try {
    const signal = AbortSignal.timeout(CALL_TIMEOUT_MS);
    const init = {
      method,
      headers,
      signal,
      ...(text !== undefined && { body: text }),
      ...(sendsCookies && { credentials: 'include' as const }),
    };
    // A `fetch` of the caller's own may not heed the signal.
    reply = await orAbort(readReply(fetch(url, init)), signal);
  } catch (cause) {
    throw new LatchkeyError('The service did not respond.', 'network', { cause });
  }
  if (reply.status >= 200 && reply.status < 300) return reply;
  throw readProblem(reply);
}

/** Runs what a mistake of the calling code makes fail, before anything is sent. */
export function prepare<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new LatchkeyError('This request cannot be made.', 'invalid_request', { cause });
  }
}

/** The error for a response that cannot be the service's: it tells nothing, as if none had come. */
export function notOurs(reply: Reply): LatchkeyError {
  const { status } = reply;
  return new LatchkeyError(
    `The response, with status ${status}, did not come from the service.`,
    status === 429 || status >= 500 ? 'unavailable' : 'network',
    { status, retryAfterSeconds: readRetryAfter(reply) },
  );
}

/** A JSON value, when it is an object. Its members may be anything. */
export function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** The caller may lose patience; what was begun goes on. Rejects with the signal's own reason, as `fetch` does. */
export function orAbort<T>(promise: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

async function readReply(responding: Promise<Response>): Promise<Reply> {
  const response = await responding;
  const text = await response.text();
  return {
    status: response.status,
    date: response.headers.get('Date'),
    retryAfter: response.headers.get('Retry-After'),
    body: parseJson(text),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Something between us and the service (a proxy, a captive portal) may respond, with JSON of its own too. */
function readProblem(reply: Reply): LatchkeyError {
  const { type, title, status, code, errors } = asObject(reply.body);
  const isOurs =
    typeof title === 'string' &&
    typeof code === 'string' &&
    status === reply.status &&
    type === `urn:latchkey:error:${code}`;
  if (!isOurs) return notOurs(reply);
  // A newer service may have codes that the type does not list.
  return new LatchkeyError(title, code as ErrorCode, {
    status,
    errors: Array.isArray(errors) ? errors.filter(isFieldError) : [],
    retryAfterSeconds: readRetryAfter(reply),
  });
}

function isFieldError(value: unknown): value is FieldError {
  const { field, code, message } = asObject(value);
  return [field, code, message].every((text) => typeof text === 'string');
}

/** Seconds only: the service sends no dates. */
function readRetryAfter({ retryAfter }: Reply): number | undefined {
  return /^\d{1,9}$/.test(retryAfter ?? '') ? Number(retryAfter) : undefined;
}
