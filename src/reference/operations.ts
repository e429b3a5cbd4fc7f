// What the reference shows of every route, made from the declarations (http/route.ts): nothing is repeated here. Refusals are
// reasons of errors.ts, so that statuses and codes cannot differ from it.
import type * as v from 'valibot';
import type { FailureReason } from '../api/errors.ts';
import * as wire from '../api/wire.ts';
import { routes } from '../app.ts';
import type { Route, Tag } from '../http/route.ts';

export const tags: Record<Tag, string> = {
  Authentication: 'From a password to tokens, and from a refresh token to the next pair.',
  Account: 'The caller’s own account.',
  Password: 'Change and reset of the password.',
  Email: 'Confirmation and change of the e-mail address.',
  Sessions: 'Where the account is signed in.',
  Service: 'For resource servers, monitors and people.',
  Operators: 'Only where `ADMIN_TOKEN` is set. `X-Operator` is the label that the account’s history shows.',
};

/** What every path can respond: a bug, settings that are faulty, and a request over plain http. */
export const everywhere = ['bug', 'misconfigured', 'plain_http'] as const satisfies FailureReason[];
/** The responses where there is no operation: an unknown path, and a method that a path does not take. */
export const elsewhere = ['not_found', 'method_not_allowed'] as const satisfies FailureReason[];

/** An endpoint as the document shows it. */
export type Operation = Pick<Route, 'auth' | 'query' | 'refusals'> &
  Route['reference'] & { body: string | undefined };

/** Bodies of requests, by the name that they have in the document. */
export const requests: Record<string, v.GenericSchema> = {};

/** By path, as the app writes it, and method. */
export const operations: Record<string, Record<string, Operation>> = {};
for (const { method, path, auth, query, body, refusals, reference } of routes) {
  const name = body && findSchemaName(body);
  if (body !== undefined && name !== undefined) requests[name] = body;
  operations[path] = { ...operations[path], [method]: { ...reference, auth, query, body: name, refusals } };
}

/** The name of a schema in `wire.ts`, as the document writes it: `loginRequest` is `Login`. */
function findSchemaName(schema: v.GenericSchema): string {
  const [name] = Object.entries(wire).find(([, value]) => value === schema) ?? [];
  if (name === undefined) throw new Error('a route takes a body that wire.ts does not export');
  return name.charAt(0).toUpperCase() + name.slice(1).replace(/Request$/, '');
}
