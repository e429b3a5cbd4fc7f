// The outermost middleware: the headers of every response, the service of these bindings, and one log line.
// A log line holds ids and reasons, and never a name, an address of mail, a password, a token or a cookie.
import type { MiddlewareHandler } from 'hono';
import { describeFailure, type FailureReason } from '../api/errors.ts';
import {
  type AppContext,
  type AppEnv,
  beginRequest,
  type RequestOutcome,
  type RequestState,
} from './context.ts';
import { refuse } from './problem.ts';
import { loadService } from './service.ts';

/** Two years (RFC 6797). Without includeSubDomains: the other names under the operator's domain are not ours to decide. */
const HSTS = 'max-age=63072000';
/** Responses are data: nothing in them may load, run or be framed. `default-src` does not cover `base-uri`. Pages set their own. */
const DATA_POLICY = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/** Begins a request, and ends it: everything else runs inside. */
export const observe: MiddlewareHandler<AppEnv> = async (c, next) => {
  const receivedAtMs = Date.now();
  const outcome: RequestOutcome = { requestId: readRequestId(c.req.header('CF-Ray')) };
  const state: RequestState = { outcome, receivedAtMs, input: {} };
  beginRequest(c, state);
  // A parent app may have set another one, which responses without a status of their own would take.
  c.status(200);
  c.header('Cache-Control', 'no-store');
  c.header('Content-Security-Policy', DATA_POLICY);
  c.header('Referrer-Policy', 'no-referrer');
  c.header('Strict-Transport-Security', HSTS);
  c.header('X-Content-Type-Options', 'nosniff');
  c.header('X-Request-Id', outcome.requestId);
  const loaded = await loadService(c.env);
  if (loaded.ok) {
    state.service = loaded.service;
    await next();
  } else {
    c.res = refuse(c, 'misconfigured');
  }
  writeLog(c, outcome, Date.now() - receivedAtMs);
};

/** The edge's own id where there is one; the pattern keeps a client's invention out of the log. */
function readRequestId(ray: string | undefined): string {
  return ray !== undefined && /^[0-9a-f]{16}(-[A-Z]{3})?$/.test(ray) ? ray : crypto.randomUUID();
}

function writeLog(
  c: AppContext,
  { requestId, reason, accountId, sessionId, operator, origin, fault }: RequestOutcome,
  ms: number,
): void {
  const { status } = c.res;
  const code =
    reason === undefined || reason === 'rotated' || reason === 'repeated'
      ? 'ok'
      : describeFailure(reason).code;
  const line = JSON.stringify({
    event: eventName(c, reason),
    status,
    code,
    reason,
    accountId,
    sessionId,
    operator,
    origin,
    requestId,
    ms,
    fault,
  });
  if (status >= 500) console.error(line);
  else if (reason === 'refresh_token_reuse') console.warn(line);
  else console.log(line);
}

/** Reuse has an event of its own, so that an alert can be set on it; a harmless repetition is a refresh like others. */
function eventName(c: AppContext, reason: FailureReason | 'rotated' | 'repeated' | undefined): string {
  if (reason === 'refresh_token_reuse') return 'refresh_token_reuse';
  if (reason === 'not_found') return 'unknown_path';
  return `${c.req.method} ${c.req.routePath}`;
}
