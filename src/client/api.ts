// One call to the service, and what it means when it fails. Knows no token and no tab.
import type { ErrorCode, FieldError, Problem } from '../wire.ts';

/** What `createClient` was given, and what surrounds it. */
export interface Transport {
  baseUrl: URL;
  fetch: typeof fetch;
  /** Whether `credentials` means something here: in a browser. Workers refuse the member, Node ignores it. */
  sendsCookies: boolean;
}

/**
 * A refusal of the service, or no answer at all (`network`). `code` is the contract, `message` is for people.
 * `retryAfterSeconds` is set for 429 and 503, `errors` for 422.
 */
export class LatchkeyError extends Error {
  override readonly name = 'LatchkeyError';
  readonly code: ErrorCode | 'network';
  readonly status: number | undefined;
  readonly errors: FieldError[];
  readonly retryAfterSeconds: number | undefined;

  constructor(
    message: string,
    code: ErrorCode | 'network',
    {
      status,
      errors = [],
      retryAfterSeconds,
      cause,
    }: { status?: number; errors?: FieldError[]; retryAfterSeconds?: number; cause?: unknown } = {},
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

  /** Whether there is no session (any more). By code, since the service's status for it can be set to 406. */
  get isSignedOut(): boolean {
    return this.code === 'unauthorized' || this.code === 'session_ended';
  }
}

/** A call that can hang would hold up every tab: it is given up after this long, and tried again. */
const CALL_TIMEOUT_MS = 15_000;

/** Calls an endpoint of the service. Throws a LatchkeyError for everything but success. */
export async function call(
  { baseUrl, fetch, sendsCookies }: Transport,
  path: string,
  init: RequestInit = {},
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(new URL(path, baseUrl), {
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      ...(sendsCookies && { credentials: 'include' }),
      ...init,
    });
  } catch (cause) {
    // `fetch` may be our own: what refused the token behind this call is more to the point.
    if (cause instanceof LatchkeyError) throw cause;
    throw new LatchkeyError('The service did not answer.', 'network', { cause });
  }
  if (response.ok) return response;
  throw await readProblem(response);
}

/** A JSON body. */
export function toJsonBody(value: object): RequestInit {
  return { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(value) };
}

/** Something between us and the service (a proxy, a captive portal) may answer without a problem document. */
async function readProblem(response: Response): Promise<LatchkeyError> {
  const retryAfter = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
  const problem = await response.json().then(
    (body) => body as Partial<Problem> | null, // each member is looked for below
    () => null,
  );
  const { status } = response;
  return new LatchkeyError(
    problem?.title ?? `The service answered ${status}.`,
    problem?.code ?? 'unavailable',
    {
      status,
      errors: problem?.errors ?? [],
      ...(retryAfter >= 0 && { retryAfterSeconds: retryAfter }),
    },
  );
}
