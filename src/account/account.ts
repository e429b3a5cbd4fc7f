// The account object: one per account, and the only place where its password hash, sessions and throttle exist.
//
// Every method is synchronous from the first read to the last write. Calls to one object interleave only at an await,
// so a burst of parallel guesses runs one after the other, and of 16 refreshes with one cookie exactly one rotates.
// Storage writes of one turn are committed together, and no answer leaves before they are (the output gate).
import { DurableObject } from 'cloudflare:workers';
import { hasClaim } from '../directory/directory.ts';
import { countFailure, decideAttempt, forgottenAtMs } from '../domain/attempt.ts';
import { normalizePassword } from '../domain/password-rules.ts';
import {
  type Device,
  decideRefresh,
  isExpired,
  openSession,
  type Session,
  type SessionPolicy,
} from '../domain/session.ts';
import { DECOY_HASH, hashPassword, isOutdatedHash, verifyPassword } from '../passwords/scrypt.ts';
import { migrate, readSchemaVersion } from './schema.ts';
import { type AccountRow, AccountStore } from './store.ts';

/** The next sign-in ends the session longest unused. Bounds what one account can store. */
export const MAX_SESSIONS = 100;
/** How long a registration may take between its two steps before the account looks for its claim. */
export const CLAIM_CHECK_DELAY_MS = 15 * 60 * 1000;
/** How long the alarm waits after a failure of its own. */
export const ALARM_RETRY_MS = 60 * 1000;

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
  nowMs: number;
}

export type SignInResult =
  | ({ outcome: 'signed_in' } & Grant)
  | { outcome: 'wrong_password' | 'unknown_account' }
  | { outcome: 'throttled'; retryAfterSeconds: number };

export type RefreshResult =
  | ({ outcome: 'rotated' | 'replayed' } & Grant)
  | { outcome: 'reused' | 'expired' | 'ended' };

export interface Registration {
  id: string;
  username: string;
  email: string;
  password: string;
  device: Device;
  policy: SessionPolicy;
}

export class Account extends DurableObject<Env> {
  readonly #store: AccountStore;
  /** Whether tables exist. An object that was only asked about stays empty, so that nothing of it is kept. */
  #isStored: boolean;
  #profile: Profile | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new AccountStore(ctx.storage.sql);
    this.#isStored = readSchemaVersion(ctx.storage.sql) > 0;
    if (this.#isStored) migrate(ctx.storage);
  }

  /** Creates the account and signs it in. The caller claims the names next, and calls `destroy` when it loses. */
  register({ id, username, email, password, device, policy }: Registration): Grant {
    const nowMs = Date.now();
    const passwordHash = hashPassword(toHashed(password));
    this.#ensureStored();
    this.#store.insertAccount({ id, username, email, passwordHash, createdAtMs: nowMs, isClaimed: false });
    this.#store.recordEvent('registered', nowMs, undefined, device);
    return this.#openSession(device, policy, nowMs);
  }

