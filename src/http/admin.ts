// /admin: for operators, with a token of their own. Everything that is done to an account stands in its history, with the
// operator's label, and in the audit, which outlives the account.
import type { MiddlewareHandler } from 'hono';
import { isId, randomId } from '../account/id.ts';
import type { OperatorAction } from '../account/operator.ts';
import { type ListedAccount, listAccounts, MOST_COUNTED, writeStatus } from '../directory/account-list.ts';
import { releaseClaim } from '../directory/directory.ts';
import { toLookupKeys, toNameKey } from '../domain/names.ts';
import {
  type AccountDetailResponse,
  type AccountListResponse,
  type AccountSearch,
  type AccountSummary,
  accountCreationRequest,
  accountListQuery,
  accountSearchRequest,
} from '../wire.ts';
import { answerEmpty, answerJson } from './answer.ts';
import { audited, DEFAULT_PAGE } from './audit.ts';
import { readBearer } from './bearer.ts';
import { readBody } from './body.ts';
import { readDevice } from './client-address.ts';
import { encodeCursor, readCursor, refuseCursor } from './cursor.ts';
import { refuseOverLimit } from './entrance.ts';
import { toSecurityEvent, toSessionInfo, toUser } from './grant.ts';
import { takesNoQuery, takesQuery } from './operator-query.ts';
import { readPathId } from './path-id.ts';
import { refuse } from './refusal.ts';
import { checkRegistration, createAccount } from './register.ts';
import { type AppContext, type AppEnv, outcomeOf, serviceOf } from './service.ts';
import { callAccount, callAccountAgain, callDirectory } from './storage-calls.ts';

/** Where a page of accounts ended: when its last account was made, and its id. */
const POSITION = /^(\d{1,15})\.([\w-]{22})$/;
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

export const list = takesQuery(accountListQuery, async (c, query) => {
  // NFKC makes at signs of some other characters.
  if (toNameKey(query.search ?? '').includes('@'))
    return refuseField(
      c,
      'search',
      'must not hold an address, since URLs are logged: use POST /admin/accounts/search',
    );
  return answerList(c, query);
});

/** The same with a body: what is looked for is not in the URL. */
export const search = takesNoQuery(async (c) => {
  const body = await readBody(c, accountSearchRequest);
  return body.ok ? answerList(c, body.value) : refuse(c, body.reason, body);
});

async function answerList(c: AppContext, query: AccountSearch): Promise<Response> {
  const { search: typed = '', cursor, order = 'newest', limit = DEFAULT_PAGE, ...filters } = query;
  const position = readCursor(cursor, POSITION);
  if (!position.ok) return refuseCursor(c);
  const [createdAtMs, id = ''] = position.groups ?? [];
  const after = createdAtMs === undefined ? undefined : { createdAtMs: Number(createdAtMs), id };
  // One more than asked for tells whether there is a next page.
  const wanted = { ...filters, search: toLookupKeys(typed).canonical, order, after, limit: limit + 1 };
  const found = await callDirectory(c, (db) => listAccounts(db, wanted));
  if (found === 'too_many_matches')
    return refuseField(c, 'search', `matches more than ${MOST_COUNTED} accounts: give more of the name`);
  const page = found.accounts.slice(0, limit);
  const last = page.at(-1);
  const hasMore = found.accounts.length > limit && last !== undefined;
  const answer: AccountListResponse = {
    accounts: page.map(toSummary),
    count: found.total ?? null,
    cursor: hasMore ? encodeCursor(`${last.createdAtMs}.${last.id}`) : null,
  };
  return answerJson(c, answer);
}

function toSummary(account: ListedAccount): AccountSummary {
  const { isEmailVerified, isDisabled, mustResetPassword } = account;
  return {
    ...toUser(account),
    emailVerified: isEmailVerified,
    disabled: isDisabled,
    mustResetPassword,
  };
}

function refuseField(c: AppContext, field: string, message: string): Response {
  return refuse(c, 'invalid_input', { errors: [{ field, message }] });
}

export const create = takesNoQuery(async (c) => {
  const limited = await refuseOverLimit(c, 'POST /admin/accounts');
  if (limited) return limited;
  const body = await readBody(c, accountCreationRequest);
  if (!body.ok) return refuse(c, body.reason, body);
  const { username, email, password } = body.value;
  const names = checkRegistration({ username, email, password }, serviceOf(c).config.passwordMinLength);
  if (!names.ok) return refuse(c, 'invalid_input', names);
  const id = randomId();
  return audited(c, 'create', id, async () => {
    const created = await createAccount(c, names, { id, password, policy: undefined });
    if (!created.ok) return refuse(c, created.reason);
    return answerJson(c, { user: toUser(created.registered.profile) }, 201);
  });
});

export const show = takesNoQuery(async (c) => {
  const id = readId(c);
  const found = id && (await callAccountAgain(c, id, (account) => account.inspect()));
  if (!found) return refuse(c, 'unknown_id');
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
});

/** The names first, then everything the account holds, as its owner's own deletion does. */
export const remove = takesNoQuery(async (c) => {
  const id = readId(c);
  if (id === undefined) return refuse(c, 'unknown_id');
  return audited(c, 'delete', id, async () => {
    const found = await callAccountAgain(c, id, (account) => account.inspect());
    if (found === undefined) return refuse(c, 'unknown_id');
    await callAccount(c, id, (account) => account.expectErasure());
    await callDirectory(c, (db) => releaseClaim(db, id));
    await callAccount(c, id, (account) => account.erase());
    return answerEmpty(c, 204);
  });
});

export const disable = takesNoQuery((c) => act(c, 'disable'));
export const enable = takesNoQuery((c) => act(c, 'enable'));
export const endAllSessions = takesNoQuery((c) => act(c, 'end_sessions'));
export const forcePasswordReset = takesNoQuery(
  async (c) =>
    (await refuseOverLimit(c, 'POST /admin/accounts/:id/password-reset')) ?? act(c, 'force_password_reset'),
);

async function act(c: AppContext, action: OperatorAction): Promise<Response> {
  const id = readId(c);
  if (id === undefined) return refuse(c, 'unknown_id');
  return audited(c, action, id, async () => {
    const result = await callAccount(c, id, (account) => account.act(action, readDevice(c)));
    if (result.outcome !== 'done') return refuse(c, 'unknown_id');
    // At once, so that the list agrees with the account. Should this be lost, the account's alarm does the same.
    await callDirectory(c, (db) => writeStatus(db, result.status)).catch(() => undefined);
    return answerEmpty(c, 204);
  });
}

/** The id in the path; `undefined` for a text that is none, which may be a name or an address, and so is not logged. */
function readId(c: AppContext): string | undefined {
  const id = readPathId(c);
  if (!isId(id)) return undefined;
  outcomeOf(c).accountId = id;
  return id;
}

/** Constant time, over digests of one length: neither the place of the first difference nor the length shows. */
async function isEqual(a: string, b: string): Promise<boolean> {
  const digest = (text: string) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return crypto.subtle.timingSafeEqual(await digest(a), await digest(b));
}
