// /admin: for operators, with a token of their own. Everything that is done to an account stands in its history, with the
// operator's label.
import type { MiddlewareHandler } from 'hono';
import * as v from 'valibot';
import type { OperatorAction } from '../account/operator.ts';
import { listAccounts, releaseClaim } from '../directory/directory.ts';
import { toNameKey, trimBlanks } from '../domain/names.ts';
import {
  type AccountDetailResponse,
  type AccountListResponse,
  accountCreationRequest,
  accountListQuery,
} from '../wire.ts';
import { answerEmpty, answerJson } from './answer.ts';
import { readBearer } from './bearer.ts';
import { readBody, toFieldErrors } from './body.ts';
import { readDevice } from './client-address.ts';
import { refuseOverLimit } from './entrance.ts';
import { toSecurityEvent, toSessionInfo, toUser } from './grant.ts';
import { readPathId } from './path-id.ts';
import { refuse } from './refusal.ts';
import { checkRegistration, createAccount } from './register.ts';
import { type AppContext, type AppEnv, outcomeOf, serviceOf } from './service.ts';
import { callAccount, callAccountAgain, callDirectory } from './storage-calls.ts';

const DEFAULT_PAGE = 50;
/** Who did it, for the history, when the operator does not say. */
const DEFAULT_LABEL = 'operator';

/** Without ADMIN_TOKEN there is nothing here, not even a refusal. */
export const authenticateOperator: MiddlewareHandler<AppEnv> = async (c, next) => {
  const { adminToken } = serviceOf(c).config;
  if (adminToken === undefined) return refuse(c, 'not_found');
  const presented = readBearer(c);
  if (presented === undefined) return refuse(c, 'no_token');
  if (!(await isEqual(presented, adminToken))) return refuse(c, 'bad_admin_token', { isBearer: true });
  const label = c.req.header('X-Operator') ?? DEFAULT_LABEL;
  if (!/^[\w.@+-]{1,64}$/.test(label)) {
    return refuse(c, 'invalid_input', {
      errors: [
        { field: 'X-Operator', message: 'must be 1 to 64 letters, digits, ".", "_", "@", "+" or "-"' },
      ],
    });
  }
  outcomeOf(c).operator = label;
  return next();
};

export async function list(c: AppContext): Promise<Response> {
  const query = v.safeParse(accountListQuery, c.req.query());
  if (!query.success) return refuse(c, 'invalid_input', { errors: toFieldErrors(query.issues) });
  const { search = '', cursor = '', limit = DEFAULT_PAGE } = query.output;
  // One more than asked for tells whether there is a next page.
  const entries = await callDirectory(c, (db) =>
    listAccounts(db, { search: toNameKey(trimBlanks(search)), afterId: cursor, limit: limit + 1 }),
  );
  const page = entries.slice(0, limit);
  const answer: AccountListResponse = {
    accounts: page.map(toUser),
    cursor: entries.length > limit ? (page.at(-1)?.id ?? null) : null,
  };
  return answerJson(c, answer);
}

export async function create(c: AppContext): Promise<Response> {
  const limited = await refuseOverLimit(c, 'POST /admin/accounts');
  if (limited) return limited;
  const body = await readBody(c, accountCreationRequest);
  if (!body.ok) return refuse(c, body.reason, body);
  const { username, email, password } = body.value;
  const names = checkRegistration({ username, email, password }, serviceOf(c).config.passwordMinLength);
  if (!names.ok) return refuse(c, 'invalid_input', names);
  const created = await createAccount(c, names, { password, policy: undefined });
  if (!created.ok) return refuse(c, created.reason);
  return answerJson(c, { user: toUser(created.registered.profile) }, 201);
}

export async function show(c: AppContext): Promise<Response> {
  const id = readId(c);
  const found = await callAccountAgain(c, id, (account) => account.inspect());
  if (found === undefined) return refuse(c, 'unknown_id');
  const answer: AccountDetailResponse = {
    user: toUser(found.profile),
    emailVerified: found.isEmailVerified,
    disabled: found.isDisabled,
    mustResetPassword: found.mustResetPassword,
    sessions: found.sessions.map((session) => {
      const { current: _, ...info } = toSessionInfo(session, '');
      return info;
    }),
    events: found.events.map(toSecurityEvent),
  };
  return answerJson(c, answer);
}

/** The names first, then everything the account holds, as its owner's own deletion does. */
export async function remove(c: AppContext): Promise<Response> {
  const id = readId(c);
  const found = await callAccountAgain(c, id, (account) => account.inspect());
  if (found === undefined) return refuse(c, 'unknown_id');
  await callAccount(c, id, (account) => account.expectErasure());
  await callDirectory(c, (db) => releaseClaim(db, id));
  await callAccount(c, id, (account) => account.erase());
  return answerEmpty(c, 204);
}

export const disable = (c: AppContext) => act(c, 'disable');
export const enable = (c: AppContext) => act(c, 'enable');
export const endAllSessions = (c: AppContext) => act(c, 'end_sessions');
export const forcePasswordReset = async (c: AppContext) =>
  (await refuseOverLimit(c, 'POST /admin/accounts/:id/password-reset')) ?? act(c, 'force_password_reset');

async function act(c: AppContext, action: OperatorAction): Promise<Response> {
  const outcome = await callAccount(c, readId(c), (account) => account.act(action, readDevice(c)));
  return outcome === 'done' ? answerEmpty(c, 204) : refuse(c, 'unknown_id');
}

function readId(c: AppContext): string {
  const id = readPathId(c);
  outcomeOf(c).accountId = id;
  return id;
}

/** Constant time, over digests of one length: neither the place of the first difference nor the length shows. */
async function isEqual(a: string, b: string): Promise<boolean> {
  const digest = (text: string) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return crypto.subtle.timingSafeEqual(await digest(a), await digest(b));
}
