// The account object: one per account, and the only place where its password hash, sessions and throttle exist.
//
// Every method is synchronous from the first read to the last write. Calls to one object interleave only at an await,
// so a burst of parallel guesses runs one after the other, and of 16 refreshes with one cookie exactly one rotates.
// Storage writes of one turn are committed together, and no answer leaves before they are (the output gate).
import { DurableObject } from 'cloudflare:workers';
import type { AccountStatus } from '../directory/account-list.ts';
import type { Session, SessionPolicy } from '../domain/session.ts';
import * as credentials from './credentials.ts';
import { sendFarewell } from './delivery.ts';
import * as entry from './entry.ts';
import { Errands } from './errands.ts';
import type { Actor, EventRow } from './event-store.ts';
import type * as grants from './grant.ts';
import { randomId } from './id.ts';
import { act, inspect, type OperatorAction } from './operator.ts';
import { readStatus, reportWhenDue } from './operator-index.ts';
import { hashChosenPassword } from './password-check.ts';
import { migrate, readSchemaVersion } from './schema.ts';
import * as sessions from './sessions.ts';
import { type AccountState, type Caller, openState } from './state.ts';
import type { AccountRow } from './store.ts';
import { ALARM_RETRY_MS, keepUp } from './upkeep.ts';

type UnknownAccount = { outcome: 'unknown_account' };

export class Account extends DurableObject<Env> {
  readonly #state: AccountState;
  readonly #errands: Errands;
  /** Whether tables exist. An object that was only asked about stays empty, so that nothing of it is kept. */
  #isStored: boolean;
  #profile: grants.Profile | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#state = openState(ctx.storage.sql);
    this.#errands = new Errands(ctx, this.#state, env);
    this.#isStored = readSchemaVersion(ctx.storage.sql) > 0;
    if (this.#isStored) migrate(ctx.storage);
  }

