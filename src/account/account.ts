// The account object: one per account, and the only place where its password hash, sessions and throttle exist.
//
// Every method is synchronous from the first read to the last write. Calls to one object interleave only at an await,
// so a burst of parallel guesses runs one after the other, and of 16 refreshes with one cookie exactly one rotates.
// Storage writes of one turn are committed together, and no answer leaves before they are (the output gate).
import { DurableObject } from 'cloudflare:workers';
import { hasClaim } from '../directory/directory.ts';
import {
  decideRefresh,
  isExpired,
  openSession,
  type Session,
  type SessionPolicy,
} from '../domain/session.ts';
import * as credentials from './credentials.ts';
import { deliverDue, sendFarewell } from './delivery.ts';
import { type Actor, type EventRow, EventStore } from './event-store.ts';
import { MailStore } from './mail-store.ts';
import { act, inspect, type OperatorAction } from './operator.ts';
import { checkPassword, hashChosenPassword } from './password-check.ts';
import { migrate, readSchemaVersion } from './schema.ts';
import type { AccountState, Caller } from './state.ts';
import { type AccountRow, AccountStore } from './store.ts';
import { ThrottleStore } from './throttle-store.ts';

/** The next sign-in ends the session longest unused. Bounds what one account can store. */
export const MAX_SESSIONS = 100;
/** How long a registration or a deletion may take between its two steps before the account looks for its claim. */
export const CLAIM_CHECK_DELAY_MS = 15 * 60 * 1000;
/** How long the alarm waits after a failure of its own. */
export const ALARM_RETRY_MS = 60 * 1000;
/** How long a finished mail is remembered, for the limit per hour. */
const OUTBOX_MEMORY_MS = 60 * 60 * 1000;

/** What the outside may know of an account. */
export interface Profile {
  id: string;
  username: string;
  email: string;
  createdAtMs: number;
}

/** A session with its owner, as of `nowMs`: all that minting a pair of tokens needs. */
export interface Grant {
  session: Session;
  profile: Profile;
  browserEpoch: number;
  nowMs: number;
}

export type SignInResult =
  | ({ outcome: 'signed_in' } & Grant)
  | { outcome: 'account_disabled' | 'password_reset_required' | 'email_not_verified' }
  | credentials.Refused;

export type RefreshResult =
  | ({ outcome: 'rotated' | 'replayed' } & Omit<Grant, 'browserEpoch'>)
  | { outcome: 'reused' | 'expired' | 'ended' };

export interface Registration {
  id: string;
  username: string;
  email: string;
  /** Left out by an operator who leaves the choice to the owner: no password opens the account before a reset. */
  password?: string;
  device: Actor;
  /** Left out when registering does not sign in. */
  policy?: SessionPolicy;
}

export type Registered = Omit<Grant, 'session'> & { session: Session | undefined };

type SessionOver = { outcome: 'session_over' };

