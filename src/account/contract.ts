// What the account takes and gives: the types of its methods (account.ts). Plain data, which RPC copies.

import type { EventKind } from '../api/wire.ts';
import type { Authentication, CredentialKind, SecondFactor } from '../domain/authentication.ts';
import type { ClientInfo, Session, SessionPolicy } from '../domain/session.ts';

/** Who did it: a client, and for what was done from outside, the operator's label. */
export interface Actor extends ClientInfo {
  operator?: string;
}

/** A browser that signed in to this account before, by its device cookie (docs/explanation/threat-model.md, "Known browsers"). */
export interface KnownBrowser {
  browserId: string;
  epoch: number;
  /** When it first got a cookie of this epoch. */
  sinceMs?: number;
}

/** Who asks, and from which browser, for whatever needs the password. */
export interface Caller {
  actor: Actor;
  browser?: KnownBrowser | undefined;
}

/** What the outside may know of an account. */
export interface Profile {
  id: string;
  username: string;
  email: string;
  createdAtMs: number;
}

/** What a pair of tokens is minted from, as of `nowMs`. The rest of a session stays where it is. */
export interface Mintable {
  session: Pick<Session, 'sid' | 'counter' | 'iat' | 'exp' | keyof Authentication>;
  profile: Profile;
  nowMs: number;
}

/** A session that was opened, with its owner, and what the browser's device cookie is to say. */
export interface Grant extends Mintable {
  session: Session;
  browser: KnownBrowser;
}

/**
 * What a right password led to: a session, or the demand for one of the account's other credentials. Nothing is granted before it
 * is met.
 */
export type SignedIn =
  | ({ status: 'signed_in' } & Grant)
  | { status: 'factor_required'; methods: SecondFactor[] };

/** What a sign-in is judged by, beside the password. */
export interface SignInConditions {
  browser?: KnownBrowser | undefined;
  requiresVerifiedEmail?: boolean;
}

/** Why a try at the password did not pass, for callers that are signed in and others. */
export type PasswordRefusal = 'wrong_password' | 'unknown_account' | 'account_throttled';

export type SignInRefusal =
  | PasswordRefusal
  | 'account_disabled'
  | 'password_reset_required'
  | 'email_not_verified'
  | 'directory_unavailable'
  | 'too_busy';

/** `rotation`: whether the token was exchanged, or its successor repeated (`decideRefresh`). */
export interface Refreshed extends Mintable {
  rotation: 'rotated' | 'repeated';
}

/** The account as one of its sessions may see it. */
export interface Description {
  profile: Profile;
  session: Session;
  isEmailVerified: boolean;
}

export interface Registration {
  id: string;
  username: string;
  email: string;
  /** Left out by an operator who leaves the choice to the owner: no password opens the account before a reset. */
  password?: string;
  client: Actor;
  /** Left out when registering does not sign in. */
  policy?: SessionPolicy;
}

export type Registered = Grant | NotSignedIn;
/** Registered, and nobody signed in. */
export interface NotSignedIn {
  session: undefined;
  profile: Profile;
  nowMs: number;
}

/** What the caller's device cookie is to say; left out where nothing of it changed. */
export interface BrowserRenewal {
  browser: KnownBrowser | undefined;
}

export interface PasswordChange {
  sid: string;
  currentPassword: string;
  newPassword: string;
  minLength: number;
}

export interface PasswordReset {
  token: string;
  newPassword: string;
  minLength: number;
}

export interface EmailChange {
  email: string;
  password: string;
}

/** A mailed link that was used. */
export interface LinkUse {
  token: string;
  accessTtlSeconds: number;
}

export interface Rename {
  sid: string;
  /** As it is shown (`parseUsername`). */
  username: string;
  accessTtlSeconds: number;
}

export interface Deletion {
  sid: string;
  password: string;
  accessTtlSeconds: number;
}

/** One event, or a series of the same: `count` times from `atMs` to `lastAtMs`. */
export interface EventRow extends ClientInfo {
  atMs: number;
  lastAtMs: number;
  count: number;
  kind: EventKind;
  sid: string | null;
  operator: string | null;
}

/** What an operator sees, and the owner exports: no secret, no hash. */
export interface Inspection {
  profile: Profile;
  isEmailVerified: boolean;
  /** The new address of a change that is pending. */
  requestedEmail: string | null;
  isDisabled: boolean;
  mustResetPassword: boolean;
  sessions: Session[];
  /** What it can be signed in to with, the oldest first. */
  credentials: { kind: CredentialKind; createdAtMs: number; lastUsedAtMs: number | null }[];
  events: EventRow[];
}

export type OperatorAction = 'disable' | 'enable' | 'end_sessions' | 'force_password_reset';
