// PUT /password, POST /password/forgot, POST /password/reset.
import { deriveDecoyId } from '../account/decoy.ts';
import { findAccountId } from '../directory/directory.ts';
import { toLookupKeys } from '../domain/names.ts';
import { readMailToken } from '../tokens/mail-token.ts';
import { forgottenPasswordRequest, passwordChangeRequest, passwordResetRequest } from '../wire.ts';
import { answerEmpty } from './answer.ts';
import { waitSince } from './answer-moment.ts';
import { readDevice } from './client-address.ts';
import { admitAnyone, admitOwner } from './entrance.ts';
import { readKnownBrowser, rememberBrowser } from './known-browser.ts';
import { refuse, refusePassword } from './refusal.ts';
import { type AppContext, outcomeOf, serviceOf } from './service.ts';
import { callAccount, callDirectory, finishLater } from './storage-calls.ts';

export async function changePassword(c: AppContext): Promise<Response> {
  const admitted = await admitOwner(c, 'PUT /password', passwordChangeRequest);
  if (!admitted.ok) return admitted.response;
  const { body, claims } = admitted;
  const { sub, sid } = claims;
  const browser = await readKnownBrowser(c, sub);
  const change = { sid, ...body, minLength: serviceOf(c).config.passwordMinLength };
  const result = await callAccount(c, sub, (account) =>
    account.changePassword(change, { actor: readDevice(c), browser }),
  );
  if (result.outcome === 'weak_password')
    return refuse(c, 'invalid_input', { errors: [{ field: 'newPassword', message: result.message }] });
  if (result.outcome !== 'changed') return refusePassword(c, result);
  if (result.browser !== undefined) await rememberBrowser(c, sub, result.browser);
  return answerEmpty(c, 204);
}

/**
 * A forgotten password is answered this long after it came: by then the object that was asked is at rest again, and
 * whether it was running or had to be made shows in nothing (docs/enumeration.md).
 */
export const FORGOTTEN_ANSWER_MS = 100;

/**
 * The same answer, after the same work, whether or not somebody has the address: the answer does not wait for what the
 * account does about it, and a decoy is asked like an account.
 */
export async function forgotPassword(c: AppContext): Promise<Response> {
  const startedAtMs = Date.now();
  const admitted = await admitAnyone(c, 'POST /password/forgot', forgottenPasswordRequest);
  if (!admitted.ok) return admitted.response;
  const { body } = admitted;
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
  await waitSince(startedAtMs, FORGOTTEN_ANSWER_MS);
  return answerEmpty(c, 202);
}

export async function resetPassword(c: AppContext): Promise<Response> {
  const admitted = await admitAnyone(c, 'POST /password/reset', passwordResetRequest);
  if (!admitted.ok) return admitted.response;
  const { body } = admitted;
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
  return result.outcome === 'reset' ? answerEmpty(c, 204) : refuse(c, result.outcome);
}