export class Account extends DurableObject<Env> {
  readonly #state: AccountState;
  /** Whether tables exist. An object that was only asked about stays empty, so that nothing of it is kept. */
  #isStored: boolean;
  #profile: Profile | undefined;
  #delivery: Promise<void> | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const { sql } = ctx.storage;
    this.#state = {
      rows: new AccountStore(sql),
      throttles: new ThrottleStore(sql),
      events: new EventStore(sql),
      mail: new MailStore(sql),
    };
    this.#isStored = readSchemaVersion(sql) > 0;
    if (this.#isStored) migrate(ctx.storage);
  }

  /**
   * Creates the account, and signs it in when a policy is given. The caller claims the names next; then it calls
   * `confirmClaim`, or `destroy` when it lost. The first mail waits for that: nobody is written to for a lost claim.
   */
  register({ id, username, email, password, device, policy }: Registration): Registered {
    const nowMs = Date.now();
    const passwordHash = hashChosenPassword(password ?? randomId());
    this.#ensureStored();
    const { rows, events, mail } = this.#state;
    const claimCheckAtMs = nowMs + CLAIM_CHECK_DELAY_MS;
    rows.insertAccount({ id, username, email, passwordHash, createdAtMs: nowMs, claimCheckAtMs });
    if (password === undefined) rows.writeMustResetPassword();
    events.record('registered', nowMs, device);
    mail.enqueue(password === undefined ? 'reset_password' : 'verify_email', email, nowMs, claimCheckAtMs);
    if (policy !== undefined) return this.#openSession(device, policy, nowMs);
    this.#scheduleAlarm();
    return {
      session: undefined,
      profile: { id, username, email, createdAtMs: nowMs },
      browserEpoch: 1,
      nowMs,
    };
  }

  /** The directory holds the names: the account stays, and its first mail goes out. */
  confirmClaim(): void {
    if (!this.#isStored) return;
    this.#state.rows.writeClaimCheck(null);
    this.#state.mail.hurry(Date.now());
    this.#deliver();
  }

  /** Checks a password and opens a session. For an object without account, the same work ends in `unknown_account`. */
  signIn(
    password: string,
    device: Actor,
    policy: SessionPolicy,
    {
      browser,
      requiresVerifiedEmail = false,
    }: { browser?: Caller['browser']; requiresVerifiedEmail?: boolean } = {},
  ): SignInResult {
    this.#ensureStored();
    const nowMs = Date.now();
    const check = checkPassword(this.#state, password, { actor: device, browser }, nowMs);
    if (check.outcome !== 'matched') {
      this.#scheduleAlarm();
      return check;
    }
    const { account } = check;
    if (account.disabledAtMs !== null) return { outcome: 'account_disabled' };
    if (account.mustResetPassword) return { outcome: 'password_reset_required' };
    if (requiresVerifiedEmail && account.emailVerifiedAtMs === null) return { outcome: 'email_not_verified' };
    return { outcome: 'signed_in', ...this.#openSession(device, policy, nowMs) };
  }

  /** Trades a counter for the session's current token: rotates, repeats, or ends the session (`decideRefresh`). */
  refresh(sid: string, counter: number, device: Actor, policy: SessionPolicy): RefreshResult {
    const nowMs = Date.now();
    const { rows, events } = this.#state;
    const profile = this.#readProfile();
    const session = profile && rows.readSession(sid);
    const decision = decideRefresh(session, counter, nowMs, policy);
    // Narrows the types: without a session the decision is `ended`.
    if (session === undefined || profile === undefined) return { outcome: 'ended' };
    switch (decision.outcome) {
      case 'rotated':
        rows.writeRotation(sid, decision.next);
        return {
          outcome: 'rotated',
          session: { ...session, ...decision.next, lastUsedAtMs: nowMs },
          profile,
          nowMs,
        };
      case 'replayed':
        return { outcome: 'replayed', session, profile, nowMs };
      case 'reused':
        rows.deleteSession(sid);
        events.record('token_reused', nowMs, device, sid);
        return { outcome: 'reused' };
      default:
        return { outcome: decision.outcome };
    }
  }

  /** Ends a session by its refresh token. Any genuine token of it will do: whoever holds an old one may only end it. */
  signOut(sid: string, device: Actor): boolean {
    if (!this.#isStored || !this.#state.rows.deleteSession(sid)) return false;
    this.#state.events.record('signed_out', Date.now(), device, sid);
    return true;
  }

  /** The account and the caller's session; `undefined` when that session is over. */
  describe(sid: string): { profile: Profile; session: Session; isEmailVerified: boolean } | undefined {
    const session = this.#readLiveSession(sid);
    const account = session && this.#state.rows.readAccount();
    if (session === undefined || account === undefined) return undefined;
    return { profile: toProfile(account), session, isEmailVerified: account.emailVerifiedAtMs !== null };
  }

  /** The account's live sessions; `undefined` when the caller's own is over. */
  listSessions(sid: string): Session[] | undefined {
    return this.#readLiveSession(sid) && this.#listLiveSessions();
  }

  /** The last security events, newest first; `undefined` when the caller's session is over. */
  listEvents(sid: string): EventRow[] | undefined {
    return this.#readLiveSession(sid) && this.#state.events.list();
  }

  /** Ends one session of the account, the caller's own included. */
  endSession(sid: string, target: string, device: Actor): 'ended' | 'unknown_session' | 'session_over' {
    if (this.#readLiveSession(sid) === undefined) return 'session_over';
    if (!this.#state.rows.deleteSession(target)) return 'unknown_session';
    this.#state.events.record('session_ended', Date.now(), device, target);
    return 'ended';
  }

  /** Ends every session, or every other one; and revokes every device cookie, of which the caller may get a new one. */
  endSessions(
    sid: string,
    keepCurrent: boolean,
    device: Actor,
  ): { outcome: 'ended'; browserEpoch: number } | SessionOver {
    if (this.#readLiveSession(sid) === undefined) return { outcome: 'session_over' };
    this.#state.rows.deleteSessionsExcept(keepCurrent ? sid : undefined);
    this.#state.events.record('session_ended', Date.now(), device);
    return { outcome: 'ended', browserEpoch: this.#state.rows.raiseBrowserEpoch() };
  }

  changePassword(change: Parameters<typeof credentials.changePassword>[1], caller: Caller) {
    return this.#withSession(change.sid, () =>
      credentials.changePassword(this.#state, change, caller, Date.now()),
    );
  }

  requestPasswordReset(caller: Caller): void {
    if (this.#isStored) credentials.requestPasswordReset(this.#state, caller, Date.now());
    this.#afterMail();
  }

  resetPassword(reset: Parameters<typeof credentials.resetPassword>[1], caller: Caller) {
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
    return credentials.verifyEmail(this.#state, token, caller, Date.now());
  }

  requestEmailChange(sid: string, change: { email: string; password: string }, caller: Caller) {
    return this.#withSession(sid, () =>
      credentials.requestEmailChange(this.#state, change, caller, Date.now()),
    );
  }

  commitEmail(token: string, caller: Caller): 'changed' | 'invalid_link' {
    if (!this.#isStored) return 'invalid_link';
    this.#profile = undefined;
    return credentials.commitEmail(this.#state, token, caller, Date.now());
  }

  /** Takes a user name that the directory has given to this account. */
  changeUsername(sid: string, username: string, device: Actor): 'changed' | 'session_over' {
    if (this.#readLiveSession(sid) === undefined) return 'session_over';
    this.#profile = undefined;
    this.#state.rows.writeUsername(username);
    this.#state.events.record('username_changed', Date.now(), device, sid);
    return 'changed';
  }

  /**
   * First of the two steps of a deletion: the owner's password, and a claim check in case the second step never comes.
   * From here on the account is unreachable as soon as its directory row is gone.
   */
  prepareDeletion(sid: string, password: string, caller: Caller) {
    return this.#withSession(sid, () => {
      const check = checkPassword(this.#state, password, caller, Date.now());
      if (check.outcome !== 'matched') return check;
      this.#state.rows.writeClaimCheck(Date.now() + CLAIM_CHECK_DELAY_MS);
      return { outcome: 'prepared' as const };
    });
  }

  /** The same first step for an operator, who needs no password. */
  expectErasure(): void {
    if (!this.#isStored) return;
    this.#state.rows.writeClaimCheck(Date.now() + CLAIM_CHECK_DELAY_MS);
    this.#scheduleAlarm();
  }

  /** What an operator may see; `undefined` for an object without account. */
  inspect() {
    return this.#isStored ? inspect(this.#state) : undefined;
  }

  /** What an operator may do. */
  act(action: OperatorAction, operator: Actor): 'done' | 'unknown_account' {
    if (!this.#isStored) return 'unknown_account';
    const outcome = act(this.#state, action, operator, Date.now());
    this.#afterMail();
    return outcome;
  }

  /** Second step of a deletion: tells the owner, and leaves nothing. */
  async erase(): Promise<void> {
    const account = this.#isStored ? this.#state.rows.readAccount() : undefined;
    await this.destroy();
    if (account !== undefined) this.ctx.waitUntil(sendFarewell(account, this.env));
  }

  /** Removes everything: for a registration that lost the claim on its names. */
  async destroy(): Promise<void> {
    this.#isStored = false;
    this.#profile = undefined;
    // Both are issued in this turn: a call that comes in while they finish finds an empty object, never half of one.
    await Promise.all([this.ctx.storage.deleteAlarm(), this.ctx.storage.deleteAll()]);
  }

  /** Clears what has run out, sends what is due, and removes an account that nobody claimed. A failure waits for the next turn. */
  override async alarm(): Promise<void> {
    if (!this.#isStored) return;
    try {
      // First, since it needs nobody: a directory that does not answer keeps no expired session.
      this.#clearExpired();
      await this.#settleClaim();
    } catch {
      // Thrown out of here, the platform would try six times and then forget. No detail: it could quote a row.
      console.error(JSON.stringify({ event: 'account_alarm', code: 'unavailable' }));
      await this.ctx.storage.setAlarm(Date.now() + ALARM_RETRY_MS);
      return;
    }
    await this.#destroyDecoy();
    this.#afterMail();
  }

  /** A registration or a deletion that died between its two steps leaves an account that nobody can reach: it removes itself. */
  async #settleClaim(): Promise<void> {
    const account = this.#state.rows.readAccount();
    if (account === undefined || account.claimCheckAtMs === null || Date.now() < account.claimCheckAtMs)
      return;
    if (await hasClaim(this.env.DIRECTORY, account.id)) this.#state.rows.writeClaimCheck(null);
    else await this.destroy();
  }

  #clearExpired(): void {
    const nowMs = Date.now();
    const { rows, throttles, mail } = this.#state;
    rows.deleteExpiredSessions(nowMs);
    throttles.deleteForgotten(nowMs);
    mail.deleteExpiredTokens(nowMs);
    mail.deleteDone(nowMs - OUTBOX_MEMORY_MS);
  }

  /** What stood in for a name that nobody has is gone once its failures are forgotten. */
  async #destroyDecoy(): Promise<void> {
    if (!this.#isStored || this.#state.rows.readAccount() !== undefined) return;
    if (this.#state.throttles.readNextForgottenMs() === undefined) await this.destroy();
  }

  #openSession(device: Actor, policy: SessionPolicy, nowMs: number): Grant {
    const { userAgent, ip, country } = device;
    const session = openSession(randomId(), { userAgent, ip, country }, nowMs, policy);
    const { rows, events } = this.#state;
    rows.deleteExpiredSessions(nowMs);
    rows.deleteLongestUnused(MAX_SESSIONS);
    rows.insertSession(session);
    events.record('signed_in', nowMs, device, session.sid);
    this.#scheduleAlarm();
    const account = rows.readAccount();
    if (account === undefined) throw new Error('a session was opened without an account');
    return { session, profile: toProfile(account), browserEpoch: account.browserEpoch, nowMs };
  }

  /** Runs a change for a caller whose session is live, and sees to the mail that it may have queued. */
  #withSession<T>(sid: string, change: (account: AccountRow) => T): T | SessionOver {
    const account = this.#readLiveSession(sid) && this.#state.rows.readAccount();
    if (account === undefined) return { outcome: 'session_over' };
    const result = change(account);
    this.#afterMail();
    return result;
  }

  #afterMail(): void {
    if (!this.#isStored) return;
    this.#deliver();
    this.#scheduleAlarm();
  }

  /** Sends what is due, one run at a time, without holding up the answer. The alarm tries again what failed. */
  #deliver(): void {
    this.#delivery ??= deliverDue(this.#state, this.env).finally(() => {
      this.#delivery = undefined;
      if (this.#isStored) this.#scheduleAlarm();
    });
    this.ctx.waitUntil(this.#delivery);
  }

  /**
   * One alarm, at the earliest end of anything. Rotation moves a session's end but not the alarm: it then fires early,
   * finds nothing, and sets itself anew, which costs less than a second write at every refresh.
   */
  #scheduleAlarm(): void {
    const { rows, throttles, mail } = this.#state;
    const ends = [
      rows.readNextExpiryMs(),
      throttles.readNextForgottenMs(),
      mail.readNextExpiryMs(),
      mail.readNextTryMs(),
      rows.readAccount()?.claimCheckAtMs ?? undefined,
    ].filter((end) => end !== undefined);
    // Not awaited: the output gate holds the answer until it is stored.
    if (ends.length > 0) void this.ctx.storage.setAlarm(Math.min(...ends));
  }

  #listLiveSessions(): Session[] {
    const nowMs = Date.now();
    return this.#state.rows.listSessions().filter((session) => !isExpired(session, nowMs));
  }

  #readLiveSession(sid: string): Session | undefined {
    const session = this.#isStored ? this.#state.rows.readSession(sid) : undefined;
    return session !== undefined && !isExpired(session, Date.now()) ? session : undefined;
  }

  /** Kept in memory: every refresh needs it. */
  #readProfile(): Profile | undefined {
    if (this.#profile === undefined && this.#isStored) {
      const account = this.#state.rows.readAccount();
      this.#profile = account && toProfile(account);
    }
    return this.#profile;
  }

  #ensureStored(): void {
    if (this.#isStored) return;
    migrate(this.ctx.storage);
    this.#isStored = true;
  }
}

function toProfile({ id, username, email, createdAtMs }: AccountRow): Profile {
  return { id, username, email, createdAtMs };
}

/** 128 random bits, 22 characters of base64url. */
export function randomId(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toBase64({ alphabet: 'base64url', omitPadding: true });
}
