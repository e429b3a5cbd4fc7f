// What a refresh reads, kept in the object's memory: rows of sessions, and the account's profile, as they stand in storage. The object is
// the only one that writes them; each statement that does (account-store.ts, session-store.ts, intent-store.ts) sees to it here.
import type { Session } from '../../domain/session.ts';
import type { Profile } from '../contract.ts';

export class RefreshCache {
  readonly sessions = new Map<string, Session>();
  /** Left out until it was asked for, and again once a name changes or a deletion begins. */
  profile: Profile | undefined;

  /** For when all of storage goes, or what was written is taken back. */
  forget(): void {
    this.sessions.clear();
    this.profile = undefined;
  }
}
