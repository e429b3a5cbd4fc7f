// The account object: one per account, and the only place where its password hash, sessions and throttle exist.
//
// Calls to one object interleave only at an await. A method that hashes waits for its turn in the hash queue; all that it
// then reads, decides and writes is in one turn of the event loop with its last hash, and so is every other decision, but for the flows that ask the directory
// (flows/). What was
// read before a wait only refuses early. So a burst of parallel guesses is counted one by one, of two uses of one link one
// wins, and of 16 refreshes with one cookie exactly one rotates.
// Storage writes of one turn are committed together, and no answer leaves before they are (the output gate).
import { DurableObject } from 'cloudflare:workers';
import type { AccountStatus } from '../directory/account-list.ts';
import { randomId } from '../domain/ids.ts';
import type { Session, SessionPolicy } from '../domain/session.ts';
import { hashQueue, type TooBusy } from '../passwords/hash-queue.ts';
import { ALARM_RETRY_MS, AlarmClock, clearExpired, isOver } from './alarm.ts';
import type * as grants from './contract.ts';
import * as credentials from './credentials.ts';
import { changeEmail, type LinkUse } from './flows/change-email.ts';
import { deleteAccount } from './flows/delete.ts';
import { FlowRunner } from './flows/flow-runner.ts';
import { completeRegistration } from './flows/register.ts';
import { type Rename, rename } from './flows/rename.ts';
import { act, inspect, type OperatorAction } from './operator.ts';
import { readStatus, reportWhenDue } from './operator-index.ts';
import { sendFarewell } from './outbox.ts';
import {
  hashChosenPassword,
  proveOwner,
  strengthenHash,
  type Throttled,
  tryInTurn,
} from './password-check.ts';
import * as sessions from './sessions.ts';
import * as entry from './sign-in.ts';
import { type AccountState, type Caller, openState } from './state.ts';
import type { AccountRow } from './storage/account-store.ts';
import type { Actor, EventRow } from './storage/event-store.ts';
import { migrate, readSchemaVersion } from './storage/schema.ts';

type UnknownAccount = { outcome: 'unknown_account' };

/** A flow waits no longer for the directory, to be told to operators by the alarm. */
const FLOW_REPORT_DEADLINE_MS = 3_000;
/** What stays of an account that is erased while a write to the directory may still take effect. */
const KEPT_TABLES = ['schema_version', 'intent'];

