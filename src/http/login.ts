// POST /login: a password for the first pair of tokens.
import { deriveDecoyId } from '../account/decoy.ts';
import { findAccountId } from '../directory/directory.ts';
import { toLookupKeys } from '../domain/names.ts';
import { loginRequest } from '../wire.ts';
import { answerJson } from './answer.ts';
import { waitSince } from './answer-moment.ts';
import { readDevice } from './client-address.ts';
import { admitAnyone } from './entrance.ts';
import { endReplacedSessions, issueTokens } from './grant.ts';
import { readKnownBrowser, rememberBrowser } from './known-browser.ts';
import { refuse } from './refusal.ts';
import { type AppContext, outcomeOf, serviceOf, toPolicy } from './service.ts';
import { callAccount, callDirectory } from './storage-calls.ts';

/**
 * A wrong name or password is answered no sooner than this after it came. Longer than a hash and the start of an object
 * take together, so that it hides whether an account's object was running, or a decoy's had to be made (docs/enumeration.md).
 */
export const REFUSAL_FLOOR_MS = 500;

export async function login(c: AppContext): Promise<Response> {
  const startedAtMs = Date.now();
  const admitted = await admitAnyone(c, 'POST /login', loginRequest);
  if (!admitted.ok) return admitted.response;
  const { body } = admitted;

  const { config, decoyKey } = serviceOf(c);
  const nameKey = toLookupKeys(body.username).canonical;
  // Both are always made: a name that nobody has must cost what a name that somebody has costs.
  const [decoyId, foundId] = await Promise.all([
    deriveDecoyId(decoyKey, nameKey),
    callDirectory(c, (db) => findAccountId(db, body.username)),
  ]);
  const accountId = foundId ?? decoyId;
  outcomeOf(c).accountId = accountId;

  const browser = await readKnownBrowser(c, accountId);
  const options = { browser, requiresVerifiedEmail: config.requiresVerifiedEmail };
  const result = await callAccount(c, accountId, (account) =>
    account.signIn(body.password, readDevice(c), toPolicy(config), options),
  );
  if (result.outcome === 'throttled') return refuse(c, 'account_throttled', result);
  if (result.outcome !== 'signed_in') {
    await waitSince(startedAtMs, REFUSAL_FLOOR_MS);
    return refuse(c, result.outcome);
  }
  await endReplacedSessions(c);
  const answer = await issueTokens(c, result);
  await rememberBrowser(c, accountId, result.browser);
  return answerJson(c, answer);
}
