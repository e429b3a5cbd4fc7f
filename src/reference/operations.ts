// What each route takes and answers: one row for every path and method of the app. Refusals are reasons of errors.ts, so
// that statuses and codes cannot differ from it. The tests hold every row against the app and the app against it.
import type { FailureReason } from '../errors.ts';
import * as wire from '../wire.ts';
import type { AnswerName } from './answers.ts';

export const tags = {
  Authentication: 'From a password to tokens, and from a refresh token to the next pair.',
  Account: 'The caller’s own account.',
  Password: 'Change and reset of the password.',
  Email: 'Confirmation and change of the e-mail address.',
  Sessions: 'Where the account is signed in.',
  Service: 'For resource servers, monitors and people.',
  Operators: 'Only where `ADMIN_TOKEN` is set. `X-Operator` is the label that the account’s history shows.',
} as const;

/** Bodies of requests, by the name that they have in the document. */
export const requests = {
  Login: wire.loginRequest,
  Register: wire.registerRequest,
  PasswordChange: wire.passwordChangeRequest,
  ForgottenPassword: wire.forgottenPasswordRequest,
  PasswordReset: wire.passwordResetRequest,
  EmailVerification: wire.emailVerificationRequest,
  EmailChange: wire.emailChangeRequest,
  ProfileChange: wire.profileChangeRequest,
  AccountDeletion: wire.accountDeletionRequest,
  AccountCreation: wire.accountCreationRequest,
  AccountSearch: wire.accountSearchRequest,
};

export const queries = {
  endSessions: wire.endSessionsQuery,
  accountList: wire.accountListQuery,
  audit: wire.auditQuery,
};

/** `signsIn` sets the refresh cookie; `clears` empties it; `cached` may be kept for five minutes. */
type Effect = 'signsIn' | 'clears' | 'cached' | 'remembers';

export interface Operation {
  id: string;
  tag: keyof typeof tags;
  summary: string;
  description?: string;
  auth: 'none' | 'bearer' | 'refreshCookie' | 'anyRefreshCookie' | 'operator';
  body?: keyof typeof requests;
  takesForms?: boolean;
  query?: keyof typeof queries;
  status: 200 | 201 | 202 | 204;
  /** The body of success: one of these, a file of a media type, or nothing. */
  answer?: AnswerName[] | `${string}/${string}`;
  effect?: Effect;
  refusals: readonly FailureReason[];
}

/** What every path can answer: a bug, settings that are faulty, and a request over plain http. */
export const everywhere = ['bug', 'misconfigured', 'plain_http'] as const satisfies FailureReason[];
/** What is answered where there is no operation: an unknown path, and a method that a path does not take. */
export const elsewhere = ['not_found', 'method_not_allowed'] as const satisfies FailureReason[];

const body = [
  ...['malformed_body', 'body_too_large', 'body_used_up', 'compressed_body', 'unsupported_media_type'],
  'invalid_input',
] as const satisfies FailureReason[];
const token = [
  ...['no_token', 'token_malformed', 'token_unknown_key', 'token_forged', 'token_claims'],
  'token_expired',
] as const;
const bearer = [...token, 'session_over', 'account_unavailable'] as const satisfies FailureReason[];
const password = ['wrong_password', 'unknown_account', 'account_throttled'] as const;
const stranger = ['origin_not_allowed', 'address_throttled'] as const;
const claim = ['username_taken', 'email_taken', 'account_unavailable', 'directory_unavailable'] as const;
const operator = ['not_found', 'no_token', 'bad_admin_token', 'invalid_input'] as const;
const known = ['unknown_id', 'account_unavailable'] as const;
/** An operator's action is on record before it is done. */
const recorded = [...operator, ...known, 'directory_unavailable'] as const;

const pageFile = (id: string, summary: string, type: `${string}/${string}`): Operation => ({
  ...{ id, tag: 'Service', summary, auth: 'none', status: 200, answer: type, refusals: ['not_found'] },
});
const discovery = (id: string, summary: string): Operation => ({
  ...{ id, tag: 'Service', summary, auth: 'none', status: 200, answer: ['Metadata'], effect: 'cached' },
  description: 'For verifiers of access tokens. There are no endpoints of OAuth, and so no response types.',
  refusals: [],
});
const action = (id: string, summary: string): Operation => ({
  ...{ id, tag: 'Operators', summary, auth: 'operator', status: 204 },
  refusals: ['origin_not_allowed', ...recorded],
});

