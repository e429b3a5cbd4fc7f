// POST /register: an account and its first session. Claim last: the account exists before its names are claimed, so a
// claimed name always has an account. An account whose claim never came removes itself (account/account.ts, alarm).
import { randomId } from '../account/account.ts';
import { claim, findTaken } from '../directory/directory.ts';
import { type Name, parseEmail, parseUsername } from '../domain/names.ts';
import { findPasswordFault } from '../domain/password-rules.ts';
import { type FieldError, type RegisterRequest, type RegisterResponse, registerRequest } from '../wire.ts';
import { readBody } from './body.ts';
import { isOverAddressLimit, LIMIT_PERIOD_SECONDS, readDevice } from './client-address.ts';
import { endReplacedSessions, issueTokens, toUser } from './grant.ts';
import { isOriginAllowed } from './origin.ts';
import { refuse } from './refusal.ts';
import { type AppContext, toPolicy } from './service.ts';
import { callAccount, callDirectory } from './storage-calls.ts';

export async function register(c: AppContext): Promise<Response> {
  const { config } = c.var.service;
  if (!isOriginAllowed(c)) return refuse(c, 'origin_not_allowed');
  if (!config.isRegistrationOpen) return refuse(c, 'registration_closed');
  if (await isOverAddressLimit(c, 'REGISTRATION_LIMIT')) {
    return refuse(c, 'address_throttled', { retryAfterSeconds: LIMIT_PERIOD_SECONDS });
  }
  const body = await readBody(c, registerRequest);
  if (!body.ok) return refuse(c, body.reason, body);
  const names = checkRegistration(body.value, config.passwordMinLength);
  if (!names.ok) return refuse(c, 'invalid_input', names);

  // Asked before anything is made: a taken name should cost no hash. The claim below decides.
  const taken = await callDirectory(c, (db) => findTaken(db, names));
  if (taken === 'username_taken' || taken === 'email_taken') return refuse(c, taken);

  const id = randomId();
  c.var.outcome.accountId = id;
  const registration = {
    id,
    username: names.username.display,
    email: names.email.display,
    password: body.value.password,
    device: readDevice(c),
    policy: toPolicy(config),
  };
  const grant = await callAccount(c, id, (account) => account.register(registration));
  // An outage here leaves it open whether the claim was stored, so the account must stay until its alarm has looked.
  const claimed = await callDirectory(c, (db) => claim(db, { id, ...names, createdAtMs: grant.nowMs }));
  if (claimed !== 'claimed') {
    await callAccount(c, id, (account) => account.destroy());
    return refuse(c, claimed);
  }
  await endReplacedSessions(c);
  const answer: RegisterResponse = { ...(await issueTokens(c, grant)), user: toUser(grant.profile) };
  return c.json(answer, 201);
}

type CheckedNames = { ok: true; username: Name; email: Name } | { ok: false; errors: FieldError[] };

/** Every fault of every field at once: people fix a form in one go. */
function checkRegistration(
  { username, email, password }: RegisterRequest,
  passwordMinLength: number,
): CheckedNames {
  const parsedUsername = parseUsername(username);
  const parsedEmail = parseEmail(email);
  const passwordFault = findPasswordFault(password, { username, email }, passwordMinLength);
  if (parsedUsername.ok && parsedEmail.ok && passwordFault === undefined) {
    return { ok: true, username: parsedUsername.value, email: parsedEmail.value };
  }
  const errors: FieldError[] = [];
  if (!parsedUsername.ok) errors.push({ field: 'username', message: parsedUsername.message });
  if (!parsedEmail.ok) errors.push({ field: 'email', message: parsedEmail.message });
  if (passwordFault !== undefined) errors.push({ field: 'password', message: passwordFault });
  return { ok: false, errors };
}
