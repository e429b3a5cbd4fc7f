// Every reason to refuse a request, and all that a client learns of it: status, code and title.
// Exact reasons inside, vague responses outside. A new reason fails the type check until it has its row here.
import type { ErrorCode } from './error-codes.ts';

interface RefusalResponse {
  status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 421 | 422 | 429 | 500 | 503;
  code: ErrorCode;
  /** What `title` and `message` say. */
  title: string;
}

const refusals = {
  malformed_body: { status: 400, code: 'malformed_body', title: 'The body is not a JSON object or form' },
  wrong_password: { status: 401, code: 'invalid_credentials', title: 'Invalid credentials' },
  unknown_account: { status: 401, code: 'invalid_credentials', title: 'Invalid credentials' },
  bad_admin_token: { status: 401, code: 'unauthorized', title: 'Unauthorized' },
  no_token: { status: 401, code: 'unauthorized', title: 'Unauthorized' },
  two_cookies: { status: 401, code: 'unauthorized', title: 'Unauthorized' },
  token_malformed: { status: 401, code: 'unauthorized', title: 'Unauthorized' },
  token_unknown_key: { status: 401, code: 'unauthorized', title: 'Unauthorized' },
  token_forged: { status: 401, code: 'unauthorized', title: 'Unauthorized' },
  token_claims: { status: 401, code: 'unauthorized', title: 'Unauthorized' },
  token_expired: { status: 401, code: 'unauthorized', title: 'Unauthorized' },
  session_over: { status: 401, code: 'session_ended', title: 'Unauthorized' },
  session_expired: { status: 401, code: 'session_ended', title: 'Unauthorized' },
  refresh_token_reuse: { status: 401, code: 'session_ended', title: 'Unauthorized' },
  invalid_link: { status: 400, code: 'invalid_link', title: 'This link has been used or has expired' },
  email_not_verified: { status: 403, code: 'email_not_verified', title: 'Confirm your e-mail address first' },
  email_already_verified: {
    status: 409,
    code: 'email_already_verified',
    title: 'This e-mail address is confirmed already',
  },
  password_reset_required: {
    status: 403,
    code: 'password_reset_required',
    title: 'Set a new password first',
  },
  second_factor_required: {
    status: 403,
    code: 'second_factor_required',
    title: 'A second factor is required',
  },
  account_disabled: { status: 403, code: 'account_disabled', title: 'This account is disabled' },
  origin_not_allowed: { status: 403, code: 'origin_not_allowed', title: 'This origin is not allowed' },
  registration_closed: { status: 403, code: 'registration_closed', title: 'Registration is closed' },
  not_found: { status: 404, code: 'not_found', title: 'Not found' },
  unknown_id: { status: 404, code: 'not_found', title: 'Not found' },
  unknown_session: { status: 404, code: 'not_found', title: 'Not found' },
  method_not_allowed: { status: 405, code: 'method_not_allowed', title: 'This method is not allowed here' },
  username_taken: { status: 409, code: 'username_taken', title: 'This user name is taken' },
  email_taken: { status: 409, code: 'email_taken', title: 'This e-mail address is taken' },
  body_too_large: { status: 413, code: 'body_too_large', title: 'The body is too large' },
  unsupported_media_type: {
    status: 415,
    code: 'unsupported_media_type',
    title: 'This media type is not supported',
  },
  compressed_body: { status: 415, code: 'unsupported_media_type', title: 'Send the body uncompressed' },
  plain_http: { status: 421, code: 'https_required', title: 'Use https' },
  invalid_input: { status: 422, code: 'invalid_input', title: 'Some fields are not valid' },
  mail_throttled: { status: 429, code: 'too_many_attempts', title: 'Too many attempts' },
  account_throttled: { status: 429, code: 'too_many_attempts', title: 'Too many attempts' },
  address_throttled: { status: 429, code: 'too_many_attempts', title: 'Too many attempts' },
  account_unavailable: { status: 503, code: 'unavailable', title: 'Temporarily unavailable' },
  directory_unavailable: { status: 503, code: 'unavailable', title: 'Temporarily unavailable' },
  too_busy: { status: 503, code: 'unavailable', title: 'Temporarily unavailable' },
  misconfigured: { status: 503, code: 'unavailable', title: 'Temporarily unavailable' },
  body_used_up: { status: 500, code: 'internal', title: 'Internal error' },
  bug: { status: 500, code: 'internal', title: 'Internal error' },
} as const satisfies Record<string, RefusalResponse>;

/** Why a request was refused, exactly. For logs and for the type check, never for clients. */
export type FailureReason = keyof typeof refusals;

/** Seconds after which a client should try again when storage did not respond: well inside any useful grace window. */
export const UNAVAILABLE_RETRY_SECONDS = 2;

/** What clients learn of a reason. */
export function describeFailure(reason: FailureReason): RefusalResponse {
  return refusals[reason];
}

/** The challenge that a 401 must carry (RFC 9110 section 11.6.1). A refused bearer token is named (RFC 6750 section 3.1). */
export function challengeFor(reason: FailureReason, isBearer: boolean): string {
  const isTokenRefused = isBearer && reason !== 'no_token';
  return isTokenRefused ? 'Bearer realm="latchkey", error="invalid_token"' : 'Bearer realm="latchkey"';
}

/** An outage, told from a bug: storage did not respond. Thrown inside a request, which gets a 503. */
export class OutageError extends Error {
  readonly reason: 'account_unavailable' | 'directory_unavailable';

  constructor(reason: OutageError['reason'], cause: unknown) {
    super(reason, { cause });
    this.name = 'OutageError';
    this.reason = reason;
  }
}

/** Migrations that were not applied: the one outage that waiting does not end. */
const NO_TABLES =
  'the directory lacks a table: `wrangler d1 migrations apply DIRECTORY` makes it (--remote or --local), and so do `npm run deploy` and `npm start`';

/** Lines of a stack that a log line keeps. */
const MOST_PLACES = 5;

/**
 * What may be logged of something thrown: its kind, the platform's flags, and where it came from. Never the message, which
 * may quote a token (hono/jwt), a row (SQLite) or a mail.
 */
export function describeThrown(thrown: unknown): string[] {
  const cause: unknown = thrown instanceof OutageError ? thrown.cause : thrown;
  if (!(cause instanceof Error)) return [typeof cause];
  const flags = ['remote', 'retryable', 'overloaded'].filter((flag) => Reflect.get(cause, flag) === true);
  const places = (cause.stack ?? '').split('\n').flatMap((line) => /^\s+at (.+)$/.exec(line)?.[1] ?? []);
  // D1: "D1_ERROR: no such table: accounts: SQLITE_ERROR".
  const isUnmigrated =
    thrown instanceof OutageError &&
    thrown.reason === 'directory_unavailable' &&
    /\bno such (?:table|column)\b/.test(cause.message);
  return [
    [cause.name, ...flags].join(' '),
    ...(isUnmigrated ? [NO_TABLES] : []),
    ...places.slice(0, MOST_PLACES),
  ];
}
