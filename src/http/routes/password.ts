// PUT /password, POST /password/forgot, POST /password/reset.

import type { FailureReason } from '../../api/errors.ts';
import { forgottenPasswordRequest, passwordChangeRequest, passwordResetRequest } from '../../api/wire.ts';
import { deriveDecoyId } from '../../directory/decoy.ts';
import { findAccountId } from '../../directory/directory.ts';
import { toLookupKeys } from '../../domain/names.ts';
import type { Refusal } from '../../domain/result.ts';
import { readMailToken } from '../../tokens/mail-token.ts';
import { readClientInfo } from '../client-info.ts';
import { type AppContext, outcomeOf, serviceOf, waitSinceReceipt } from '../context.ts';
import { readKnownBrowser, rememberBrowser } from '../known-browser.ts';
import { refuse, respondRefusal } from '../problem.ts';
import { type Route, route } from '../route.ts';
import { callAccount, callDirectory, finishLater } from '../storage-calls.ts';

const changePassword = route({
  method: 'PUT',
  path: '/password',
  limit: 'SIGN_IN_LIMIT',
  auth: 'bearer',
  body: passwordChangeRequest,
  reference: {
    id: 'changePassword',
    tag: 'Password',
    summary: 'Change the password',
    description:
      'Everything issued or pending before is revoked: other sessions, known browsers, mailed links, a requested change of address.',
    status: 204,
    effect: 'remembers',
    refusals: ['wrong_password', 'unknown_account', 'account_throttled', 'too_busy'],
  },
  handler: async (c, { body, claims: { sub, sid } }) => {
    const browser = await readKnownBrowser(c, sub);
    const change = { sid, ...body, minLength: serviceOf(c).config.passwordMinLength };
    const result = await callAccount(c, sub, (account) =>
      account.changePassword(change, { actor: readClientInfo(c), browser }),
    );
    if (!result.ok) return refuseNewPassword(c, result);
    const { browser: renewed } = result.value;
    if (renewed !== undefined) await rememberBrowser(c, sub, renewed);
    return c.body(null, 204);
  },
});

/**
 * The response to a forgotten password is sent this long after the request came: by then the object that was asked is at rest again, and
 * whether it was running or had to be made shows in nothing (docs/explanation/enumeration.md).
 */
export const FORGOTTEN_RESPONSE_MS = 100;

/**
 * The same response, after the same work, whether or not somebody has the address: it does not wait for what the
 * account does about it, and a decoy is asked like an account.
 */
const forgotPassword = route({
  method: 'POST',
  path: '/password/forgot',
  limit: 'REGISTRATION_LIMIT',
  auth: 'none',
  body: forgottenPasswordRequest,
  reference: {
    id: 'forgotPassword',
    tag: 'Password',
    summary: 'Ask for a mail with a link',
    description: 'The same response whether or not an account has the address.',
    status: 202,
    refusals: ['directory_unavailable'],
  },
  handler: async (c, { body }) => {
    const key = toLookupKeys(body.email).canonical;
    const [decoyId, foundId] = await Promise.all([
      deriveDecoyId(serviceOf(c).decoyKey, key),
      callDirectory(c, (db) => findAccountId(db, body.email)),
    ]);
    const client = readClientInfo(c);
    const asked = callAccount(c, foundId ?? decoyId, (account) =>
      account.requestPasswordReset({ actor: client }),
    );
    // An outage here would tell names apart; whoever gets no mail asks again.
    finishLater(c, asked);
    await waitSinceReceipt(c, FORGOTTEN_RESPONSE_MS);
    return c.body(null, 202);
  },
});

const resetPassword = route({
  method: 'POST',
  path: '/password/reset',
  limit: 'REGISTRATION_LIMIT',
  auth: 'none',
  body: passwordResetRequest,
  reference: {
    id: 'resetPassword',
    tag: 'Password',
    summary: 'Set a new password with the token of a mailed link',
    description: 'Every session ends. A refused password leaves the link usable.',
    status: 204,
    refusals: ['invalid_link', 'too_busy', 'account_unavailable'],
  },
  handler: async (c, { body }) => {
    const { refreshSecrets } = serviceOf(c).config;
    const mailed = readMailToken(body.token, refreshSecrets);
    if (mailed === undefined) return refuse(c, 'invalid_link');
    outcomeOf(c).accountId = mailed.accountId;
    const reset = {
      token: mailed.token,
      newPassword: body.newPassword,
      minLength: serviceOf(c).config.passwordMinLength,
    };
    const result = await callAccount(c, mailed.accountId, (account) =>
      account.resetPassword(reset, { actor: readClientInfo(c) }),
    );
    return result.ok ? c.body(null, 204) : refuseNewPassword(c, result);
  },
});

function refuseNewPassword(
  c: AppContext,
  refusal: Refusal<'weak_password'> | { reason: FailureReason; retryAfterSeconds?: number },
): Response {
  if (refusal.reason !== 'weak_password') return respondRefusal(c, refusal);
  return refuse(c, 'invalid_input', { errors: [{ field: 'newPassword', ...refusal.fault }] });
}

export const password: Route[] = [changePassword, forgotPassword, resetPassword];
