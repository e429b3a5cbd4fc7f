// GET and PUT /email, POST /email/verification, POST /email/verify.

import { type EmailResponse, emailChangeRequest, emailVerificationRequest } from '../../api/wire.ts';
import { parseEmail } from '../../domain/names.ts';
import { readMailToken } from '../../tokens/mail-token.ts';
import { readClientInfo } from '../client-info.ts';
import { outcomeOf, serviceOf } from '../context.ts';
import { readKnownBrowser } from '../known-browser.ts';
import { refuse, respondRefusal } from '../problem.ts';
import { type Route, route } from '../route.ts';
import { callAccount } from '../storage-calls.ts';

const showEmail = route({
  method: 'GET',
  path: '/email',
  auth: 'bearer',
  reference: {
    id: 'showEmail',
    tag: 'Email',
    summary: 'The e-mail address, and whether it is confirmed',
    status: 200,
    response: ['EmailAddress'],
  },
  handler: async (c, { claims: { sub, sid } }) => {
    const found = await callAccount(c, sub, (account) => account.describe(sid), { isRepeatable: true });
    if (!found.ok) return respondRefusal(c, found);
    const { profile, isEmailVerified } = found.value;
    return c.json({ email: profile.email, verified: isEmailVerified } satisfies EmailResponse);
  },
});

const requestVerification = route({
  method: 'POST',
  path: '/email/verification',
  limit: 'REGISTRATION_LIMIT',
  auth: 'bearer',
  reference: {
    id: 'requestVerification',
    tag: 'Email',
    summary: 'Ask for another verification mail',
    status: 202,
    refusals: ['mail_throttled', 'email_already_verified'],
  },
  handler: async (c, { claims: { sub, sid } }) => {
    const result = await callAccount(c, sub, (account) => account.requestVerification(sid));
    return result.ok ? c.body(null, 202) : respondRefusal(c, result);
  },
});

/** Completes a verification or a change of address: whoever holds the token holds the mailbox, and needs nothing else. */
const verifyEmail = route({
  method: 'POST',
  path: '/email/verify',
  limit: 'REGISTRATION_LIMIT',
  auth: 'none',
  body: emailVerificationRequest,
  reference: {
    id: 'verifyEmail',
    tag: 'Email',
    summary: 'Confirm an address with the token of a mailed link',
    description: 'Also completes a change of address. A link that did its work responds the same again.',
    status: 204,
    refusals: ['invalid_link', 'email_taken', 'account_unavailable', 'directory_unavailable'],
  },
  handler: async (c, { body }) => {
    const mailed = readMailToken(body.token, serviceOf(c).config.refreshSecrets);
    if (mailed === undefined) return refuse(c, 'invalid_link');
    const { accountId, token } = mailed;
    outcomeOf(c).accountId = accountId;
    const { accessTtlSeconds } = serviceOf(c).config;
    const result = await callAccount(c, accountId, (account) =>
      account.verifyEmail({ token, accessTtlSeconds }, { actor: readClientInfo(c) }),
    );
    return result.ok ? c.body(null, 204) : respondRefusal(c, result);
  },
});

/** The same response for a free and a taken address: only the mail to that address tells (account/outbox.ts). */
const changeEmail = route({
  method: 'PUT',
  path: '/email',
  limit: 'SIGN_IN_LIMIT',
  auth: 'bearer',
  body: emailChangeRequest,
  reference: {
    id: 'changeEmail',
    tag: 'Email',
    summary: 'Ask for another e-mail address',
    description:
      'A link is mailed to the new address. Nothing changes before it is used. The response is the same for an address that another account has; its holder is informed by mail.',
    status: 202,
    refusals: ['wrong_password', 'unknown_account', 'account_throttled', 'too_busy', 'mail_throttled'],
  },
  handler: async (c, { body, claims: { sub, sid } }) => {
    const address = parseEmail(body.email);
    if (!address.ok) return refuse(c, 'invalid_input', { errors: [{ field: 'email', ...address.fault }] });
    const browser = await readKnownBrowser(c, sub);
    const change = { email: address.value.display, password: body.password };
    const result = await callAccount(c, sub, (account) =>
      account.requestEmailChange(sid, change, { actor: readClientInfo(c), browser }),
    );
    return result.ok ? c.body(null, 202) : respondRefusal(c, result);
  },
});

export const email: Route[] = [showEmail, changeEmail, requestVerification, verifyEmail];