export class Account extends DurableObject<Env> {
  /** Not for callers: RPC reaches methods alone. For tests, which read what an object holds. */
  readonly state: AccountState;
  readonly #alarm: AlarmClock;
  readonly #flows: FlowRunner;
  /** Whether tables exist. An object that was only asked about stays empty, so that nothing of it is kept. */
  #isStored: boolean;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.state = openState(ctx.storage.sql);
    this.#alarm = new AlarmClock(ctx, this.state, env);
    this.#flows = new FlowRunner({
      state: this.state,
      storage: ctx.storage,
      directory: () => this.env.DIRECTORY,
      exists: async (id) => this.env.ACCOUNT.getByName(id).exists(),
      isStored: () => this.#isStored,
      scheduleAlarm: () => this.#alarm.scheduleAlarm(),
      wipe: () => this.#wipe(),
      destroy: () => this.#destroy(),
      report: () => this.#report(FLOW_REPORT_DEADLINE_MS),
    });
    this.#isStored = readSchemaVersion(ctx.storage.sql) > 0;
    if (this.#isStored) migrate(ctx.storage);
  }

  /**
   * Creates the account, gets its names, and signs it in when a policy is given. An account that does not get its names is erased. When
   * the directory does not respond, the alarm decides, or a sign-in does.
   */
  async register(registration: grants.Registration): Promise<grants.RegisterResult | TooBusy> {
    const turn = await hashQueue.takeTurn('other', () => {
      const passwordHash = hashChosenPassword(registration.password ?? randomId());
      this.#ensureStored();
      const registered = this.#storeAll(() =>
        entry.register(this.state, registration, passwordHash, Date.now()),
      );
      this.#alarm.scheduleAlarm();
      return registered;
    });
    if (turn.outcome !== 'done') return turn;
    const outcome = await this.#completeRegistration();
    return outcome === 'registered' ? { outcome, ...turn.value } : { outcome };
  }

  /** Whether there is an account, or one that is being erased. Asked by another account that wants one of its names. */
  exists(): boolean {
    if (!this.#isStored) return false;
    return this.state.rows.readAccount() !== undefined || this.state.intents.read() !== undefined;
  }

  /** Checks a password and opens a session. For an object without account, the same work ends in `unknown_account`. */
  async signIn(
    password: string,
    device: Actor,
    policy: SessionPolicy,
    { browser, requiresVerifiedEmail = false }: grants.SignInConditions = {},
  ): Promise<grants.SignInResult | TooBusy> {
    const caller = { actor: device, browser };
    const result = await tryInTurn(this.state, caller, this.#isStored, () => {
      this.#ensureStored();
      const tried = this.#storeAll(() =>
        entry.signIn(this.state, password, caller, { policy, requiresVerifiedEmail }),
      );
      this.#alarm.scheduleAlarm();
      return tried;
    });
    if (result.outcome !== 'signed_in') return result;
    if (!this.#isStored || this.state.intents.isDeleting()) return { outcome: 'unknown_account' };
    if (this.state.intents.isRegistering()) {
      // Its owner was never told that it exists: the response to the registration was lost.
      const outcome = await this.#completeRegistration();
      if (outcome !== 'registered')
        return { outcome: outcome === 'directory_unavailable' ? outcome : 'unknown_account' };
    }
    await strengthenHash(this.state, password, () => this.#isStored);
    return result;
  }

  /** Trades a counter for the session's current token: rotates, repeats, or ends the session (`decideRefresh`). */
  refresh(sid: string, counter: number, device: Actor, policy: SessionPolicy): grants.RefreshResult {
    const profile = this.#readProfile();
    if (profile === undefined) return { outcome: 'ended' };
    return sessions.refreshSession(this.state, profile, { sid, counter }, device, policy);
  }

  /** Ends a session by its refresh token. Any genuine token of it will do: whoever holds an old one may only end it. */
  signOut(sid: string, device: Actor): boolean {
    return this.#isStored && sessions.endSession(this.state, 'signed_out', sid, device);
  }

  /** The account and the caller's session; `undefined` when that session is over. */
  describe(sid: string): grants.Description | undefined {
    const session = this.#readLiveSession(sid);
    const account = session && this.state.rows.readAccount();
    if (session === undefined || account === undefined) return undefined;
    const isEmailVerified = account.emailVerifiedAtMs !== null;
    return { profile: sessions.toProfile(account), session, isEmailVerified };
  }

  /** The account's live sessions; `undefined` when the caller's own is over. */
  listSessions(sid: string): Session[] | undefined {
    return this.#readLiveSession(sid) && sessions.listLiveSessions(this.state, Date.now());
  }

  /** The last security events, newest first; `undefined` when the caller's session is over. */
  listEvents(sid: string): EventRow[] | undefined {
    return this.#readLiveSession(sid) && this.state.events.list();
  }

  /** All that the account holds of its owner, without secrets. Counted, since it reads all of it. */
  exportData(sid: string) {
    return this.#withSession(sid, () => {
      const nowMs = Date.now();
      const decision = this.state.limits.take('export', nowMs);
      if (!decision.allowed) {
        const retryAfterSeconds = Math.ceil((decision.retryAtMs - nowMs) / 1000);
        return { outcome: 'throttled' as const, retryAfterSeconds };
      }
      return { outcome: 'exported' as const, data: inspect(this.state, nowMs) };
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
    return sessions.endOtherSession(this.state, target, device, { revokesBrowser })
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
    const epoch = sessions.endSessionsExcept(this.state, exceptSid, device, { hasCookie });
    const { browserId } = session;
    const isRenewed = keepCurrent && hasCookie && browserId !== null;
    return { outcome: 'ended', browser: isRenewed ? { browserId, epoch } : undefined };
  }

  /** Two hashes, each in a turn of its own. The proof is good for the hash that it was made against, and made again for another. */
  async changePassword(change: credentials.PasswordChange, caller: Caller) {
    for (;;) {
      const proof = await this.#tryWithSession(change.sid, caller, () =>
        credentials.prepareChange(this.state, change, caller, Date.now()),
      );
      if (proof.outcome !== 'prepared') return proof;
      const turn = await hashQueue.takeTurn('begun', () =>
        this.#withSession(change.sid, (account) =>
          account.passwordHash === proof.provenHash
            ? credentials.changePassword(this.state, account, change, caller, Date.now())
            : undefined,
        ),
      );
      if (turn.outcome === 'too_busy') return turn;
      if (turn.value !== undefined) return turn.value;
    }
  }

  requestPasswordReset(caller: Caller): void {
    if (this.#isOpen()) credentials.requestPasswordReset(this.state, caller, Date.now());
    this.#afterMail();
  }

  async resetPassword(reset: credentials.PasswordReset, caller: Caller) {
    if (!this.#isOpen()) return { outcome: 'invalid_link' as const };
    const fault = credentials.findResetFault(this.state, reset, Date.now());
    if (fault !== undefined) return fault;
    const turn = await hashQueue.takeTurn('other', () => {
      if (!this.#isOpen()) return { outcome: 'invalid_link' as const };
      const result = this.#storeAll(() => credentials.resetPassword(this.state, reset, caller, Date.now()));
      this.#afterMail();
      return result;
    });
    return turn.outcome === 'done' ? turn.value : turn;
  }

  requestVerification(sid: string) {
    return this.#withSession(sid, (account) =>
      credentials.requestVerification(this.state, account, Date.now()),
    );
  }

  /** Completes what the link of a mail is for: a verification, or a change of address, which takes the directory. */
  verifyEmail({ token, accessTtlSeconds }: LinkUse, caller: Caller) {
    if (!this.#isOpen()) return { outcome: 'invalid_link' as const };
    const { outcome } = credentials.verifyEmail(this.state, token, caller, Date.now());
    this.#alarm.scheduleAlarm();
    if (outcome !== 'change_requested') return { outcome };
    return this.#flows
      .run(() => changeEmail(this.#flows, { token, accessTtlSeconds }, caller))
      .finally(() => this.#afterMail());
  }

  requestEmailChange(sid: string, change: { email: string; password: string }, caller: Caller) {
    return this.#tryWithSession(sid, caller, () =>
      credentials.requestEmailChange(this.state, change, caller, Date.now()),
    );
  }

  /** Takes another user name. */
  rename(change: Rename, device: Actor) {
    if (this.#readLiveSession(change.sid) === undefined) return { outcome: 'session_over' as const };
    const refused = credentials.takeRename(this.state, Date.now());
    if (refused !== undefined) return refused;
    return this.#flows.run(() => rename(this.#flows, change, device));
  }

  /**
   * Deletes the account for its owner. From here on nobody can use it; whoever asked may ask again, when the directory did not
   * respond, and otherwise the alarm completes it.
   */
  async deleteByOwner(
    { sid, password, accessTtlSeconds }: { sid: string; password: string; accessTtlSeconds: number },
    caller: Caller,
  ) {
    // Of an account that is being deleted too: whoever got a 503 may ask again.
    const hasSession = () =>
      this.#isStored && sessions.readLiveSession(this.state, sid, Date.now()) !== undefined;
    if (!hasSession()) return { outcome: 'session_over' as const };
    const check = await tryInTurn(this.state, caller, this.#isStored, () => {
      if (!hasSession()) return { outcome: 'session_over' as const };
      const proof = this.#storeAll(() => proveOwner(this.state, password, caller, Date.now()));
      this.#alarm.scheduleAlarm();
      return proof;
    });
    if (check.outcome !== 'matched') return check;
    // Asked once more when the flow begins: a recovery may have come while it waited, and then somebody else asked for this.
    return this.#flows.run(async () =>
      hasSession() ? deleteAccount(this.#flows, accessTtlSeconds) : { outcome: 'session_over' as const },
    );
  }

  /** Deletes the account for an operator, who needs no password. */
  deleteByOperator(accessTtlSeconds: number) {
    const account = this.#isStored ? this.state.rows.readAccount() : undefined;
    if (account === undefined) return { outcome: 'unknown_account' as const };
    return this.#flows.run(() => deleteAccount(this.#flows, accessTtlSeconds));
  }

  /** What an operator may see; `undefined` for an object without account. */
  inspect() {
    if (!this.#isOpen()) return undefined;
    // An account of an earlier version may have something to report since its migration, and no alarm.
    this.#alarm.scheduleAlarm();
    return inspect(this.state, Date.now());
  }

  /** What an operator may do. Returns the state that it led to, for the operators' index. */
  act(action: OperatorAction, operator: Actor): { outcome: 'done'; status: AccountStatus } | UnknownAccount {
    if (!this.#isOpen()) return { outcome: 'unknown_account' };
    const outcome = act(this.state, action, operator, Date.now());
    const status = readStatus(this.state);
    if (outcome !== 'done' || status === undefined) return { outcome: 'unknown_account' };
    this.#afterMail();
    return { outcome, status };
  }

  /**
   * Clears what has run out, sends and reports what is due, settles what is pending with the directory, and removes an object that
   * stood in for a name that nobody has. A failure waits for the next turn, and for nothing else.
   */
  override async alarm(): Promise<void> {
    this.#alarm.forgetAlarm();
    if (!this.#isStored) return;
    try {
      clearExpired(this.state, Date.now());
      if (isOver(this.state)) return await this.#destroy();
      this.#afterMail();
      await this.#flows.settleDue();
      const reporting = this.#report();
      this.#afterMail();
      await reporting;
    } catch {
      // Thrown out of here, the platform would try six times and then forget. No detail: it could quote a row.
      console.error(JSON.stringify({ event: 'account_alarm', code: 'unavailable' }));
      return this.ctx.storage.setAlarm(Date.now() + ALARM_RETRY_MS);
    }
    if (this.#isStored) this.#alarm.scheduleAlarm();
  }

  async #completeRegistration() {
    const outcome = await this.#flows.run(() => completeRegistration(this.#flows));
    this.#afterMail();
    return typeof outcome === 'string' ? outcome : outcome.outcome;
  }

  #report(deadlineMs?: number): Promise<void> {
    return reportWhenDue(this.state, this.env.DIRECTORY, () => this.#isStored, deadlineMs);
  }

  /** Erases the account, but for the intent that still has to release its names. */
  #wipe(): void {
    this.#bidFarewell();
    this.state.cache.forget();
    const { sql } = this.ctx.storage;
    this.ctx.storage.transactionSync(() => {
      const tables = sql
        .exec<{ name: string }>(
          "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*'",
        )
        .toArray();
      for (const { name } of tables) if (!KEPT_TABLES.includes(name)) sql.exec(`DELETE FROM ${name}`);
    });
  }

  /** Erases everything. */
  async #destroy(): Promise<void> {
    this.#bidFarewell();
    this.#isStored = false;
    this.#alarm.forgetAlarm();
    this.state.cache.forget();
    // Both are issued in this turn: a call that comes in while they finish finds an empty object, never half of one.
    await Promise.all([this.ctx.storage.deleteAlarm(), this.ctx.storage.deleteAll()]);
  }

  /** Tells the owner of a deletion. An account that never got its names says nothing. */
  #bidFarewell(): void {
    const account = this.state.intents.isDeleting() ? this.state.rows.readAccount() : undefined;
    if (account === undefined) return;
    const waiting = this.state.mail.listNoticesToOthers(account.email);
    this.ctx.waitUntil(sendFarewell(account, waiting, this.env));
  }

  /** Waits for a turn, and runs a change that needs the password for a caller whose session is live then. */
  async #tryWithSession<T>(
    sid: string,
    caller: Caller,
    change: (account: AccountRow) => T,
  ): Promise<T | grants.SessionOver | Throttled | TooBusy> {
    if (this.#readLiveSession(sid) === undefined) return { outcome: 'session_over' };
    return tryInTurn(this.state, caller, this.#isStored, () => this.#withSession(sid, change));
  }

  /** Runs a change for a caller whose session is live, and sees to the mail that it may have queued. */
  #withSession<T>(sid: string, change: (account: AccountRow) => T): T | grants.SessionOver {
    const account = this.#readLiveSession(sid) && this.state.rows.readAccount();
    if (account === undefined) return { outcome: 'session_over' };
    const result = this.#storeAll(() => change(account));
    this.#afterMail();
    return result;
  }

  /** Stores all that a decision writes, or nothing when it throws. The platform does so by itself only for a call without an await. */
  #storeAll<T>(decide: () => T): T {
    try {
      return this.ctx.storage.transactionSync(decide);
    } catch (error) {
      this.state.cache.forget();
      throw error;
    }
  }

  #afterMail(): void {
    if (!this.#isStored) return;
    this.#alarm.deliver(() => this.#isStored);
    this.#alarm.scheduleAlarm();
  }

  /** Whether anybody may use what is stored: not once it is being deleted. */
  #isOpen(): boolean {
    return this.#isStored && !this.state.intents.isDeleting();
  }

  #readLiveSession(sid: string): Session | undefined {
    return this.#isOpen() ? sessions.readLiveSession(this.state, sid, Date.now()) : undefined;
  }

  /** Kept in memory: every refresh needs it. */
  #readProfile(): grants.Profile | undefined {
    const { cache } = this.state;
    cache.profile ??= this.#isOpen() ? sessions.readProfile(this.state) : undefined;
    return cache.profile;
  }

  #ensureStored(): void {
    if (!this.#isStored) migrate(this.ctx.storage);
    this.#isStored = true;
  }
}