  /**
   * Creates the account, and signs it in when a policy is given. The caller claims the names next; then it calls
   * `confirmClaim`, or `destroy` when it lost. The first mail waits for that: nobody is written to for a lost claim.
   */
  register(registration: grants.Registration): grants.Registered {
    const passwordHash = hashChosenPassword(registration.password ?? randomId());
    this.#ensureStored();
    const registered = entry.register(this.#state, registration, passwordHash, Date.now());
    this.#errands.scheduleAlarm();
    return registered;
  }

  /** The directory holds the names: the account stays, and its first mail goes out. */
  confirmClaim(): void {
    if (!this.#isStored) return;
    entry.confirmClaim(this.#state, Date.now());
    this.#errands.deliver(() => this.#isStored);
  }

  /** Checks a password and opens a session. For an object without account, the same work ends in `unknown_account`. */
  signIn(
    password: string,
    device: Actor,
    policy: SessionPolicy,
    { browser, requiresVerifiedEmail = false }: grants.SignInConditions = {},
  ): grants.SignInResult {
    this.#ensureStored();
    const caller = { actor: device, browser };
    const result = entry.signIn(this.#state, password, caller, { policy, requiresVerifiedEmail });
    this.#errands.scheduleAlarm();
    return result;
  }

  /** Trades a counter for the session's current token: rotates, repeats, or ends the session (`decideRefresh`). */
  refresh(sid: string, counter: number, device: Actor, policy: SessionPolicy): grants.RefreshResult {
    const profile = this.#readProfile();
    if (profile === undefined) return { outcome: 'ended' };
    return sessions.refreshSession(this.#state, profile, { sid, counter }, device, policy);
  }

  /** Ends a session by its refresh token. Any genuine token of it will do: whoever holds an old one may only end it. */
  signOut(sid: string, device: Actor): boolean {
    return this.#isStored && sessions.endSession(this.#state, 'signed_out', sid, device);
  }

  /** The account and the caller's session; `undefined` when that session is over. */
  describe(sid: string): grants.Description | undefined {
    const session = this.#readLiveSession(sid);
    const account = session && this.#state.rows.readAccount();
    if (session === undefined || account === undefined) return undefined;
    const isEmailVerified = account.emailVerifiedAtMs !== null;
    return { profile: sessions.toProfile(account), session, isEmailVerified };
  }

  /** The account's live sessions; `undefined` when the caller's own is over. */
  listSessions(sid: string): Session[] | undefined {
    return this.#readLiveSession(sid) && sessions.listLiveSessions(this.#state, Date.now());
  }

  /** The last security events, newest first; `undefined` when the caller's session is over. */
  listEvents(sid: string): EventRow[] | undefined {
    return this.#readLiveSession(sid) && this.#state.events.list();
  }

  /** All that the account holds of its owner, without secrets. Counted, since it reads all of it. */
  exportData(sid: string) {
    return this.#withSession(sid, () => {
      const nowMs = Date.now();
      const decision = this.#state.limits.take('export', nowMs);
      if (!decision.allowed) {
        const retryAfterSeconds = Math.ceil((decision.retryAtMs - nowMs) / 1000);
        return { outcome: 'throttled' as const, retryAfterSeconds };
      }
      return { outcome: 'exported' as const, data: inspect(this.#state, nowMs) };
    });
  }

  /**
   * Ends one session of the account, the caller's own included. `hasCookie`: the request carried the caller's refresh
   * token as well. Only then is the browser of another session no longer known: an access token alone may be stolen.
   */
  endSession(
    sid: string,
    target: string,
    device: Actor,
    hasCookie = false,
  ): 'ended' | 'unknown_session' | 'session_over' {
    if (this.#readLiveSession(sid) === undefined) return 'session_over';
    const revokesBrowser = hasCookie && target !== sid;
    return sessions.endOtherSession(this.#state, target, device, { revokesBrowser })
      ? 'ended'
      : 'unknown_session';
  }

  /** Ends every session, or every other one, and revokes what is pending; with `hasCookie` every device cookie too. */
  endSessions(
    sid: string,
    keepCurrent: boolean,
    device: Actor,
    hasCookie = false,
  ): grants.SessionsEnded | grants.SessionOver {
    const session = this.#readLiveSession(sid);
    if (session === undefined) return { outcome: 'session_over' };
    const exceptSid = keepCurrent ? sid : undefined;
    const epoch = sessions.endSessionsExcept(this.#state, exceptSid, device, { hasCookie });
    const { browserId } = session;
    const isRenewed = keepCurrent && hasCookie && browserId !== null;
    return { outcome: 'ended', browser: isRenewed ? { browserId, epoch } : undefined };
  }

  changePassword(change: credentials.PasswordChange, caller: Caller) {
    return this.#withSession(change.sid, () =>
      credentials.changePassword(this.#state, change, caller, Date.now()),
    );
  }

  requestPasswordReset(caller: Caller): void {
    if (this.#isStored) credentials.requestPasswordReset(this.#state, caller, Date.now());
    this.#afterMail();
  }

  resetPassword(reset: credentials.PasswordReset, caller: Caller) {
    if (!this.#isStored) return { outcome: 'invalid_link' as const };
    const result = credentials.resetPassword(this.#state, reset, caller, Date.now());
    this.#afterMail();
    return result;
  }

  requestVerification(sid: string) {
    return this.#withSession(sid, (account) =>
      credentials.requestVerification(this.#state, account, Date.now()),
    );
  }

  verifyEmail(token: string, caller: Caller) {
    if (!this.#isStored) return { outcome: 'invalid_link' as const };
    const result = credentials.verifyEmail(this.#state, token, caller, Date.now());
    this.#errands.scheduleAlarm();
    return result;
  }

  requestEmailChange(sid: string, change: { email: string; password: string }, caller: Caller) {
    return this.#withSession(sid, () =>
      credentials.requestEmailChange(this.#state, change, caller, Date.now()),
    );
  }

  commitEmail(token: string, caller: Caller) {
    if (!this.#isStored) return { outcome: 'invalid_link' as const, email: undefined };
    this.#profile = undefined;
    const result = credentials.commitEmail(this.#state, token, caller, Date.now());
    this.#afterMail();
    return result;
  }

  /** Asks whether the caller may change the user name now, and counts it. Refused names count too: each is a question. */
  prepareRename(sid: string) {
    return this.#withSession(sid, (account) => {
      const prepared = credentials.prepareRename(this.#state, Date.now());
      return prepared.outcome === 'ready' ? { ...prepared, profile: sessions.toProfile(account) } : prepared;
    });
  }

  /** Takes a user name that the directory has given to this account. */
  changeUsername(sid: string, username: string, device: Actor): 'changed' | 'session_over' {
    if (this.#readLiveSession(sid) === undefined) return 'session_over';
    this.#profile = undefined;
    return credentials.changeUsername(this.#state, { username, sid }, device, Date.now());
  }

  /**
   * First of the two steps of a deletion: the owner's password, and a claim check in case the second step never comes.
   * From here on the account is unreachable as soon as its directory row is gone.
   */
  prepareDeletion(sid: string, password: string, caller: Caller) {
    return this.#withSession(sid, () =>
      credentials.prepareDeletion(this.#state, password, caller, Date.now()),
    );
  }

  /** The same first step for an operator, who needs no password. */
  expectErasure(): void {
    if (!this.#isStored) return;
    credentials.expectErasure(this.#state, Date.now());
    this.#errands.scheduleAlarm();
  }

  /** What an operator may see; `undefined` for an object without account. */
  inspect() {
    if (!this.#isStored) return undefined;
    // An account of an earlier version may have something to report since its migration, and no alarm.
    this.#errands.scheduleAlarm();
    return inspect(this.#state, Date.now());
  }

  /** What an operator may do. Returns the state that it led to, for the operators' index. */
  act(action: OperatorAction, operator: Actor): { outcome: 'done'; status: AccountStatus } | UnknownAccount {
    if (!this.#isStored) return { outcome: 'unknown_account' };
    const outcome = act(this.#state, action, operator, Date.now());
    const status = readStatus(this.#state);
    if (outcome !== 'done' || status === undefined) return { outcome: 'unknown_account' };
    this.#afterMail();
    return { outcome, status };
  }

  /** Second step of a deletion: tells the owner, and leaves nothing. */
  async erase(): Promise<void> {
    const account = this.#isStored ? this.#state.rows.readAccount() : undefined;
    // A decoy keeps its throttle.
    if (account === undefined) return;
    await this.destroy();
    this.ctx.waitUntil(sendFarewell(account, this.env));
  }

  /** Removes everything: for a registration that lost the claim on its names. */
  async destroy(): Promise<void> {
    this.#isStored = false;
    this.#errands.forgetAlarm();
    this.#profile = undefined;
    this.#state.rows.forgetSessions();
    // Both are issued in this turn: a call that comes in while they finish finds an empty object, never half of one.
    await Promise.all([this.ctx.storage.deleteAlarm(), this.ctx.storage.deleteAll()]);
  }

  /** Clears what has run out, sends and reports what is due, and removes an account that nobody claimed. A failure waits for the next turn. */
  override async alarm(): Promise<void> {
    this.#errands.forgetAlarm();
    if (!this.#isStored) return;
    try {
      if ((await keepUp(this.#state, this.env.DIRECTORY)) === 'over') await this.destroy();
    } catch {
      // Thrown out of here, the platform would try six times and then forget. No detail: it could quote a row.
      console.error(JSON.stringify({ event: 'account_alarm', code: 'unavailable' }));
      return this.ctx.storage.setAlarm(Date.now() + ALARM_RETRY_MS);
    }
    if (!this.#isStored) return;
    const reporting = reportWhenDue(this.#state, this.env.DIRECTORY, () => this.#isStored);
    this.#afterMail();
    await reporting;
    if (this.#isStored) this.#errands.scheduleAlarm();
  }

  /** Runs a change for a caller whose session is live, and sees to the mail that it may have queued. */
  #withSession<T>(sid: string, change: (account: AccountRow) => T): T | grants.SessionOver {
    const account = this.#readLiveSession(sid) && this.#state.rows.readAccount();
    if (account === undefined) return { outcome: 'session_over' };
    const result = change(account);
    this.#afterMail();
    return result;
  }

  #afterMail(): void {
    if (!this.#isStored) return;
    this.#errands.deliver(() => this.#isStored);
    this.#errands.scheduleAlarm();
  }

  #readLiveSession(sid: string): Session | undefined {
    return this.#isStored ? sessions.readLiveSession(this.#state, sid, Date.now()) : undefined;
  }

  /** Kept in memory: every refresh needs it. */
  #readProfile(): grants.Profile | undefined {
    this.#profile ??= this.#isStored ? sessions.readProfile(this.#state) : undefined;
    return this.#profile;
  }

  #ensureStored(): void {
    if (!this.#isStored) migrate(this.ctx.storage);
    this.#isStored = true;
  }
}
