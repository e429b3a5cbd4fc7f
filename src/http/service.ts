// What every request needs and no request should make: settings, keys. Made once per isolate, faults included.

import { type Config, loadAccessKeys, loadConfig } from '../config/config.ts';
import { importDecoyKey } from '../directory/decoy.ts';
import type { SessionPolicy } from '../domain/session.ts';
import { importAccessKeys, importSecrets, type KeySet } from '../tokens/key-set.ts';

export interface Service {
  config: Config;
  accessKeys: KeySet;
  refreshKeys: KeySet;
  decoyKey: CryptoKey;
}

export type LoadedService = { ok: true; service: Service } | { ok: false; faults: string[] };

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
