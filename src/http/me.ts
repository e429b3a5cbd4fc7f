// GET, PATCH and DELETE /me, GET /me/history: the caller's own account, read from the account itself, so that a revoked
// session is refused at once.
import { releaseClaim, renameAccount } from '../directory/directory.ts';
import { parseUsername } from '../domain/names.ts';
import {
  accountDeletionRequest,
  type HistoryResponse,
  type MeResponse,
  profileChangeRequest,
} from '../wire.ts';
import { answerEmpty, answerJson } from './answer.ts';
import { authenticate } from './bearer.ts';
import { readDevice } from './client-address.ts';
import { admitOwner } from './entrance.ts';
import { toSecurityEvent, toSessionInfo, toUser } from './grant.ts';
import { readKnownBrowser } from './known-browser.ts';
import { refuse, refusePassword } from './refusal.ts';
import type { AppContext } from './service.ts';
import { callAccount, callAccountAgain, callDirectory } from './storage-calls.ts';

export async function me(c: AppContext): Promise<Response> {
  const caller = await authenticate(c);
  if (!caller.ok) return refuse(c, caller.reason, caller);
  const { sub, sid } = caller.claims;
  const found = await callAccountAgain(c, sub, (account) => account.describe(sid));
  if (found === undefined) return refuse(c, 'session_over', { isBearer: true });
  const answer: MeResponse = { user: toUser(found.profile), session: toSessionInfo(found.session, sid) };
  return answerJson(c, answer);
}

export async function history(c: AppContext): Promise<Response> {
  const caller = await authenticate(c);
  if (!caller.ok) return refuse(c, caller.reason, caller);
  const { sub, sid } = caller.claims;
  const events = await callAccountAgain(c, sub, (account) => account.listEvents(sid));
  if (events === undefined) return refuse(c, 'session_over', { isBearer: true });
  const answer: HistoryResponse = { events: events.map(toSecurityEvent) };
  return answerJson(c, answer);
}

/** Another user name: claimed in the directory first, then taken over by the account. Repeating it mends an interruption. */
export async function changeProfile(c: AppContext): Promise<Response> {
  const admitted = await admitOwner(c, 'PATCH /me', profileChangeRequest);
  if (!admitted.ok) return admitted.response;
  const { body, claims } = admitted;
  const username = parseUsername(body.username);
  if (!username.ok)
    return refuse(c, 'invalid_input', { errors: [{ field: 'username', message: username.message }] });
  const { sub, sid } = claims;
  const prepared = await callAccount(c, sub, (account) => account.prepareRename(sid));
  if (prepared.outcome !== 'ready') return refusePassword(c, prepared);
  const moved = await callDirectory(c, (db) => renameAccount(db, sub, username.value));
  if (moved !== 'claimed') return refuse(c, moved);
  const changed = await callAccount(c, sub, (account) =>
    account.changeUsername(sid, username.value.display, readDevice(c)),
  );
  if (changed === 'session_over') return refuse(c, 'session_over', { isBearer: true });
  return answerJson(c, { user: toUser({ ...prepared.profile, username: username.value.display }) });
}

/**
 * The account is gone: its names first, then everything it holds. Dying in between leaves an account without names,
 * which its alarm removes.
 */
export async function deleteAccount(c: AppContext): Promise<Response> {
  const admitted = await admitOwner(c, 'DELETE /me', accountDeletionRequest);
  if (!admitted.ok) return admitted.response;
  const { body, claims } = admitted;
  const { sub, sid } = claims;
  const browser = await readKnownBrowser(c, sub);
  const prepared = await callAccount(c, sub, (account) =>
    account.prepareDeletion(sid, body.password, { actor: readDevice(c), browser }),
  );
  if (prepared.outcome !== 'prepared') return refusePassword(c, prepared);
  await callDirectory(c, (db) => releaseClaim(db, sub));
  await callAccount(c, sub, (account) => account.erase());
  return answerEmpty(c, 204);
}
