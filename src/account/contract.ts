// What an account takes and gives when somebody registers, signs in or refreshes. Types only: plain data, which RPC copies.
import type { Session, SessionPolicy } from '../domain/session.ts';
import type { Refused } from './password-check.ts';
import type { KnownBrowser } from './state.ts';
import type { Actor } from './storage/event-store.ts';

/** What the outside may know of an account. */
export interface Profile {
  id: string;
  username: string;
  email: string;
  createdAtMs: number;
}

/** What a pair of tokens is minted from, as of `nowMs`. The rest of a session stays where it is. */
export interface Mintable {
  session: Pick<Session, 'sid' | 'counter' | 'iat' | 'exp' | 'createdAtMs'>;
  profile: Profile;
  nowMs: number;
}

/** A session that was opened, with its owner, and what the browser's device cookie is to say. */
export interface Grant extends Mintable {
  session: Session;
  browser: KnownBrowser;
}

export type SignInResult =
  | ({ outcome: 'signed_in' } & Grant)
  | { outcome: 'account_disabled' | 'password_reset_required' | 'email_not_verified' }
  | { outcome: 'directory_unavailable' }
  | Refused;

export type RefreshResult =
  | ({ outcome: 'rotated' | 'replayed' } & Mintable)
  | { outcome: 'reused' | 'expired' | 'ended' };

/** What a sign-in is judged by, beside the password. */
export interface SignInConditions {
  browser?: KnownBrowser | undefined;
  requiresVerifiedEmail?: boolean;
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
  device: Actor;
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

export type RegisterResult =
  | ({ outcome: 'registered' } & Registered)
  | { outcome: 'username_taken' | 'email_taken' | 'directory_unavailable' };

export type SessionOver = { outcome: 'session_over' };
/** `browser`: what the caller's device cookie is to say; left out where nothing of it changed. */
export type SessionsEnded = { outcome: 'ended'; browser: KnownBrowser | undefined };
