// The id in the path of a request. Not c.req.param: below a mount such as `/:id/auth` a parent has parameters too, and Hono
// keeps one value for each name.
import { routePath } from 'hono/route';
import type { AppContext } from './context.ts';

/** The segment that stands for `:id` in the route, decoded. Counted from the end, since only the start can be a parent's. */
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
