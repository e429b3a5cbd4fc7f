// One declaration per endpoint, and the ordinary Hono middleware that it makes: the guards in their one order (origin, limit,
// authentication, query, body), and the handler, which holds only what is particular to it. The reference is made from
// the same declarations (src/reference/).
import type { MiddlewareHandler } from 'hono';
import type * as v from 'valibot';
import type { FailureReason } from '../api/errors.ts';
import type { ResponseName } from '../reference/responses.ts';
import type { AccessClaims } from '../tokens/access-token.ts';
import type { RefreshClaims } from '../tokens/refresh-token.ts';
import type { LimitBinding } from './client-info.ts';
import { type AppContext, type AppEnv, inputOf } from './context.ts';
import {
  checkBody,
  checkOperatorQuery,
  checkOrigin,
  checkQuery,
  type Guard,
  limitAddress,
  type QuerySchema,
  requireBearer,
  requireOperator,
} from './guards.ts';
import { requireRefreshToken } from './refresh-cookie.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type BodySchema = v.GenericSchema;

/** What a caller proves, and the claims that the handler gets. `anyRefreshCookie`: whatever state it is in, and none too. */
interface Claims {
  none: undefined;
  bearer: AccessClaims;
  refreshCookie: RefreshClaims;
  anyRefreshCookie: undefined;
  operator: undefined;
}
export type Auth = keyof Claims;

export type Tag = 'Authentication' | 'Account' | 'Password' | 'Email' | 'Sessions' | 'Service' | 'Operators';

/** What the reference says of an endpoint, beside what its guards say. */
export interface Documentation {
  id: string;
  tag: Tag;
  summary: string;
  description?: string;
  status: 200 | 201 | 202 | 204;
  /** The body of success: one of these, a file of a media type, or nothing. */
  response?: ResponseName[] | `${string}/${string}`;
  /** `signsIn` sets the refresh cookie; `clears` empties it; `cached` may be kept for five minutes; `remembers` sets the device cookie. */
  effect?: 'signsIn' | 'clears' | 'cached' | 'remembers';
  /** Beside JSON, which every body may be. */
  takesForms?: boolean;
  /** What the handler itself refuses. */
  refusals?: readonly FailureReason[];
}

interface Declaration<A extends Auth, B extends BodySchema | undefined, Q extends QuerySchema | undefined> {
  method: Method;
  path: string;
  /** Counts the request against its client's address. */
  limit?: LimitBinding;
  auth: A;
  query?: Q;
  body?: B;
  reference: Documentation;
  handler: (c: AppContext, input: Input<A, B, Q>) => Response | Promise<Response>;
}

type Output<S> = S extends v.GenericSchema ? v.InferOutput<S> : undefined;
interface Input<A extends Auth, B, Q> {
  claims: Claims[A];
  body: Output<B>;
  query: Output<Q>;
}

/** An endpoint: what `app.on(method, path, ...middleware)` takes, and what the reference and the tests read. */
export interface Route {
  method: Method;
  path: string;
  limit: LimitBinding | undefined;
  auth: Auth;
  query: QuerySchema | undefined;
  body: BodySchema | undefined;
  reference: Documentation;
  /** By its guards and by its handler. */
  refusals: readonly FailureReason[];
  middleware: MiddlewareHandler<AppEnv>[];
}

/** Declares an endpoint. */
export function route<
  A extends Auth,
  B extends BodySchema | undefined = undefined,
  Q extends QuerySchema | undefined = undefined,
>(declaration: Declaration<A, B, Q>): Route {
  const { method, path, limit, auth, query, body, reference, handler } = declaration;
  const guards: Guard[] = [
    // Whatever is no GET carries or sets a cookie, or changes something. Not for a declaration to leave out.
    ...(method === 'GET' ? [] : [checkOrigin]),
    ...(limit === undefined ? [] : [limitAddress(limit)]),
    ...authGuards[auth],
    // Below /admin a parameter that is not known is refused, so an operator's query is always checked.
    ...(auth === 'operator' ? [checkOperatorQuery(query)] : query === undefined ? [] : [checkQuery(query)]),
    ...(body === undefined ? [] : [checkBody(body, reference.takesForms)]),
  ];
  const refusals = [...guards.flatMap((guard) => guard.refusals), ...(reference.refusals ?? [])];
  return {
    ...{ method, path, limit, auth, query, body, reference },
    refusals: [...new Set(refusals)],
    middleware: [
      ...guards.map(({ check }) => check),
      // The guards above have put in what the declaration asks for.
      async (c) => handler(c, inputOf(c) as Input<A, B, Q>),
    ],
  };
}

const authGuards: Record<Auth, Guard[]> = {
  none: [],
  anyRefreshCookie: [],
  bearer: [requireBearer],
  refreshCookie: [requireRefreshToken],
  operator: [requireOperator],
};
