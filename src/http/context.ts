// What a request carries through the pipeline: its service, what is known for its log line, and what the guards found.
// Only this module can reach it.
import type { Context } from 'hono';
import { routePath } from 'hono/route';
import type { FailureReason } from '../api/errors.ts';
import type { Service } from './service.ts';

/** No context variables: a parent app shares them, its loggers print them, and it may have any of their names. */
export type AppEnv = { Bindings: Env };
export type AppContext = Context<AppEnv>;

/** What a request turned out to be, for its log line. Ids only: no name, no token, no password. */
export interface RequestOutcome {
  requestId: string;
  reason?: FailureReason | 'rotated' | 'repeated';
  accountId?: string;
  sessionId?: string;
  /** What was thrown, for a 500 or a 503: its kind and the places it passed, never its message. */
  fault?: string[];
  /** Where a request came from that was refused for it. */
  origin?: string;
  /** The label of an operator, on `/admin`. */
  operator?: string;
}

/** What the guards of a route found, for its handler (route.ts gives them their types). */
export interface RequestInput {
  claims?: unknown;
  body?: unknown;
  query?: unknown;
}

/** What one request is handled with. `service` is there once the settings were found sound. */
export interface RequestState {
  service?: Service;
  outcome: RequestOutcome;
  receivedAtMs: number;
  input: RequestInput;
}

/**
 * By context, since that is one request in one app: a parent may put another `Request` into `c.req.raw`, and an app that is
 * called by `fetch` gets a context of its own.
 */
const states = new WeakMap<AppContext, RequestState>();

/** Starts a request. Only `observe` calls this, before all else. */
export function beginRequest(c: AppContext, state: RequestState): void {
  states.set(c, state);
}

/** The service that the request came to. */
export function serviceOf(c: AppContext): Service {
  const { service } = stateOf(c);
  if (service === undefined) throw new Error('the service was not loaded before it was needed');
  return service;
}

/** What is known of the request for its log line. */
export function outcomeOf(c: AppContext): RequestOutcome {
  return stateOf(c).outcome;
}

/** What the guards found in the request. */
export function inputOf(c: AppContext): RequestInput {
  return stateOf(c).input;
}

/**
 * Resolves when so many milliseconds have passed since the request came; at once when they are over. A response at a fixed moment
 * does not reveal by its time what was found.
 */
export async function waitSinceReceipt(c: AppContext, ms: number): Promise<void> {
  await scheduler.wait(Math.max(0, stateOf(c).receivedAtMs + ms - Date.now()));
}

/**
 * The segment of the path that stands for `:id` in the route, decoded. Not `c.req.param`: below a mount such as `/:id/auth` a parent
 * has parameters too, and Hono keeps one value for each name. Counted from the end, since only the start can be a parent's.
 */
export function readPathId(c: AppContext): string {
  const pattern = routePath(c).split('/');
  const segment = c.req.path.split('/').at(pattern.lastIndexOf(':id') - pattern.length) ?? '';
  try {
    return decodeURIComponent(segment);
  } catch {
    // Not an escape, so not an id either.
    return segment;
  }
}

function stateOf(c: AppContext): RequestState {
  const state = states.get(c);
  if (state === undefined) throw new Error('the request was not begun');
  return state;
}
