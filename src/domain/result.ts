// The one shape of an expected outcome, in the account and what it is made of. An exception is a bug or an outage.

import type { FieldFault } from '../api/error-codes.ts';

/** What a client needs beside some reasons. */
interface Details {
  account_throttled: { retryAfterSeconds: number };
  mail_throttled: { retryAfterSeconds: number };
  /** What is wrong with the new password. */
  weak_password: { fault: FieldFault };
}

/** Why there is no value. Plain data: it crosses a Durable Object call. */
export type Refusal<Reason extends string> = Reason extends string
  ? { ok: false; reason: Reason } & (Reason extends keyof Details ? Details[Reason] : unknown)
  : never;

/** A value, or the reason why there is none. */
export type Result<T, Reason extends string = never> = { ok: true; value: T } | Refusal<Reason>;

/** A result with a value, which is `undefined` where there is nothing to return. */
export function succeed<T>(value: T): { ok: true; value: T } {
  return { ok: true, value };
}

/** A refusal that needs no details. */
export function fail<Reason extends string>(
  reason: Reason & (Reason extends keyof Details ? never : unknown),
): { ok: false; reason: Reason } {
  return { ok: false, reason };
}
