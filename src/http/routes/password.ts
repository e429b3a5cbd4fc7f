// PUT /password, POST /password/forgot, POST /password/reset.
import { deriveDecoyId } from '../../directory/decoy.ts';
import { findAccountId } from '../../directory/directory.ts';
import { toLookupKeys } from '../../domain/names.ts';
import { readMailToken } from '../../tokens/mail-token.ts';
import { forgottenPasswordRequest, passwordChangeRequest, passwordResetRequest } from '../../wire.ts';
import { waitSince } from '../answer-moment.ts';
import { readDevice } from '../client-info.ts';
import { outcomeOf, receivedAtMs, serviceOf } from '../context.ts';
import { readKnownBrowser, rememberBrowser } from '../known-browser.ts';
import { refuse, refusePassword } from '../problem.ts';
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
      account.changePassword(change, { actor: readDevice(c), browser }),
    );
    if (result.outcome === 'weak_password')
      return refuse(c, 'invalid_input', { errors: [{ field: 'newPassword', message: result.message }] });
    if (result.outcome !== 'changed') return refusePassword(c, result);
    if (result.browser !== undefined) await rememberBrowser(c, sub, result.browser);
    return c.body(null, 204);
  },
});

/**
 * A forgotten password is answered this long after it came: by then the object that was asked is at rest again, and
 * whether it was running or had to be made shows in nothing (docs/enumeration.md).
 */
export const FORGOTTEN_ANSWER_MS = 100;

/**
 * The same answer, after the same work, whether or not somebody has the address: the answer does not wait for what the
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
    description: 'The same answer whether or not somebody has the address.',
    status: 202,
    refusals: ['directory_unavailable'],
  },
  handler: async (c, { body }) => {
    const key = toLookupKeys(body.email).canonical;
    const [decoyId, foundId] = await Promise.all([
      deriveDecoyId(serviceOf(c).decoyKey, key),
      callDirectory(c, (db) => findAccountId(db, body.email)),
    ]);
    const device = readDevice(c);
    const asked = callAccount(c, foundId ?? decoyId, (account) =>
      account.requestPasswordReset({ actor: device }),
    );
    // An outage here would tell names apart; whoever gets no mail asks again.
    finishLater(c, asked);
    await waitSince(receivedAtMs(c), FORGOTTEN_ANSWER_MS);
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
      account.resetPassword(reset, { actor: readDevice(c) }),
    );
    if (result.outcome === 'weak_password')
      return refuse(c, 'invalid_input', { errors: [{ field: 'newPassword', message: result.message }] });
    return result.outcome === 'reset' ? c.body(null, 204) : refuse(c, result.outcome);
  },
});

export const password: Route[] = [changePassword, forgotPassword, resetPassword];