/** By path, as the app writes it, and method. */
export const operations: Record<string, Record<string, Operation>> = {
  '/register': {
    POST: {
      ...{ id: 'register', tag: 'Authentication', summary: 'Register an account, and sign in' },
      description:
        'With `REQUIRE_VERIFIED_EMAIL=on` nobody is signed in yet, and the answer is `user` alone.',
      ...{ auth: 'none', body: 'Register', takesForms: true, status: 201, effect: 'signsIn' },
      answer: ['Registered', 'Profile'],
      refusals: [...stranger, 'registration_closed', ...body, ...claim],
    },
  },
  '/login': {
    POST: {
      ...{ id: 'login', tag: 'Authentication', summary: 'Sign in with a password' },
      description:
        '`username` may be the e-mail address. The session of a refresh cookie that comes along ends.',
      ...{
        auth: 'none',
        body: 'Login',
        takesForms: true,
        status: 200,
        effect: 'signsIn',
        answer: ['Tokens'],
      },
      refusals: [
        ...[...stranger, ...body, ...password, 'email_not_verified', 'password_reset_required'],
        ...['account_disabled', 'account_unavailable', 'directory_unavailable'],
      ] as FailureReason[],
    },
  },
  '/refresh': {
    POST: {
      ...{ id: 'refresh', tag: 'Authentication', summary: 'Trade the refresh cookie for the next pair' },
      description:
        'The cookie is good once. Used again within `REFRESH_GRACE` it is answered with the same successor; later, it ends the session. A refused cookie is cleared; 403, 429 and 503 leave it alone.',
      ...{ auth: 'refreshCookie', status: 200, effect: 'signsIn', answer: ['Tokens'] },
      refusals: [
        ...[...stranger, ...token, 'two_cookies', 'session_over', 'session_expired', 'session_reused'],
        'account_unavailable',
      ] as FailureReason[],
    },
  },
  '/logout': {
    POST: {
      ...{ id: 'logout', tag: 'Authentication', summary: 'End the session of the refresh cookie' },
      description: 'Whatever state the cookie is in, and without one too.',
      ...{ auth: 'anyRefreshCookie', status: 204, effect: 'clears' },
      refusals: ['origin_not_allowed', 'account_unavailable'],
    },
  },
  '/me': {
    GET: {
      ...{ id: 'showMe', tag: 'Account', summary: 'The account and the session of this token' },
      description: 'Read from the account: an ended session is refused at once.',
      ...{ auth: 'bearer', status: 200, answer: ['Me'], refusals: bearer },
    },
    PATCH: {
      ...{ id: 'changeProfile', tag: 'Account', summary: 'Change the user name' },
      description: 'Access tokens show the new name from the next refresh on.',
      ...{ auth: 'bearer', body: 'ProfileChange', status: 200, answer: ['Profile'] },
      refusals: [
        ...[...stranger, ...bearer, ...body, 'account_throttled', 'username_taken'],
        'directory_unavailable',
      ] as FailureReason[],
    },
    DELETE: {
      ...{ id: 'deleteAccount', tag: 'Account', summary: 'Delete the account, for good' },
      ...{ auth: 'bearer', body: 'AccountDeletion', status: 204 },
      refusals: [...stranger, ...bearer, ...body, ...password, 'directory_unavailable'],
    },
  },
  '/me/history': {
    GET: {
      ...{ id: 'showHistory', tag: 'Account', summary: 'The security events, newest first' },
      description:
        'The last 20 or 50 of each kind. The same kind by the same actor within an hour of the last time is one event: `count` times from `at` to `lastAt`.',
      ...{ auth: 'bearer', status: 200, answer: ['History'], refusals: bearer },
    },
  },
  '/password': {
    PUT: {
      ...{ id: 'changePassword', tag: 'Password', summary: 'Change the password' },
      description:
        'Everything issued or pending before is revoked: other sessions, known browsers, mailed links, a requested change of address.',
      ...{ auth: 'bearer', body: 'PasswordChange', status: 204, effect: 'remembers' },
      refusals: [...stranger, ...bearer, ...body, ...password],
    },
  },
  '/password/forgot': {
    POST: {
      ...{ id: 'forgotPassword', tag: 'Password', summary: 'Ask for a mail with a link' },
      description: 'The same answer whether or not somebody has the address.',
      ...{ auth: 'none', body: 'ForgottenPassword', status: 202 },
      refusals: [...stranger, ...body, 'directory_unavailable'],
    },
  },
  '/password/reset': {
    POST: {
      ...{
        id: 'resetPassword',
        tag: 'Password',
        summary: 'Set a new password with the token of a mailed link',
      },
      description: 'Every session ends. A refused password leaves the link usable.',
      ...{ auth: 'none', body: 'PasswordReset', status: 204 },
      refusals: [...stranger, ...body, 'invalid_link', 'account_unavailable'],
    },
  },
  '/email': {
    GET: {
      ...{ id: 'showEmail', tag: 'Email', summary: 'The e-mail address, and whether it is confirmed' },
      ...{ auth: 'bearer', status: 200, answer: ['EmailAddress'], refusals: bearer },
    },
    PUT: {
      ...{ id: 'changeEmail', tag: 'Email', summary: 'Ask for another e-mail address' },
      description:
        'A link is mailed to the new address. Nothing changes before it is used. The response is the same for an address that another account has; its holder is informed by mail.',
      ...{ auth: 'bearer', body: 'EmailChange', status: 202 },
      refusals: [...[...stranger, ...bearer, ...body, ...password, 'mail_throttled']] as FailureReason[],
    },
  },
  '/email/verification': {
    POST: {
      ...{ id: 'requestVerification', tag: 'Email', summary: 'Ask for another verification mail' },
      ...{ auth: 'bearer', status: 202 },
      refusals: [...stranger, ...bearer, 'mail_throttled', 'email_already_verified'],
    },
  },
  '/email/verify': {
    POST: {
      ...{ id: 'verifyEmail', tag: 'Email', summary: 'Confirm an address with the token of a mailed link' },
      description: 'Also completes a change of address. A link that did its work responds the same again.',
      ...{ auth: 'none', body: 'EmailVerification', status: 204 },
      refusals: [
        ...[...stranger, ...body, 'invalid_link', 'email_taken', 'account_unavailable'],
        'directory_unavailable',
      ] as FailureReason[],
    },
  },
  '/sessions': {
    GET: {
      ...{ id: 'listSessions', tag: 'Sessions', summary: 'Every session of the account' },
      ...{ auth: 'bearer', status: 200, answer: ['Sessions'], refusals: bearer },
    },
    DELETE: {
      ...{ id: 'endSessions', tag: 'Sessions', summary: 'End every session, or every other one' },
      description:
        'Mailed links and a requested change of address are revoked too; known browsers only if the refresh cookie comes along.',
      ...{ auth: 'bearer', query: 'endSessions', status: 204, effect: 'remembers' },
      refusals: ['origin_not_allowed', ...bearer, 'invalid_input'],
    },
  },
  '/sessions/:id': {
    DELETE: {
      ...{ id: 'endSession', tag: 'Sessions', summary: 'End one session', auth: 'bearer', status: 204 },
      refusals: ['origin_not_allowed', ...bearer, 'unknown_session'],
    },
  },
  '/.well-known/jwks.json': {
    GET: {
      ...{ id: 'showKeys', tag: 'Service', summary: 'The public keys of access tokens (RFC 7517)' },
      description: 'Empty for HS256.',
      ...{ auth: 'none', status: 200, answer: ['KeySet'], effect: 'cached', refusals: [] },
    },
  },
  '/.well-known/openid-configuration': {
    GET: discovery('showOpenIdConfiguration', 'Discovery, as in OpenID Connect Discovery 1.0'),
  },
  '/.well-known/oauth-authorization-server': {
    GET: discovery('showServerMetadata', 'Discovery, as in RFC 8414'),
  },
  '/health': {
    GET: {
      ...{ id: 'showHealth', tag: 'Service', summary: 'Whether the service is up, and its version' },
      ...{ auth: 'none', status: 200, answer: ['Health'], refusals: [] },
    },
  },
  '/': { GET: pageFile('demoPage', 'The demo page', 'text/html') },
  '/demo.js': { GET: pageFile('demoScript', 'Its script, with the client in it', 'text/javascript') },
  '/demo.css': { GET: pageFile('demoStyle', 'Its style', 'text/css') },
  '/account': { GET: pageFile('accountPage', 'The page that mailed links lead to', 'text/html') },
  '/account.js': { GET: pageFile('accountScript', 'Its script', 'text/javascript') },
  '/account.css': { GET: pageFile('accountStyle', 'Its style', 'text/css') },
  '/docs': { GET: pageFile('docsPage', 'This reference, as a page', 'text/html') },
  '/docs.js': { GET: pageFile('docsScript', 'Its script', 'text/javascript') },
  '/swagger-ui-bundle.js': { GET: pageFile('rendererScript', 'Its renderer', 'text/javascript') },
  '/swagger-ui.css': { GET: pageFile('rendererStyle', 'The style of its renderer', 'text/css') },
  '/openapi.json': { GET: pageFile('openapi', 'This document', 'application/json') },
  '/admin/accounts': {
    GET: {
      ...{ id: 'listAccounts', tag: 'Operators', summary: 'Accounts, page by page' },
      description:
        'Newest first, or oldest first. The state of an account follows within seconds, and later in an outage; `GET /admin/accounts/{id}` reads the account itself. `count` is of all pages, `null` above 10,000; a search that matches more is refused.',
      ...{ auth: 'operator', query: 'accountList', status: 200, answer: ['AccountList'] },
      refusals: [...operator, 'directory_unavailable'],
    },
    POST: {
      ...{ id: 'createAccount', tag: 'Operators', summary: 'Make an account' },
      description: 'Without a password the owner is mailed a link to set one.',
      ...{ auth: 'operator', body: 'AccountCreation', status: 201, answer: ['Profile'] },
      refusals: [...stranger, ...operator, ...body, ...claim],
    },
  },
  '/admin/accounts/search': {
    POST: {
      ...{ id: 'searchAccounts', tag: 'Operators', summary: 'The same list, asked for with a body' },
      description: 'So that an address that is searched for is in no URL.',
      ...{ auth: 'operator', body: 'AccountSearch', status: 200, answer: ['AccountList'] },
      refusals: ['origin_not_allowed', ...operator, ...body, 'directory_unavailable'],
    },
  },
  '/admin/audit': {
    GET: {
      ...{ id: 'showAudit', tag: 'Operators', summary: 'What operators did, newest first' },
      description:
        'Kept for a year, and apart from the accounts. `requested` is an action whose end was not recorded.',
      ...{ auth: 'operator', query: 'audit', status: 200, answer: ['Audit'] },
      refusals: [...operator, 'directory_unavailable'],
    },
  },
  '/admin/accounts/:id': {
    GET: {
      ...{ id: 'showAccount', tag: 'Operators', summary: 'All that is known of an account' },
      ...{ auth: 'operator', status: 200, answer: ['AccountDetail'], refusals: [...operator, ...known] },
    },
    DELETE: action('removeAccount', 'Delete an account, for good'),
  },
  '/admin/accounts/:id/disable': {
    POST: action('disableAccount', 'Disable an account, and end its sessions'),
  },
  '/admin/accounts/:id/enable': { POST: action('enableAccount', 'Enable an account again') },
  '/admin/accounts/:id/sessions': { DELETE: action('endAllSessions', 'End every session of an account') },
  '/admin/accounts/:id/password-reset': {
    POST: {
      ...action(
        'forcePasswordReset',
        'End its sessions, and let no password work until a mailed link was used',
      ),
      refusals: [...stranger, ...operator, ...known],
    },
  },
};
