// POST /login: a password for the first pair of tokens.

import { loginRequest } from '../../api/wire.ts';
import { deriveDecoyId } from '../../directory/decoy.ts';
import { findAccountId } from '../../directory/directory.ts';
import { toLookupKeys } from '../../domain/names.ts';
import { readClientInfo } from '../client-info.ts';
import { outcomeOf, serviceOf, waitSinceReceipt } from '../context.ts';
import { issueTokens } from '../grant.ts';
import { readKnownBrowser, rememberBrowser } from '../known-browser.ts';
import { refuse, respondRefusal } from '../problem.ts';
import { endReplacedSessions } from '../refresh-cookie.ts';
import { route } from '../route.ts';
import { toPolicy } from '../service.ts';
import { callAccount, callDirectory } from '../storage-calls.ts';

/**
 * A wrong name or password is refused no sooner than this after it came. Longer than a hash and the start of an object
 * take together, so that it hides whether an account's object was running, or a decoy's had to be made (docs/explanation/enumeration.md).
 */
export const REFUSAL_FLOOR_MS = 500;

export const login = route({
  method: 'POST',
  path: '/login',
  limit: 'SIGN_IN_LIMIT',
  auth: 'none',
  body: loginRequest,
  reference: {
    id: 'login',
    tag: 'Authentication',
    summary: 'Sign in with a password',
    description:
      '`username` may be the e-mail address. The session of a refresh cookie that comes along ends.',
    status: 200,
    response: ['Tokens'],
    effect: 'signsIn',
    takesForms: true,
    refusals: [
      'wrong_password',
      'unknown_account',
      'account_throttled',
      'too_busy',
      'email_not_verified',
      'password_reset_required',
      'account_disabled',
      'second_factor_required',
      'account_unavailable',
      'directory_unavailable',
    ],
  },
  handler: async (c, { body }) => {
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
      account.signIn(body.password, readClientInfo(c), toPolicy(config), options),
    );
    if (!result.ok) {
      // Where nothing was tried, for a known name or an unknown one, there is no time to hide.
      const wasTried = result.reason !== 'account_throttled' && result.reason !== 'too_busy';
      if (wasTried) await waitSinceReceipt(c, REFUSAL_FLOOR_MS);
      return respondRefusal(c, result);
    }
    const signedIn = result.value;
    if (signedIn.status === 'factor_required') return refuse(c, 'second_factor_required');
    await endReplacedSessions(c);
    const tokens = await issueTokens(c, signedIn);
    await rememberBrowser(c, accountId, signedIn.browser);
    return c.json(tokens);
  },
});
