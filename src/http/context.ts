// What a request carries through the pipeline: its service, what is known for its log line, and what the guards found.
// Only this module can reach it.
import type { Context } from 'hono';
import type { FailureReason } from '../errors.ts';
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

/** When the request came, for responses at a fixed moment after it. */
export function receivedAtMs(c: AppContext): number {
  return stateOf(c).receivedAtMs;
}

function stateOf(c: AppContext): RequestState {
  const state = states.get(c);
  if (state === undefined) throw new Error('the request was not begun');
  return state;
}
