// What the parts of an account work on: its rows, by subject. Internal to the account object.

import { AccountStore } from './storage/account-store.ts';
import { CredentialStore } from './storage/credential-store.ts';
import { EventStore } from './storage/event-store.ts';
import { IntentStore } from './storage/intent-store.ts';
import { LimitStore } from './storage/limit-store.ts';
import { MailStore } from './storage/mail-store.ts';
import { RefreshCache } from './storage/refresh-cache.ts';
import { ReportStore } from './storage/report-store.ts';
import { SessionStore } from './storage/session-store.ts';
import { ThrottleStore } from './storage/throttle-store.ts';

export interface AccountState {
  /** The account's own row. */
  accounts: AccountStore;
  sessions: SessionStore;
  credentials: CredentialStore;
  throttles: ThrottleStore;
  limits: LimitStore;
  events: EventStore;
  mail: MailStore;
  reports: ReportStore;
  intents: IntentStore;
  cache: RefreshCache;
  /** Tries at the password that wait for their hash, by bucket of the throttle. In memory: nothing of them is stored yet. */
  waitingTries: Map<string, number>;
}

/** The rows of an account's storage, once for each object. Touches nothing yet. */
export function openState(sql: SqlStorage): AccountState {
  const cache = new RefreshCache();
  return {
    cache,
    accounts: new AccountStore(sql, cache),
    sessions: new SessionStore(sql, cache),
    credentials: new CredentialStore(sql),
    throttles: new ThrottleStore(sql),
    limits: new LimitStore(sql),
    events: new EventStore(sql),
    mail: new MailStore(sql),
    reports: new ReportStore(sql),
    intents: new IntentStore(sql, cache),
    waitingTries: new Map(),
  };
}
