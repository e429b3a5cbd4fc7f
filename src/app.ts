// The app: middleware order, the route table, errors. Knows no storage.
import { Hono } from 'hono';
import { describeThrown, OutageError } from './errors.ts';
import * as admin from './http/admin.ts';
import { answerEmpty, setHeader } from './http/answer.ts';
import { showAudit } from './http/audit.ts';
import { metadata } from './http/discovery.ts';
import { changeEmail, requestVerification, showEmail, verifyEmail } from './http/email.ts';
import { health } from './http/health.ts';
import { jwks } from './http/jwks.ts';
import { login } from './http/login.ts';
import { logout } from './http/logout.ts';
import { changeProfile, deleteAccount, history, me } from './http/me.ts';
import { observe } from './http/observe.ts';
import type { OperatorHandler } from './http/operator-query.ts';
import { corsForListedOrigins, underOriginCheck } from './http/origin.ts';
import { page } from './http/page.ts';
import { changePassword, forgotPassword, resetPassword } from './http/password.ts';
import { refusePlainHttp } from './http/plain-http.ts';
import { refresh } from './http/refresh.ts';
import { refuse } from './http/refusal.ts';
import { register } from './http/register.ts';
import { type AppContext, type AppEnv, outcomeOf } from './http/service.ts';
import { endSession, endSessions, listSessions } from './http/sessions.ts';

type Handler = (c: AppContext) => Response | Promise<Response>;

/** Every route, by path and method. Another method on a path of this table is a 405 with `Allow`. */
export const routes: Record<string, Record<string, Handler>> = {
  '/register': { POST: register },
  '/login': { POST: login },
  '/refresh': { POST: refresh },
  '/logout': { POST: logout },
  '/me': { GET: me, PATCH: changeProfile, DELETE: deleteAccount },
  '/me/history': { GET: history },
  '/password': { PUT: changePassword },
  '/password/forgot': { POST: forgotPassword },
  '/password/reset': { POST: resetPassword },
  '/email': { GET: showEmail, PUT: changeEmail },
  '/email/verification': { POST: requestVerification },
  '/email/verify': { POST: verifyEmail },
  '/sessions': { GET: listSessions, DELETE: endSessions },
  '/sessions/:id': { DELETE: endSession },
  '/.well-known/jwks.json': { GET: jwks },
  '/.well-known/openid-configuration': { GET: metadata },
  '/.well-known/oauth-authorization-server': { GET: metadata },
  '/health': { GET: health },
  '/': { GET: page },
  '/demo.js': { GET: page },
  '/demo.css': { GET: page },
  '/account': { GET: page },
  '/account.js': { GET: page },
  '/account.css': { GET: page },
  '/openapi.json': { GET: page },
  '/docs': { GET: page },
  '/docs.js': { GET: page },
  '/swagger-ui-bundle.js': { GET: page },
  '/swagger-ui.css': { GET: page },
};

/** For operators. Without ADMIN_TOKEN these paths do not exist. */
export const adminRoutes: Record<string, Record<string, OperatorHandler>> = {
  '/admin/accounts': { GET: admin.list, POST: admin.create },
  '/admin/accounts/search': { POST: admin.search },
  '/admin/audit': { GET: showAudit },
  '/admin/accounts/:id': { GET: admin.show, DELETE: admin.remove },
  '/admin/accounts/:id/disable': { POST: admin.disable },
  '/admin/accounts/:id/enable': { POST: admin.enable },
  '/admin/accounts/:id/sessions': { DELETE: admin.endAllSessions },
  '/admin/accounts/:id/password-reset': { POST: admin.forcePasswordReset },
};

/** The whole service as a Hono app: a Worker of its own, or to be mounted in another. */
export function createApp(): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  // A parent app calls our handlers and not our `fetch`. Which of the two it was decides how an answer is put together.
  const ownRequests = new WeakSet<Request>();
  const answerOwn = app.fetch;
  app.fetch = (request, ...rest) => {
    ownRequests.add(request);
    return answerOwn(request, ...rest);
  };
  app.onError((error, c) => {
    outcomeOf(c).fault = describeThrown(error);
    return refuse(c, error instanceof OutageError ? error.reason : 'bug');
  });
  app.use(
    observe((request) => !ownRequests.has(request)),
    refusePlainHttp,
    corsForListedOrigins,
  );
  app.use('/admin/*', admin.authenticateOperator);
  for (const [path, methods] of Object.entries({ ...routes, ...adminRoutes })) {
    // Whatever is no GET carries or sets a cookie, or changes something.
    for (const [method, handler] of Object.entries(methods))
      app.on(method, path, method === 'GET' ? handler : underOriginCheck(handler));
    app.all(path, answerOtherMethods(Object.keys(methods)));
  }
  // Not app.notFound: a parent app that mounts this one would not call it.
  app.all('*', (c) => refuse(c, 'not_found'));
  return app;
}

/** OPTIONS tells what a path takes (a preflight of a listed origin never gets here); all else is refused. */
function answerOtherMethods(methods: string[]): Handler {
  // Hono answers HEAD with the GET handler and drops the body.
  const allow = methods.includes('GET') ? ['HEAD', ...methods] : methods;
  return (c) => {
    setHeader(c, 'Allow', ['OPTIONS', ...allow].sort().join(', '));
    return c.req.method === 'OPTIONS' ? answerEmpty(c, 204) : refuse(c, 'method_not_allowed');
  };
}
