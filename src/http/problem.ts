// Refusals on the wire: problem documents (RFC 9457), the challenge of a 401, Retry-After. What they say is in errors.ts.

import type { FieldError, Problem } from '../api/error-codes.ts';
import {
  challengeFor,
  describeFailure,
  type FailureReason,
  UNAVAILABLE_RETRY_SECONDS,
} from '../api/errors.ts';
import { type AppContext, outcomeOf, serviceOf } from './context.ts';

export interface RefusalDetails {
  retryAfterSeconds?: number;
  errors?: FieldError[];
  /** The request carried a bearer token, and that is what is wrong. */
  isBearer?: boolean;
}

/** Responds to a request that is refused, and notes the exact reason for the log. */
export function refuse(c: AppContext, reason: FailureReason, details: RefusalDetails = {}): Response {
  outcomeOf(c).reason = reason;
  const { status, code, title } = describeFailure(reason);
  const wireStatus = status === 401 ? serviceOf(c).config.unauthorizedStatus : status;
  const problem: Problem = {
    type: `urn:latchkey:error:${code}`,
    title,
    status: wireStatus,
    code,
    message: title,
    ...(details.errors && { errors: details.errors }),
  };
  const retryAfterSeconds = status === 503 ? UNAVAILABLE_RETRY_SECONDS : details.retryAfterSeconds;
  if (retryAfterSeconds !== undefined) c.header('Retry-After', String(retryAfterSeconds));
  const challenge = wireStatus === 401 ? challengeFor(reason, details.isBearer === true) : undefined;
  if (challenge !== undefined) c.header('WWW-Authenticate', challenge);
  return c.json(problem, wireStatus, { 'Content-Type': 'application/problem+json' });
}

/**
 * Responds with a refusal of the account. For requests that are signed in by an access token or by nothing, never by the refresh
 * cookie: a session that is over is a fault of the access token.
 */
export function respondRefusal(
  c: AppContext,
  { reason, retryAfterSeconds }: { reason: FailureReason; retryAfterSeconds?: number },
): Response {
  return refuse(c, reason, {
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    isBearer: reason === 'session_over',
  });
}
