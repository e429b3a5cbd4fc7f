// What every request needs and no request should make: settings, keys. Made once per isolate, faults included.
import type { Context } from 'hono';
import { importDecoyKey } from '../account/decoy.ts';
import { type Config, loadAccessKeys, loadConfig } from '../config.ts';
import type { SessionPolicy } from '../domain/session.ts';
import type { FailureReason } from '../errors.ts';
import { importAccessKeys, importSecrets, type KeyRing } from '../tokens/key-ring.ts';

export interface Service {
  config: Config;
  accessKeys: KeyRing;
  refreshKeys: KeyRing;
  decoyKey: CryptoKey;
}

export type LoadedService = { ok: true; service: Service } | { ok: false; faults: string[] };

/** What a request turned out to be, for its log line. Ids only: no name, no token, no password. */
export interface RequestOutcome {
  requestId: string;
  reason?: FailureReason | 'rotated' | 'replayed';
  accountId?: string;
  sessionId?: string;
  /** What was thrown, for a 500 or a 503: its kind and the places it passed, never its message. */
  fault?: string[];
  /** Where a request came from that was refused for it. */
  origin?: string;
  /** The label of an operator, on `/admin`. */
  operator?: string;
}

/** What an answer will carry beside its body. Names are spelled as they go out. */
export interface AnswerHead {
  headers: Record<string, string>;
  cookies: string[];
  /** The app runs inside another one, whose middleware may have set headers of its own: then Hono puts the two together. */
  isMounted: boolean;
}

/** No context variables: a parent app shares them, its loggers print them, and it may have any of their names. */
export type AppEnv = { Bindings: Env };
export type AppContext = Context<AppEnv>;

/** What one request is handled with. `service` is there once the settings were found sound. */
export interface RequestState {
  service?: Service;
  outcome: RequestOutcome;
  head: AnswerHead;
}

/**
 * By context, since that is one request in one app: a parent may put another `Request` into `c.req.raw`, and an app that is
 * called by `fetch` gets a context of its own. Only this module can reach it.
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

/** What the response will carry. */
export function headOf(c: AppContext): AnswerHead {
  return stateOf(c).head;
}

function stateOf(c: AppContext): RequestState {
  const state = states.get(c);
  if (state === undefined) throw new Error('the request was not begun');
  return state;
}

/** The part of the settings that an account decides by. It travels with each call: the account reads no settings. */
export function toPolicy({ refreshTtlSeconds, sessionTtlSeconds, graceSeconds }: Config): SessionPolicy {
  return { refreshTtlSeconds, sessionTtlSeconds, graceSeconds };
}

const services = new WeakMap<object, Promise<LoadedService>>();

/** The service of these bindings. workerd hands every request of an isolate the same `env` object. */
export function loadService(env: Env): Promise<LoadedService> {
  const known = services.get(env);
  if (known !== undefined) return known;
  const loading = makeService(env);
  services.set(env, loading);
  // A failure that is no fault of the settings must not last as long as the isolate.
  loading.catch(() => services.delete(env));
  return loading;
}

async function makeService(env: Env): Promise<LoadedService> {
  const loaded = loadConfig(env);
  const material = loadAccessKeys(env);
  const accessKeys = material && (await importAccessKeys(material));
  const keyFaults =
    accessKeys?.ok === false ? accessKeys.faults.map((fault) => `ACCESS_TOKEN_SECRET ${fault}`) : [];
  if (!loaded.ok || accessKeys?.ok !== true)
    return reportFaults([...(loaded.ok ? [] : loaded.faults), ...keyFaults]);
  const { config } = loaded;
  const [signingSecret = ''] = config.refreshSecrets; // loadConfig refuses an empty list
  const [refreshKeys, decoyKey] = await Promise.all([
    importSecrets(config.refreshSecrets),
    importDecoyKey(signingSecret),
  ]);
  return { ok: true, service: { config, accessKeys: accessKeys.value, refreshKeys, decoyKey } };
}

function reportFaults(faults: string[]): LoadedService {
  console.error(JSON.stringify({ event: 'configuration', code: 'unavailable', faults }));
  return { ok: false, faults };
}
