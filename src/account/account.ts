// The account object: one per account, and the only place where its password hash, sessions and throttle exist.
//
// Calls to one object interleave only at an await. A method that hashes waits for its turn in the hash queue; all that it
// then reads, decides and writes is in one turn of the event loop with its last hash, and so is every other decision, but for the flows that ask the directory
// (flows/). What was
// read before a wait only refuses early. So a burst of parallel guesses is counted one by one, of two uses of one link one
// wins, and of 16 refreshes with one cookie exactly one rotates.
// Storage writes of one turn are committed together, and no response leaves before they are (the output gate).
import { DurableObject } from 'cloudflare:workers';
import type { AccountStatus } from '../directory/account-list.ts';
import { fail, type Refusal, type Result, succeed } from '../domain/result.ts';
import type { Session, SessionPolicy } from '../domain/session.ts';
import { hashQueue } from '../passwords/hash-queue.ts';
import { ALARM_RETRY_MS, AlarmScheduler, clearExpired, isOver } from './alarm.ts';
import type * as contract from './contract.ts';
import * as passwords from './credentials/password.ts';
import { hashChosenPassword, strengthenHash, tryInTurn } from './credentials/password-attempt.ts';
import { reauthenticate } from './credentials/reauthenticate.ts';
import * as addresses from './email.ts';
import { changeEmail } from './flows/change-email.ts';
import { deleteAccount } from './flows/delete.ts';
import { FlowRunner } from './flows/flow-runner.ts';
import { completeRegistration } from './flows/register.ts';
import { rename } from './flows/rename.ts';
import { act, inspect } from './operator.ts';
import { readStatus, reportWhenDue } from './operator-index.ts';
import { sendFarewell } from './outbox.ts';
import * as sessions from './sessions.ts';
import * as signIns from './sign-in.ts';
import { type AccountState, openState } from './state.ts';
import type { AccountRow } from './storage/account-store.ts';
import { migrate, readSchemaVersion } from './storage/schema.ts';
import { takeLimit } from './throttled.ts';

/** A flow waits no longer for the directory, to be told to operators by the alarm. */
const FLOW_REPORT_DEADLINE_MS = 3_000;
/** What stays of an account that is erased while a write to the directory may still take effect. */
const KEPT_TABLES = ['schema_version', 'intent'];

