// What the parts of an account work on: its rows, by subject, and who is acting. Internal to the account object.
import { type Actor, EventStore } from './event-store.ts';
import { IntentStore } from './intent-store.ts';
import { LimitStore } from './limit-store.ts';
import { MailStore } from './mail-store.ts';
import { ReportStore } from './report-store.ts';
import { AccountStore } from './store.ts';
import { ThrottleStore } from './throttle-store.ts';

export interface AccountState {
  rows: AccountStore;
  throttles: ThrottleStore;
  limits: LimitStore;
  events: EventStore;
  mail: MailStore;
  reports: ReportStore;
  intents: IntentStore;
  /** Tries at the password that wait for their hash, by bucket of the throttle. In memory: nothing of them is stored yet. */
  waitingTries: Map<string, number>;
}

/** The rows of an account's storage. Touches nothing yet. */
export function openState(sql: SqlStorage): AccountState {
  return {
    rows: new AccountStore(sql),
    throttles: new ThrottleStore(sql),
    limits: new LimitStore(sql),
    events: new EventStore(sql),
    mail: new MailStore(sql),
    reports: new ReportStore(sql),
    intents: new IntentStore(sql),
    waitingTries: new Map(),
  };
}

/** A browser that signed in to this account before, by its device cookie (docs/threat-model.md, "Known browsers"). */
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
