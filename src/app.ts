// The app: middleware order, the list of routes, errors. Knows no storage.
import { Hono } from 'hono';
import { describeThrown, OutageError } from './api/errors.ts';
import { hideWithoutOperators } from './http/bearer.ts';
import { type AppContext, type AppEnv, outcomeOf } from './http/context.ts';
import { requireOperator } from './http/guards.ts';
import { corsForListedOrigins } from './http/origin.ts';
import { refusePlainHttp } from './http/plain-http.ts';
import { refuse } from './http/problem.ts';
import { observe } from './http/request-log.ts';
import type { Method, Route } from './http/route.ts';
import { admin } from './http/routes/admin.ts';
import { email } from './http/routes/email.ts';
import { login } from './http/routes/login.ts';
import { logout } from './http/routes/logout.ts';
import { me } from './http/routes/me.ts';
import { pages } from './http/routes/pages.ts';
import { password } from './http/routes/password.ts';
import { refresh } from './http/routes/refresh.ts';
import { register } from './http/routes/register.ts';
import { sessions } from './http/routes/sessions.ts';
import { health, wellKnown } from './http/routes/well-known.ts';

/** Every endpoint. Another method on a path of this list is a 405 with `Allow`. */
export const routes: readonly Route[] = [
  ...[register, login, refresh, logout],
  ...[...me, ...password, ...email, ...sessions],
  ...[...wellKnown, health, ...pages],
  ...admin,
];

/** The whole service as a Hono app: a Worker of its own, or to be mounted in another. */
export function createApp(): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.onError((error, c) => {
    outcomeOf(c).fault = describeThrown(error);
    return refuse(c, error instanceof OutageError ? error.reason : 'bug');
  });
  app.use(observe, refusePlainHttp, corsForListedOrigins);
  app.use('/admin/*', hideWithoutOperators);
  for (const { method, path, middleware } of routes) app.on(method, [path], ...middleware);
  // Below /admin nothing is told of paths and methods without the token.
  app.use('/admin/*', requireOperator.check);
  for (const path of new Set(routes.map((one) => one.path))) app.all(path, respondToOtherMethods(path));
  // Not app.notFound: a parent app that mounts this one would not call it.
  app.all('*', (c) => refuse(c, 'not_found'));
  return app;
}

/** OPTIONS tells what a path takes (a preflight of a listed origin never gets here); all else is refused. */
function respondToOtherMethods(path: string): (c: AppContext) => Response {
  const methods = routes.filter((one) => one.path === path).map((one): Method | 'HEAD' => one.method);
  // Hono responds to HEAD with the GET handler and drops the body.
  const all = methods.includes('GET') ? ['HEAD', ...methods] : methods;
  const allow = ['OPTIONS', ...all].sort().join(', ');
  return (c) => {
    c.header('Allow', allow);
    return c.req.method === 'OPTIONS' ? c.body(null, 204) : refuse(c, 'method_not_allowed');
  };
}