export class Account extends DurableObject<Env> {
  /** Not for callers: RPC reaches methods alone. For tests, which read what an object holds. */
  readonly state: AccountState;
  readonly #alarm: AlarmScheduler;
  readonly #flows: FlowRunner;
  /** Whether tables exist. An object that was only asked about stays empty, so that nothing of it is kept. */
  #isStored: boolean;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.state = openState(ctx.storage.sql);
    this.#alarm = new AlarmScheduler(ctx, this.state, env);
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
      storeAll: (decide) => this.#storeAll(decide),
    });
    this.#isStored = readSchemaVersion(ctx.storage.sql) > 0;
    if (!this.#isStored) return;
    migrate(ctx.storage);
    ctx.waitUntil(this.#restoreAlarm());
  }

  /**
   * Sets the alarm of an object that has none. The platform drops an alarm whose handler failed several times in a row, for instance
   * while the code was rolled back to a version that does not know the schema.
   */
  async #restoreAlarm(): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null && this.#isStored) this.#alarm.scheduleAlarm();
  }

  /**
   * Creates the account, gets its names, and signs it in when a policy is given. An account that does not get its names is erased. When
   * the directory does not respond, the alarm decides, or a sign-in does.
   */
  async register(
    registration: contract.Registration,
  ): Promise<
    Result<contract.Registered, 'username_taken' | 'email_taken' | 'directory_unavailable' | 'too_busy'>
  > {
    const turn = await hashQueue.takeTurn('other', () => {
      const { password } = registration;
      const passwordHash = password === undefined ? undefined : hashChosenPassword(password);
      this.#ensureStored();
      const registered = this.#storeAll(() =>
        signIns.storeRegistration(this.state, registration, passwordHash, Date.now()),
      );
      this.#alarm.scheduleAlarm();
      return registered;
    });
    if (!turn.ok) return turn;
    const completed = await this.#completeRegistration();
    return completed.ok ? turn : completed;
  }

  /** Whether there is an account, or one that is being erased. Asked by another account that wants one of its names. */
  exists(): boolean {
    if (!this.#isStored) return false;
    return this.state.accounts.readAccount() !== undefined || this.state.intents.read() !== undefined;
  }

  /** Checks a password and opens a session. For an object without account, the same work ends in `unknown_account`. */
  async signIn(
    password: string,
    client: contract.Actor,
    policy: SessionPolicy,
    { browser, requiresVerifiedEmail = false }: contract.SignInConditions = {},
  ): Promise<Result<contract.SignedIn, contract.SignInRefusal>> {
    const caller = { actor: client, browser };
    const result = await tryInTurn(this.state, caller, this.#isStored, () => {
      this.#ensureStored();
      const tried = this.#storeAll(() =>
        signIns.signIn(this.state, password, caller, { policy, requiresVerifiedEmail }),
      );
      this.#alarm.scheduleAlarm();
      return tried;
    });
    if (!result.ok) return result;
    if (!this.#isStored || this.state.intents.isDeleting()) return fail('unknown_account');
    if (this.state.intents.isRegistering()) {
      // Its owner was never told that it exists: the response to the registration was lost.
      const completed = await this.#completeRegistration();
      if (!completed.ok)
        return completed.reason === 'directory_unavailable' ? completed : fail('unknown_account');
    }
    if (result.value.status === 'factor_required') return result;
    await strengthenHash(this.state, password, () => this.#isStored);
    return result;
  }

  /** Exchanges a counter for the session's current token: rotates, repeats, or ends the session (`decideRefresh`). */
  refresh(sid: string, counter: number, client: contract.Actor, policy: SessionPolicy) {
    const profile = this.#readProfile();
    if (profile === undefined) return fail('session_over');
    return sessions.refreshSession(this.state, profile, { sid, counter }, client, policy, (decide) =>
      this.#storeAll(decide),
    );
  }

  /** Ends a session by its refresh token. Any genuine token of it will do: whoever holds an old one may only end it. */
  signOut(sid: string, client: contract.Actor): Result<undefined, 'unknown_session'> {
    if (!this.#isStored) return fail('unknown_session');
    return this.#storeAll(() => sessions.endSession(this.state, 'signed_out', sid, client));
  }

  /** The account and the caller's session. */
  describe(sid: string): Result<contract.Description, 'session_over'> {
    const session = this.#readLiveSession(sid);
    const account = session && this.state.accounts.readAccount();
    if (session === undefined || account === undefined) return fail('session_over');
    const isEmailVerified = account.emailVerifiedAtMs !== null;
    return succeed({ profile: sessions.toProfile(account), session, isEmailVerified });
  }

  /** The account's live sessions, most recently used first. */
  listSessions(sid: string): Result<Session[], 'session_over'> {
    if (this.#readLiveSession(sid) === undefined) return fail('session_over');
    return succeed(sessions.listLiveSessions(this.state, Date.now()));
  }

  /** The last security events, newest first. */
  listEvents(sid: string): Result<contract.EventRow[], 'session_over'> {
    if (this.#readLiveSession(sid) === undefined) return fail('session_over');
    return succeed(this.state.events.list());
  }

  /** All that the account holds of its owner, without secrets. Counted, since it reads all of it. */
  exportData(
    sid: string,
  ): Result<contract.Inspection, 'session_over' | 'unknown_account' | 'account_throttled'> {
    return this.#withSession(sid, () => {
      const nowMs = Date.now();
      return takeLimit(this.state, 'export', nowMs) ?? inspect(this.state, nowMs);
    });
  }

  /**
   * Ends one session of the account, the caller's own included. `hasCookie`: the request carried the caller's refresh
   * token as well. Only then is the browser of another session no longer known: an access token alone may be stolen.
   */
  endSession(
    sid: string,
    target: string,
    client: contract.Actor,
    hasCookie = false,
  ): Result<undefined, 'unknown_session' | 'session_over'> {
    if (this.#readLiveSession(sid) === undefined) return fail('session_over');
    const revokesBrowser = hasCookie && target !== sid;
    return this.#storeAll(() => sessions.endOtherSession(this.state, target, client, { revokesBrowser }));
  }

  /** Ends every session, or every other one, and revokes what is pending; with `hasCookie` every device cookie too. */
  endSessions(
    sid: string,
    keepCurrent: boolean,
    client: contract.Actor,
    hasCookie = false,
  ): Result<contract.BrowserRenewal, 'session_over'> {
    const session = this.#readLiveSession(sid);
    if (session === undefined) return fail('session_over');
    const exceptSid = keepCurrent ? sid : undefined;
    const epoch = this.#storeAll(() =>
      sessions.endSessionsExcept(this.state, exceptSid, client, { hasCookie }),
    );
    const { browserId } = session;
    const isRenewed = keepCurrent && hasCookie && browserId !== null;
    return succeed({ browser: isRenewed ? { browserId, epoch } : undefined });
  }

  /** Two hashes, each in a turn of its own. The proof is good for the hash that it was made against, and made again for another. */
  async changePassword(
    change: contract.PasswordChange,
    caller: contract.Caller,
  ): Promise<
    Result<contract.BrowserRenewal, 'weak_password' | 'session_over' | 'too_busy' | contract.PasswordRefusal>
  > {
    for (;;) {
      const proof = await this.#tryWithSession(change.sid, caller, () =>
        passwords.prepareChange(this.state, change, caller, Date.now()),
      );
      if (!proof.ok) return proof;
      const turn = await hashQueue.takeTurn('begun', () =>
        this.#withSession(change.sid, (account) =>
          this.state.credentials.readPasswordHash() === proof.value.provenHash
            ? passwords.changePassword(this.state, account, change, caller, Date.now())
            : fail('hash_replaced'),
        ),
      );
      if (!turn.ok) return turn;
      const changed = turn.value;
      if (changed.ok || changed.reason !== 'hash_replaced') return changed;
    }
  }

  /** Queues a reset mail. Whoever asks learns nothing of the account, and so nothing of the outcome. */
  requestPasswordReset(caller: contract.Caller): void {
    if (this.#isOpen()) this.#storeAll(() => passwords.requestPasswordReset(this.state, caller, Date.now()));
    this.#afterMail();
  }

  async resetPassword(
    reset: contract.PasswordReset,
    caller: contract.Caller,
  ): Promise<Result<undefined, 'invalid_link' | 'weak_password' | 'too_busy'>> {
    if (!this.#isOpen()) return fail('invalid_link');
    const fault = passwords.findResetFault(this.state, reset, Date.now());
    if (fault !== undefined) return fault;
    const turn = await hashQueue.takeTurn('other', () => {
      if (!this.#isOpen()) return fail('invalid_link');
      const result = this.#storeAll(() => passwords.resetPassword(this.state, reset, caller, Date.now()));
      this.#afterMail();
      return result;
    });
    return turn.ok ? turn.value : turn;
  }

  requestVerification(
    sid: string,
  ): Result<undefined, 'session_over' | 'mail_throttled' | 'email_already_verified'> {
    return this.#withSession(sid, (account) =>
      addresses.requestVerification(this.state, account, Date.now()),
    );
  }

  /** Completes what the link of a mail is for: a verification, or a change of address, which takes the directory. */
  async verifyEmail(
    { token, accessTtlSeconds }: contract.LinkUse,
    caller: contract.Caller,
  ): Promise<Result<undefined, 'invalid_link' | 'email_taken' | 'directory_unavailable'>> {
    if (!this.#isOpen()) return fail('invalid_link');
    const verified = this.#storeAll(() => addresses.verifyEmail(this.state, token, caller, Date.now()));
    this.#alarm.scheduleAlarm();
    if (!verified.ok) return verified;
    if (verified.value === 'verified') return succeed(undefined);
    return this.#flows
      .run(() => changeEmail(this.#flows, { token, accessTtlSeconds }, caller))
      .finally(() => this.#afterMail());
  }

  requestEmailChange(
    sid: string,
    change: contract.EmailChange,
    caller: contract.Caller,
  ): Promise<Result<undefined, 'session_over' | 'mail_throttled' | 'too_busy' | contract.PasswordRefusal>> {
    return this.#tryWithSession(sid, caller, () =>
      addresses.requestEmailChange(this.state, change, caller, Date.now()),
    );
  }

  /** Takes another user name. */
  async rename(
    change: contract.Rename,
    client: contract.Actor,
  ): Promise<
    Result<
      contract.Profile,
      'session_over' | 'account_throttled' | 'username_taken' | 'directory_unavailable'
    >
  > {
    if (this.#readLiveSession(change.sid) === undefined) return fail('session_over');
    const refused = takeLimit(this.state, 'rename', Date.now());
    if (refused !== undefined) return refused;
    return this.#flows.run(() => rename(this.#flows, change, client));
  }

  /**
   * Deletes the account for its owner. From here on nobody can use it; whoever asked may ask again, when the directory did not
   * respond, and otherwise the alarm completes it.
   */
  async deleteByOwner(
    { sid, password, accessTtlSeconds }: contract.Deletion,
    caller: contract.Caller,
  ): Promise<
    Result<undefined, 'session_over' | 'too_busy' | 'directory_unavailable' | contract.PasswordRefusal>
  > {
    // Of an account that is being deleted too: whoever got a 503 may ask again.
    const hasSession = () =>
      this.#isStored && sessions.readLiveSession(this.state, sid, Date.now()) !== undefined;
    if (!hasSession()) return fail('session_over');
    const check = await tryInTurn(this.state, caller, this.#isStored, () => {
      if (!hasSession()) return fail('session_over');
      const proof = this.#storeAll(() => reauthenticate(this.state, { password }, caller, Date.now()));
      this.#alarm.scheduleAlarm();
      return proof;
    });
    if (!check.ok) return check;
    // Asked once more when the flow begins: a recovery may have come while it waited, and then somebody else asked for this.
    return this.#flows.run(async () =>
      hasSession() ? deleteAccount(this.#flows, accessTtlSeconds) : fail('session_over'),
    );
  }

  /** Deletes the account for an operator, who needs no password. */
  async deleteByOperator(
    accessTtlSeconds: number,
  ): Promise<Result<undefined, 'unknown_account' | 'directory_unavailable'>> {
    const account = this.#isStored ? this.state.accounts.readAccount() : undefined;
    if (account === undefined) return fail('unknown_account');
    return this.#flows.run(() => deleteAccount(this.#flows, accessTtlSeconds));
  }

  /** What an operator may see. */
  inspect(): Result<contract.Inspection, 'unknown_account'> {
    if (!this.#isOpen()) return fail('unknown_account');
    // An account of an earlier version may have something to report since its migration, and no alarm.
    this.#alarm.scheduleAlarm();
    return inspect(this.state, Date.now());
  }

  /** What an operator may do. Returns the state that it led to, for the operators' index. */
  act(action: contract.OperatorAction, operator: contract.Actor): Result<AccountStatus, 'unknown_account'> {
    if (!this.#isOpen()) return fail('unknown_account');
    const acted = this.#storeAll(() => act(this.state, action, operator, Date.now()));
    const status = readStatus(this.state);
    if (!acted.ok || status === undefined) return fail('unknown_account');
    this.#afterMail();
    return succeed(status);
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
    const completed = await this.#flows.run(() => completeRegistration(this.#flows));
    this.#afterMail();
    return completed;
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
          "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*'",
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
    const account = this.state.intents.isDeleting() ? this.state.accounts.readAccount() : undefined;
    if (account === undefined) return;
    const waiting = this.state.mail.listNoticesToOthers(account.email);
    this.ctx.waitUntil(sendFarewell(account, waiting, this.env));
  }

  /** Waits for a turn, and runs a change that needs the password for a caller whose session is live then. */
  async #tryWithSession<T, Reason extends string>(
    sid: string,
    caller: contract.Caller,
    change: (account: AccountRow) => Result<T, Reason>,
  ): Promise<Result<T, Reason> | Refusal<'session_over' | 'account_throttled' | 'too_busy'>> {
    if (this.#readLiveSession(sid) === undefined) return fail('session_over');
    return tryInTurn(this.state, caller, this.#isStored, () => this.#withSession(sid, change));
  }

  /** Runs a change for a caller whose session is live, and sees to the mail that it may have queued. */
  #withSession<T, Reason extends string>(
    sid: string,
    change: (account: AccountRow) => Result<T, Reason>,
  ): Result<T, Reason> | Refusal<'session_over'> {
    const account = this.#readLiveSession(sid) && this.state.accounts.readAccount();
    if (account === undefined) return fail('session_over');
    const result = this.#storeAll(() => change(account));
    this.#afterMail();
    return result;
  }

  /**
   * Stores all that a decision writes, or nothing when it throws. The platform commits the writes of one turn together, also when the
   * object is reset, but an exception does not undo those before it.
   */
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
  #readProfile(): contract.Profile | undefined {
    const { cache } = this.state;
    cache.profile ??= this.#isOpen() ? sessions.readProfile(this.state) : undefined;
    return cache.profile;
  }

  #ensureStored(): void {
    if (!this.#isStored) migrate(this.ctx.storage);
    this.#isStored = true;
  }
}
