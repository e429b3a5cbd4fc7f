// The declared routes as tables, by path and method.
import { routes as all } from '../../src/app.ts';
import type { LimitBinding } from '../../src/http/client-info.ts';
import type { Route } from '../../src/http/route.ts';

type Table = Record<string, Record<string, Route>>;

const isBelowAdmin = (one: Route) => one.path.startsWith('/admin');

export const routes = toTable(all.filter((one) => !isBelowAdmin(one)));
/** For operators. Without ADMIN_TOKEN these paths do not exist. */
export const adminRoutes = toTable(all.filter(isBelowAdmin));

/** The endpoints that are limited per client address, such as `POST /login`, and their bindings. */
export const ADDRESS_LIMITS: Record<string, LimitBinding> = Object.fromEntries(
  all.flatMap(({ method, path, limit }) => (limit === undefined ? [] : [[`${method} ${path}`, limit]])),
);

/** Whether a route shows a file and not data. */
export function isPage(one: Route | undefined): boolean {
  return typeof one?.reference.response === 'string';
}

function toTable(list: Route[]): Table {
  const table: Table = {};
  for (const one of list) table[one.path] = { ...table[one.path], [one.method]: one };
  return table;
}
