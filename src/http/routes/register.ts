// POST /register: an account and its first session. The new account gets its names itself (account/flows/register.ts).
import type { Registered, Registration } from '../../account/contract.ts';
import type { FieldError } from '../../api/error-codes.ts';
import { OutageError } from '../../api/errors.ts';
import { type RegisterRequest, type RegisterResponse, registerRequest } from '../../api/wire.ts';
import { findTaken, type Holder } from '../../directory/directory.ts';
import { randomId } from '../../domain/ids.ts';
import { type Name, parseEmail, parseUsername } from '../../domain/names.ts';
import { findPasswordFault } from '../../domain/password-rules.ts';
import { fail, type Result } from '../../domain/result.ts';
import type { SessionPolicy } from '../../domain/session.ts';
import { readClientInfo } from '../client-info.ts';
import { type AppContext, outcomeOf, serviceOf } from '../context.ts';
import { issueTokens, toUser } from '../grant.ts';
import { rememberBrowser } from '../known-browser.ts';
import { refuse } from '../problem.ts';
import { endReplacedSessions } from '../refresh-cookie.ts';
import { route } from '../route.ts';
import { toPolicy } from '../service.ts';
import { callAccount, callDirectory } from '../storage-calls.ts';

export const register = route({
  method: 'POST',
  path: '/register',
  limit: 'REGISTRATION_LIMIT',
  auth: 'none',
  body: registerRequest,
  reference: {
    id: 'register',
    tag: 'Authentication',
    summary: 'Register an account, and sign in',
    description:
      'With `REQUIRE_VERIFIED_EMAIL=on` nobody is signed in yet, and the response holds `user` alone.',
    status: 201,
    response: ['Registered', 'Profile'],
    effect: 'signsIn',
    takesForms: true,
    refusals: [
      'registration_closed',
      'username_taken',
      'email_taken',
      'account_unavailable',
      'directory_unavailable',
      'too_busy',
    ],
  },
  handler: async (c, { body }) => {
    const { config } = serviceOf(c);
    if (!config.isRegistrationOpen) return refuse(c, 'registration_closed');
    const names = checkRegistration(body, config.passwordMinLength);
    if (!names.ok) return refuse(c, 'invalid_input', names);

    // With REQUIRE_VERIFIED_EMAIL nobody is signed in before the address is confirmed, not even at registration.
    const policy = config.requiresVerifiedEmail ? undefined : toPolicy(config);
    const created = await createAccount(c, names, { password: body.password, policy });
    if (!created.ok) return refuse(c, created.reason);
    const registered = created.value;
    const user = toUser(registered.profile);
    if (registered.session === undefined) return c.json({ user }, 201);
    await endReplacedSessions(c);
    const response: RegisterResponse = { ...(await issueTokens(c, registered)), user };
    await rememberBrowser(c, user.id, registered.browser);
    return c.json(response, 201);
  },
});

/** Makes an account. Without a password the owner is mailed a link to set one; without a policy nobody is signed in. */
export async function createAccount(
  c: AppContext,
  names: { username: Name; email: Name },
  {
    id = randomId(),
    password,
    policy,
  }: { id?: string; password: string | undefined; policy: SessionPolicy | undefined },
): Promise<Result<Registered, 'username_taken' | 'email_taken' | 'too_busy'>> {
  // Asked before anything is made: a taken name should cost no hash. The account itself decides.
  const taken = await callDirectory(c, (db) => findTaken(db, { ...names, nowMs: Date.now() }));
  if (taken !== undefined && (await isHeld(c, taken.holder))) return fail(taken.reason);

  outcomeOf(c).accountId = id;
  const registration: Registration = {
    id,
    username: names.username.display,
    email: names.email.display,
    client: readClientInfo(c),
    ...(password !== undefined && { password }),
    ...(policy !== undefined && { policy }),
  };
  const registered = await callAccount(c, id, (account) => account.register(registration));
  if (registered.ok || registered.reason !== 'directory_unavailable') return registered;
  // Not a refusal: what becomes of it is open (account/flows/register.ts).
  throw new OutageError(registered.reason, undefined);
}

/** Whether a name has a holder that exists. One that cannot be asked does. */
async function isHeld(c: AppContext, { accountId, isReleased }: Holder): Promise<boolean> {
  if (isReleased) return true;
  return callAccount(c, accountId, (account) => account.exists(), { isRepeatable: true }).catch(() => true);
}

type CheckedNames = { ok: true; username: Name; email: Name } | { ok: false; errors: FieldError[] };

/** Every fault of every field at once: people fix a form in one go. */
export function checkRegistration(
  { username, email, password }: Omit<RegisterRequest, 'password'> & { password?: string | undefined },
  passwordMinLength: number,
): CheckedNames {
  const parsedUsername = parseUsername(username);
  const parsedEmail = parseEmail(email);
  const passwordFault =
    password === undefined ? undefined : findPasswordFault(password, { username, email }, passwordMinLength);
  if (parsedUsername.ok && parsedEmail.ok && passwordFault === undefined) {
    return { ok: true, username: parsedUsername.value, email: parsedEmail.value };
  }
  const errors: FieldError[] = [];
  if (!parsedUsername.ok) errors.push({ field: 'username', ...parsedUsername.fault });
  if (!parsedEmail.ok) errors.push({ field: 'email', ...parsedEmail.fault });
  if (passwordFault !== undefined) errors.push({ field: 'password', ...passwordFault });
  return { ok: false, errors };
}
