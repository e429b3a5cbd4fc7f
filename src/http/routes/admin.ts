// /admin: for operators, with a token of their own. Everything that is done to an account stands in its history, with the
// operator's label, and in the audit, which outlives the account.

import type { OperatorAction } from '../../account/contract.ts';
import type { FieldFault } from '../../api/error-codes.ts';
import { OutageError } from '../../api/errors.ts';
import {
  type AccountDetailResponse,
  type AccountListResponse,
  type AccountSearch,
  type AccountSummary,
  accountCreationRequest,
  accountListQuery,
  accountSearchRequest,
} from '../../api/wire.ts';
import { type ListedAccount, listAccounts, MOST_COUNTED, writeStatus } from '../../directory/account-list.ts';
import { isId, randomId } from '../../domain/ids.ts';
import { toLookupKeys, toNameKey } from '../../domain/names.ts';
import { type LimitBinding, readClientInfo } from '../client-info.ts';
import { type AppContext, outcomeOf, readPathId, serviceOf } from '../context.ts';
import { encodeCursor, readCursor, refuseCursor } from '../cursor.ts';
import { toSecurityEvent, toSessionInfo, toUser } from '../grant.ts';
import { refuse } from '../problem.ts';
import { type Documentation, type Route, route } from '../route.ts';
import { callAccount, callDirectory } from '../storage-calls.ts';
import { audited, DEFAULT_PAGE, showAudit } from './audit.ts';
import { checkRegistration, createAccount } from './register.ts';

/** Where a page of accounts ended: when its last account was made, and its id. */
const POSITION = /^(\d{1,15})\.([\w-]{22})$/;

const list = route({
  method: 'GET',
  path: '/admin/accounts',
  auth: 'operator',
  query: accountListQuery,
  reference: {
    id: 'listAccounts',
    tag: 'Operators',
    summary: 'Accounts, page by page',
    description:
      'Newest first, or oldest first. The state of an account follows within seconds, and later in an outage; `GET /admin/accounts/{id}` reads the account itself. `count` is of all pages, `null` above 10,000; a search that matches more is refused.',
    status: 200,
    response: ['AccountList'],
    refusals: ['directory_unavailable'],
  },
  handler: async (c, { query }) => {
    // NFKC makes at signs of some other characters.
    if (toNameKey(query.search ?? '').includes('@'))
      return refuseSearch(c, {
        code: 'address_in_url',
        message: 'must not hold an address, since URLs are logged: use POST /admin/accounts/search',
      });
    return showPage(c, query);
  },
});

/** The same with a body: what is looked for is not in the URL. */
const search = route({
  method: 'POST',
  path: '/admin/accounts/search',
  auth: 'operator',
  body: accountSearchRequest,
  reference: {
    id: 'searchAccounts',
    tag: 'Operators',
    summary: 'The same list, asked for with a body',
    description: 'So that an address that is searched for is in no URL.',
    status: 200,
    response: ['AccountList'],
    refusals: ['directory_unavailable'],
  },
  handler: (c, { body }) => showPage(c, body),
});

