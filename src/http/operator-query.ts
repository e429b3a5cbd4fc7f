// The query of an operation below /admin, checked before the operation runs. A parameter that is not known, or given twice,
// is refused: `?disabeld=true` must not list everybody, and `?dry_run=1` must not do what it asks not to.
import * as v from 'valibot';
import type { FieldError } from '../wire.ts';
import { toFieldErrors } from './body.ts';
import { refuse } from './refusal.ts';
import type { AppContext } from './service.ts';

/** A handler that has checked its query. The route table takes no other, so that a new route cannot leave it out. */
export type OperatorHandler = ((c: AppContext) => Promise<Response>) & { readonly checksQuery: true };

/** An operation that takes the parameters of a schema, each at most once, and no other. */
export function takesQuery<const Entries extends v.ObjectEntries>(
  schema: v.ObjectSchema<Entries, undefined>,
  run: (c: AppContext, query: v.InferOutput<v.ObjectSchema<Entries, undefined>>) => Promise<Response>,
): OperatorHandler {
  const handle = async (c: AppContext): Promise<Response> => {
    // Not c.req.queries(): it drops a parameter that is named like a member of Object.prototype.
    const given = new URL(c.req.url).searchParams;
    const errors = findFaults(given, schema.entries);
    if (errors.length > 0) return refuse(c, 'invalid_input', { errors });
    const query = v.safeParse(schema, Object.fromEntries(given));
    if (!query.success) return refuse(c, 'invalid_input', { errors: toFieldErrors(query.issues) });
    return run(c, query.output);
  };
  return Object.assign(handle, { checksQuery: true } as const);
}

/** An operation that takes no parameter. */
export function takesNoQuery(run: (c: AppContext) => Promise<Response>): OperatorHandler {
  return takesQuery(v.object({}), run);
}

function findFaults(given: URLSearchParams, entries: object): FieldError[] {
  return [...new Set(given.keys())].flatMap((field) => {
    if (!Object.hasOwn(entries, field)) return [{ field, message: 'is not a parameter of this endpoint' }];
    return given.getAll(field).length > 1 ? [{ field, message: 'must be given once' }] : [];
  });
}
