// The guards of routes: each is a middleware, and the reasons for which it refuses. Who asks (or how often) comes first, and
// what they send last. route.ts has the order.
import type { MiddlewareHandler } from 'hono';
import * as v from 'valibot';
import type { FieldError } from '../api/error-codes.ts';
import type { FailureReason } from '../api/errors.ts';
import { authenticate, authenticateOperator, tokenFaults } from './bearer.ts';
import { bodyFaults, readBody, toFieldErrors } from './body.ts';
import { isOverAddressLimit, LIMIT_PERIOD_SECONDS, type LimitBinding } from './client-info.ts';
import { type AppEnv, inputOf } from './context.ts';
import { isOriginAllowed, noteOrigin } from './origin.ts';
import { refuse } from './problem.ts';

export interface Guard {
  check: MiddlewareHandler<AppEnv>;
  refusals: readonly FailureReason[];
}
export type QuerySchema = v.ObjectSchema<v.ObjectEntries, undefined>;

/** Cross-site defence (origin.ts). */
export const checkOrigin: Guard = {
  refusals: ['origin_not_allowed'],
  check: async (c, next) => {
    if (isOriginAllowed(c)) return next();
    noteOrigin(c);
    return refuse(c, 'origin_not_allowed');
  },
};

/** Counts the request against its client's address, and refuses it when there were too many. */
export function limitAddress(binding: LimitBinding): Guard {
  return {
    refusals: ['address_throttled'],
    check: async (c, next) => {
      if (!(await isOverAddressLimit(c, binding))) return next();
      return refuse(c, 'address_throttled', { retryAfterSeconds: LIMIT_PERIOD_SECONDS });
    },
  };
}

/** An account's owner, by an access token. Whether the session lives, the account decides, so the handler has to ask it. */
export const requireBearer: Guard = {
  refusals: [...tokenFaults, 'session_over', 'account_unavailable'],
  check: async (c, next) => {
    const caller = await authenticate(c);
    if (!caller.ok) return refuse(c, caller.reason, { isBearer: true });
    inputOf(c).claims = caller.claims;
    return next();
  },
};

/** An operator, by the one token of all of them. */
export const requireOperator: Guard = {
  refusals: ['not_found', 'no_token', 'bad_admin_token', 'invalid_input'],
  check: authenticateOperator,
};

/** The parameters of a schema, each at most once. Others are ignored. */
export function checkQuery(schema: QuerySchema): Guard {
  return {
    refusals: ['invalid_input'],
    check: async (c, next) => {
      const given = new URL(c.req.url).searchParams;
      const values = Object.keys(schema.entries).flatMap((name) => {
        const all = given.getAll(name);
        // A parameter given twice becomes a list, which the schema refuses as mistyped.
        return all.length === 0 ? [] : [[name, all.length === 1 ? all[0] : all]];
      });
      const query = v.safeParse(schema, Object.fromEntries(values));
      if (!query.success) return refuse(c, 'invalid_input', { errors: toFieldErrors(query.issues) });
      inputOf(c).query = query.output;
      return next();
    },
  };
}

/**
 * The query of an operation below /admin. A parameter that is not known, or given twice, is refused: `?disabeld=true` must
 * not list everybody, and `?dry_run=1` must not do what it asks not to.
 */
export function checkOperatorQuery(schema: QuerySchema = v.object({})): Guard {
  return {
    refusals: ['invalid_input'],
    check: async (c, next) => {
      // Not c.req.queries(): it drops a parameter that is named like a member of Object.prototype.
      const given = new URL(c.req.url).searchParams;
      const errors = findQueryFaults(given, schema.entries);
      if (errors.length > 0) return refuse(c, 'invalid_input', { errors });
      const query = v.safeParse(schema, Object.fromEntries(given));
      if (!query.success) return refuse(c, 'invalid_input', { errors: toFieldErrors(query.issues) });
      inputOf(c).query = query.output;
      return next();
    },
  };
}

function findQueryFaults(given: URLSearchParams, entries: object): FieldError[] {
  return [...new Set(given.keys())].flatMap((field): FieldError[] => {
    if (!Object.hasOwn(entries, field))
      return [{ field, code: 'unknown_parameter', message: 'is not a parameter of this endpoint' }];
    if (given.getAll(field).length === 1) return [];
    return [{ field, code: 'repeated_parameter', message: 'must be given once' }];
  });
}

/** A body of JSON, or where the endpoint takes them, of a form (body.ts). */
export function checkBody(schema: v.GenericSchema, takesForms = false): Guard {
  return {
    refusals: bodyFaults,
    check: async (c, next) => {
      const read = await readBody(c, schema, takesForms);
      if (!read.ok) return refuse(c, read.reason, read);
      inputOf(c).body = read.value;
      return next();
    },
  };
}
