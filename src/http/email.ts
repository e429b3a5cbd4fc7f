// GET and PUT /email, POST /email/verification, POST /email/verify.
import { readdressAccount } from '../directory/directory.ts';
import { parseEmail } from '../domain/names.ts';
import { readMailToken } from '../tokens/mail-token.ts';
import { type EmailResponse, emailChangeRequest, emailVerificationRequest } from '../wire.ts';
import { answerEmpty, answerJson } from './answer.ts';
import { authenticate } from './bearer.ts';
import { readDevice } from './client-address.ts';
import { admitAnyone, admitOwner, refuseOverLimit } from './entrance.ts';
import { readKnownBrowser } from './known-browser.ts';
import { refuse, refusePassword } from './refusal.ts';
import { type AppContext, outcomeOf, serviceOf } from './service.ts';
import { callAccount, callAccountAgain, callDirectory } from './storage-calls.ts';

export async function showEmail(c: AppContext): Promise<Response> {
  const caller = await authenticate(c);
  if (!caller.ok) return refuse(c, caller.reason, caller);
  const { sub, sid } = caller.claims;
  const found = await callAccountAgain(c, sub, (account) => account.describe(sid));
  if (found === undefined) return refuse(c, 'session_over', { isBearer: true });
  const answer: EmailResponse = { email: found.profile.email, verified: found.isEmailVerified };
  return answerJson(c, answer);
}

export async function requestVerification(c: AppContext): Promise<Response> {
  const limited = await refuseOverLimit(c, 'POST /email/verification');
  if (limited) return limited;
  const caller = await authenticate(c);
  if (!caller.ok) return refuse(c, caller.reason, caller);
  const { sub, sid } = caller.claims;
  const result = await callAccount(c, sub, (account) => account.requestVerification(sid));
  if (result.outcome === 'session_over') return refuse(c, 'session_over', { isBearer: true });
  if (result.outcome === 'mail_throttled') return refuse(c, 'mail_throttled', result);
  return result.outcome === 'requested' ? answerEmpty(c, 202) : refuse(c, result.outcome);
}

/** Completes a verification or a change of address: whoever holds the token holds the mailbox, and needs nothing else. */
export async function verifyEmail(c: AppContext): Promise<Response> {
  const admitted = await admitAnyone(c, 'POST /email/verify', emailVerificationRequest);
  if (!admitted.ok) return admitted.response;
  const { body } = admitted;
  const mailed = readMailToken(body.token, serviceOf(c).config.refreshSecrets);
  if (mailed === undefined) return refuse(c, 'invalid_link');
  const { accountId, token } = mailed;
  outcomeOf(c).accountId = accountId;
  const caller = { actor: readDevice(c) };
  const result = await callAccount(c, accountId, (account) => account.verifyEmail(token, caller));
  if (result.outcome === 'verified') return answerEmpty(c, 204);
  if (result.outcome !== 'change_pending') return refuse(c, result.outcome);
  const email = parseEmail(result.email);
  if (!email.ok) return refuse(c, 'invalid_link');
  // The directory first, since it decides who has the address. The token stays good until the account has it too, so
  // that a link which was interrupted here can be used again.
  const moved = await callDirectory(c, (db) => readdressAccount(db, accountId, email.value));
  if (moved !== 'claimed') return refuse(c, moved);
  const committed = await callAccount(c, accountId, (account) => account.commitEmail(token, caller));
  if (committed.outcome === 'changed') return answerEmpty(c, 204);
  // Revoked between the two stores: the directory goes back to the address that the account has.
  const current = committed.email === undefined ? undefined : parseEmail(committed.email);
  if (current?.ok) await callDirectory(c, (db) => readdressAccount(db, accountId, current.value));
  return refuse(c, committed.outcome);
}

/** The same response for a free and a taken address: only the mail to that address tells (account/delivery.ts). */
export async function changeEmail(c: AppContext): Promise<Response> {
  const admitted = await admitOwner(c, 'PUT /email', emailChangeRequest);
  if (!admitted.ok) return admitted.response;
  const { body, claims } = admitted;
  const email = parseEmail(body.email);
  if (!email.ok) return refuse(c, 'invalid_input', { errors: [{ field: 'email', message: email.message }] });
  const { sub, sid } = claims;
  const browser = await readKnownBrowser(c, sub);
  const change = { email: email.value.display, password: body.password };
  const result = await callAccount(c, sub, (account) =>
    account.requestEmailChange(sid, change, { actor: readDevice(c), browser }),
  );
  if (result.outcome === 'mail_throttled') return refuse(c, 'mail_throttled', result);
  return result.outcome === 'requested' ? answerEmpty(c, 202) : refusePassword(c, result);
}