  /** Checks a password and opens a session. For an object without account, the same work ends in `unknown_account`. */
  signIn(password: string, device: Device, policy: SessionPolicy): SignInResult {
    this.#ensureStored();
    const nowMs = Date.now();
    const throttle = this.#store.readThrottle();
    const decision = decideAttempt(throttle, nowMs);
    if (!decision.allowed) return { outcome: 'throttled', retryAfterSeconds: decision.retryAfterSeconds };
    const account = this.#store.readAccount();
    const isMatch = verifyPassword(toHashed(password), account?.passwordHash ?? DECOY_HASH);
    if (account === undefined || !isMatch) {
      this.#store.writeThrottle(countFailure(throttle, nowMs));
      this.#store.recordEvent('sign_in_failed', nowMs, undefined, device);
      this.#scheduleAlarm();
      return { outcome: account === undefined ? 'unknown_account' : 'wrong_password' };
    }
    this.#store.clearThrottle();
    if (isOutdatedHash(account.passwordHash)) this.#store.writePasswordHash(hashPassword(toHashed(password)));
    return { outcome: 'signed_in', ...this.#openSession(device, policy, nowMs) };
  }

  /** Trades a counter for the session's current token: rotates, repeats, or ends the session (`decideRefresh`). */
  refresh(sid: string, counter: number, device: Device, policy: SessionPolicy): RefreshResult {
    const nowMs = Date.now();
    const profile = this.#readProfile();
    const session = profile && this.#store.readSession(sid);
    const decision = decideRefresh(session, counter, nowMs, policy);
    // Narrows the types: without a session the decision is `ended`.
    if (session === undefined || profile === undefined) return { outcome: 'ended' };
    switch (decision.outcome) {
      case 'rotated':
        this.#store.writeRotation(sid, decision.next);
        return {
          outcome: 'rotated',
          session: { ...session, ...decision.next, lastUsedAtMs: nowMs },
          profile,
          nowMs,
        };
      case 'replayed':
        return { outcome: 'replayed', session, profile, nowMs };
      case 'reused':
        this.#store.deleteSession(sid);
        this.#store.recordEvent('token_reused', nowMs, sid, device);
        return { outcome: 'reused' };
      default:
        return { outcome: decision.outcome };
    }
  }

  /** Ends a session by its refresh token. Any genuine token of it will do: whoever holds an old one may only end it. */
  signOut(sid: string, device: Device): boolean {
    if (!this.#isStored || !this.#store.deleteSession(sid)) return false;
    this.#store.recordEvent('signed_out', Date.now(), sid, device);
    return true;
  }

  /** The account and the caller's session; `undefined` when that session is over. */
  describe(sid: string): { profile: Profile; session: Session } | undefined {
    const session = this.#readLiveSession(sid);
    const profile = this.#readProfile();
    return session && profile && { profile, session };
  }

  /** The account's live sessions; `undefined` when the caller's own is over. */
  listSessions(sid: string): Session[] | undefined {
    if (this.#readLiveSession(sid) === undefined) return undefined;
    const nowMs = Date.now();
    return this.#store.listSessions().filter((session) => !isExpired(session, nowMs));
  }

  /** Ends one session of the account, the caller's own included. */
  endSession(sid: string, target: string, device: Device): 'ended' | 'unknown_session' | 'session_over' {
    if (this.#readLiveSession(sid) === undefined) return 'session_over';
    if (!this.#store.deleteSession(target)) return 'unknown_session';
    this.#store.recordEvent('session_ended', Date.now(), target, device);
    return 'ended';
  }

  /** Ends every session, or every other one. */
  endSessions(sid: string, keepCurrent: boolean, device: Device): 'ended' | 'session_over' {
    if (this.#readLiveSession(sid) === undefined) return 'session_over';
    this.#store.deleteSessionsExcept(keepCurrent ? sid : undefined);
    this.#store.recordEvent('session_ended', Date.now(), undefined, device);
    return 'ended';
  }

  /** Removes everything: for a registration that lost the claim on its names. */
  async destroy(): Promise<void> {
    this.#isStored = false;
    this.#profile = undefined;
    // Both are issued in this turn: a call that comes in while they finish finds an empty object, never half of one.
    await Promise.all([this.ctx.storage.deleteAlarm(), this.ctx.storage.deleteAll()]);
  }

  /** Clears what has run out, and removes an account that nobody claimed. A failure waits for the next turn. */
  override async alarm(): Promise<void> {
    if (!this.#isStored) return;
    try {
      await this.#settleClaim();
      if (this.#isStored) await this.#clearExpired();
    } catch {
      // Thrown out of here, the platform would try six times and then forget. No detail: it could quote a row.
      console.error(
        JSON.stringify({ event: 'account_alarm', code: 'unavailable', reason: 'directory_unavailable' }),
      );
      await this.ctx.storage.setAlarm(Date.now() + ALARM_RETRY_MS);
    }
  }

  /** A registration that died between its two steps leaves an account that nobody can reach: it removes itself. */
  async #settleClaim(): Promise<void> {
    const account = this.#store.readAccount();
    if (account === undefined || account.isClaimed) return;
    if (Date.now() < account.createdAtMs + CLAIM_CHECK_DELAY_MS) return;
    if (await hasClaim(this.env.DIRECTORY, account.id)) this.#store.writeClaimed();
    else await this.destroy();
  }

  async #clearExpired(): Promise<void> {
    const nowMs = Date.now();
    this.#store.deleteExpiredSessions(nowMs);
    const throttle = this.#store.readThrottle();
    if (throttle !== undefined && forgottenAtMs(throttle) <= nowMs) this.#store.clearThrottle();
    const isDecoy = this.#store.readAccount() === undefined;
    if (isDecoy && this.#store.readThrottle() === undefined) await this.destroy();
    else this.#scheduleAlarm();
  }

  #openSession(device: Device, policy: SessionPolicy, nowMs: number): Grant {
    const session = openSession(randomId(), device, nowMs, policy);
    this.#store.deleteExpiredSessions(nowMs);
    this.#store.deleteLongestUnused(MAX_SESSIONS);
    this.#store.insertSession(session);
    this.#store.recordEvent('signed_in', nowMs, session.sid, device);
    this.#scheduleAlarm();
    const profile = this.#readProfile();
    if (profile === undefined) throw new Error('a session was opened without an account');
    return { session, profile, nowMs };
  }

  /**
   * One alarm, at the earliest end of anything. Rotation moves a session's end but not the alarm: it then fires early,
   * finds nothing, and sets itself anew, which costs less than a second write at every refresh.
   */
  #scheduleAlarm(): void {
    const account = this.#store.readAccount();
    const throttle = this.#store.readThrottle();
    const ends = [
      this.#store.readNextExpiryMs(),
      throttle && forgottenAtMs(throttle),
      account?.isClaimed === false ? account.createdAtMs + CLAIM_CHECK_DELAY_MS : undefined,
    ].filter((end) => end !== undefined);
    // Not awaited: the output gate holds the answer until it is stored.
    if (ends.length > 0) void this.ctx.storage.setAlarm(Math.min(...ends));
  }

  #readLiveSession(sid: string): Session | undefined {
    const session = this.#isStored ? this.#store.readSession(sid) : undefined;
    return session !== undefined && !isExpired(session, Date.now()) ? session : undefined;
  }

  /** Kept in memory: every refresh needs it. */
  #readProfile(): Profile | undefined {
    if (this.#profile === undefined && this.#isStored) {
      const account = this.#store.readAccount();
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

/** What is typed with a lone surrogate fits no stored password; it costs the same hash all the same. */
function toHashed(password: string): string {
  return normalizePassword(password) ?? password.toWellFormed();
}

/** 128 random bits, 22 characters of base64url. */
export function randomId(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toBase64({ alphabet: 'base64url', omitPadding: true });
}