async function showPage(c: AppContext, query: AccountSearch): Promise<Response> {
  const { search: typed = '', cursor, order = 'newest', limit = DEFAULT_PAGE, ...filters } = query;
  const position = readCursor(cursor, POSITION);
  if (!position.ok) return refuseCursor(c);
  const [createdAtMs, id = ''] = position.groups ?? [];
  const after = createdAtMs === undefined ? undefined : { createdAtMs: Number(createdAtMs), id };
  // One more than asked for tells whether there is a next page.
  const wanted = { ...filters, search: toLookupKeys(typed).canonical, order, after, limit: limit + 1 };
  const found = await callDirectory(c, (db) => listAccounts(db, wanted));
  if (found === 'too_many_matches')
    return refuseSearch(c, {
      code: 'too_many_matches',
      message: `matches more than ${MOST_COUNTED} accounts: give more of the name`,
      params: { max: MOST_COUNTED },
    });
  const page = found.accounts.slice(0, limit);
  const last = page.at(-1);
  const hasMore = found.accounts.length > limit && last !== undefined;
  const response: AccountListResponse = {
    accounts: page.map(toSummary),
    count: found.total ?? null,
    cursor: hasMore ? encodeCursor(`${last.createdAtMs}.${last.id}`) : null,
  };
  return c.json(response);
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

function refuseSearch(c: AppContext, fault: FieldFault): Response {
  return refuse(c, 'invalid_input', { errors: [{ field: 'search', ...fault }] });
}

const create = route({
  method: 'POST',
  path: '/admin/accounts',
  limit: 'SIGN_IN_LIMIT',
  auth: 'operator',
  body: accountCreationRequest,
  reference: {
    id: 'createAccount',
    tag: 'Operators',
    summary: 'Make an account',
    description: 'Without a password the owner is mailed a link to set one.',
    status: 201,
    response: ['Profile'],
    refusals: ['username_taken', 'email_taken', 'account_unavailable', 'directory_unavailable'],
  },
  handler: (c, { body: { username, email, password } }) => {
    const names = checkRegistration({ username, email, password }, serviceOf(c).config.passwordMinLength);
    if (!names.ok) return refuse(c, 'invalid_input', names);
    const id = randomId();
    return audited(c, 'create', id, async () => {
      const created = await createAccount(c, names, { id, password, policy: undefined });
      if (!created.ok) return refuse(c, created.reason);
      return c.json({ user: toUser(created.value.profile) }, 201);
    });
  },
});

const show = route({
  method: 'GET',
  path: '/admin/accounts/:id',
  auth: 'operator',
  reference: {
    id: 'showAccount',
    tag: 'Operators',
    summary: 'All that is known of an account',
    status: 200,
    response: ['AccountDetail'],
    refusals: ['unknown_id', 'account_unavailable'],
  },
  handler: async (c) => {
    const id = readId(c);
    const found =
      id === undefined
        ? undefined
        : await callAccount(c, id, (account) => account.inspect(), { isRepeatable: true });
    if (!found?.ok) return refuse(c, 'unknown_id');
    const account = found.value;
    const response: AccountDetailResponse = {
      user: toUser(account.profile),
      emailVerified: account.isEmailVerified,
      disabled: account.isDisabled,
      mustResetPassword: account.mustResetPassword,
      sessions: account.sessions.map((session) => {
        const { current: _, ...info } = toSessionInfo(session, '');
        return info;
      }),
      events: account.events.map(toSecurityEvent),
    };
    return c.json(response);
  },
});

/** The names first, then everything the account holds, as its owner's own deletion does. */
const remove = route({
  method: 'DELETE',
  path: '/admin/accounts/:id',
  auth: 'operator',
  reference: {
    id: 'removeAccount',
    tag: 'Operators',
    summary: 'Delete an account, for good',
    status: 204,
    refusals: ['unknown_id', 'account_unavailable', 'directory_unavailable'],
  },
  handler: (c) => {
    const id = readId(c);
    if (id === undefined) return refuse(c, 'unknown_id');
    return audited(c, 'delete', id, async () => {
      const { accessTtlSeconds } = serviceOf(c).config;
      const result = await callAccount(c, id, (account) => account.deleteByOperator(accessTtlSeconds));
      if (result.ok) return c.body(null, 204);
      if (result.reason === 'unknown_account') return refuse(c, 'unknown_id');
      // Not a refusal: the account completes it.
      throw new OutageError(result.reason, undefined);
    });
  },
});

/** For operators. Without ADMIN_TOKEN these paths do not exist. */
export const admin: Route[] = [
  list,
  create,
  search,
  showAudit,
  show,
  remove,
  action('disable', {
    ...{ method: 'POST', path: '/admin/accounts/:id/disable' },
    reference: { id: 'disableAccount', summary: 'Disable an account, and end its sessions' },
  }),
  action('enable', {
    ...{ method: 'POST', path: '/admin/accounts/:id/enable' },
    reference: { id: 'enableAccount', summary: 'Enable an account again' },
  }),
  action('end_sessions', {
    ...{ method: 'DELETE', path: '/admin/accounts/:id/sessions' },
    reference: { id: 'endAllSessions', summary: 'End every session of an account' },
  }),
  action('force_password_reset', {
    ...{ method: 'POST', path: '/admin/accounts/:id/password-reset', limit: 'SIGN_IN_LIMIT' },
    reference: {
      id: 'forcePasswordReset',
      summary: 'End its sessions, and let no password work until a mailed link was used',
    },
  }),
];

/** What leads an account to another state. */
function action(
  name: OperatorAction,
  declared: Pick<Route, 'method' | 'path'> & {
    limit?: LimitBinding;
    reference: Pick<Documentation, 'id' | 'summary'>;
  },
): Route {
  return route({
    ...declared,
    auth: 'operator',
    reference: {
      ...declared.reference,
      tag: 'Operators',
      status: 204,
      refusals: ['unknown_id', 'account_unavailable', 'directory_unavailable'],
    },
    handler: (c) => act(c, name),
  });
}

async function act(c: AppContext, action: OperatorAction): Promise<Response> {
  const id = readId(c);
  if (id === undefined) return refuse(c, 'unknown_id');
  return audited(c, action, id, async () => {
    const result = await callAccount(c, id, (account) => account.act(action, readClientInfo(c)));
    if (!result.ok) return refuse(c, 'unknown_id');
    // At once, so that the list agrees with the account. Should this be lost, the account's alarm does the same.
    await callDirectory(c, (db) => writeStatus(db, result.value)).catch(() => undefined);
    return c.body(null, 204);
  });
}

/** The id in the path; `undefined` for a text that is none, which may be a name or an address, and so is not logged. */
function readId(c: AppContext): string | undefined {
  const id = readPathId(c);
  if (!isId(id)) return undefined;
  outcomeOf(c).accountId = id;
  return id;
}
