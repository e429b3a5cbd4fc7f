// The project's wrangler configuration as the steps of the command line see it: one file, one environment.
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { unstable_readConfig as readWranglerConfig } from 'wrangler';
import { PROJECT_ROOT } from './wrangler.ts';
import { type Options, textOf } from './wrangler-options.ts';

/** In the order in which wrangler looks for them. */
const CONFIG_NAMES = ['wrangler.json', 'wrangler.jsonc', 'wrangler.toml'];

export interface ProjectConfig {
  path: string;
  folder: string;
  /** `undefined` for the top level. */
  environment: string | undefined;
  vars: Record<string, unknown>;
  databases: { binding: string; database_name?: string; database_id?: string }[];
  /** What the Worker will find in `env` beside variables and secrets, by name. */
  bindings: Record<string, object>;
  dev: { port?: number | undefined; local_protocol?: string };
}

/** Reads the configuration that these options name. Throws wrangler's own message for one that is not sound. */
export function readProjectConfig(options: Options): ProjectConfig {
  const given = textOf(options, 'config');
  const found =
    CONFIG_NAMES.find((candidate) => existsSync(join(PROJECT_ROOT, candidate))) ?? 'wrangler.toml';
  const path = resolve(PROJECT_ROOT, given ?? found);
  const environment = textOf(options, 'env') ?? process.env.CLOUDFLARE_ENV ?? '';
  const config = readWranglerConfig({ config: path, env: environment }, { hideWarnings: true });
  const databases: ProjectConfig['databases'] = config.d1_databases;
  const named: { name: string }[] = [
    ...config.durable_objects.bindings,
    ...config.send_email,
    ...(config.ratelimits ?? []),
  ];
  const bound = [...databases.map(({ binding }) => binding), ...named.map(({ name }) => name)];
  return {
    path,
    folder: dirname(path),
    environment: environment === '' ? undefined : environment,
    vars: config.vars,
    databases,
    bindings: Object.fromEntries(bound.map((binding) => [binding, {}])),
    dev: config.dev,
  };
}

/** The options with file and environment named, so that every step reads what was checked, whatever else is set. */
export function pinConfig(options: Options, { path, environment = '' }: ProjectConfig): Options {
  return new Map([...options, ['config', [path]], ['env', [environment]]]);
}
