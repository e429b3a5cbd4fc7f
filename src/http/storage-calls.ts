// Calls to storage: each with a deadline, and each failure turned into an outage (503) rather than a verdict (401).
import { waitUntil } from 'cloudflare:workers';
import type { Account } from '../account/account.ts';
import { OutageError } from '../api/errors.ts';
import { withDeadline } from '../domain/deadline.ts';
import type { AppContext } from './context.ts';

/** Longer than any regular response takes: a hash waits for its turn for up to 3 s (passwords/hash-queue.ts). */
const DEADLINE_MS = 15_000;

/** The account's own methods. What the platform calls itself is not for callers. */
type Method = Exclude<keyof Account, keyof DurableObject | 'ctx' | 'env' | 'state'>;

/** The account as a caller meets it: the same methods, each a promise. (The platform's own stub type splits unions.) */
export type AccountClient = {
  [M in Method]: (...args: Parameters<Account[M]>) => Promise<Awaited<ReturnType<Account[M]>>>;
};

/**
 * Calls an account. With `isRepeatable`, calls it once more when the platform says that the call may be repeated (an object that moved
 * or restarted): for calls that do no harm twice, such as a refresh, whose repetition within the grace window gets the same successor.
 * Throws an OutageError when the account does not respond.
 */
export async function callAccount<T>(
  c: AppContext,
  accountId: string,
  call: (account: AccountClient) => Promise<T>,
  { isRepeatable = false } = {},
): Promise<T> {
  // Every argument and result of these methods is plain data, which RPC copies as it is.
  const open = () => c.env.ACCOUNT.getByName(accountId) as unknown as AccountClient;
  const attempt = () => orOutage('account_unavailable', () => call(open()));
  try {
    return await attempt();
  } catch (error) {
    if (!isRepeatable || !isRetryable(error)) throw error;
    return attempt();
  }
}

/** Asks the directory. */
export function callDirectory<T>(c: AppContext, call: (db: D1Database) => Promise<T>): Promise<T> {
  return orOutage('directory_unavailable', () => call(c.env.DIRECTORY));
}

/** Lets a call go on after the response. Its failure is not reported: only for calls that are repeated or requested again. */
export function finishLater(c: AppContext, call: Promise<unknown>): void {
  const settled = call.catch(() => undefined);
  let context: Pick<ExecutionContext, 'waitUntil'>;
  try {
    context = c.executionCtx;
  } catch {
    // A parent app was called without one, as tests and adapters do: the platform knows the request all the same.
    context = { waitUntil };
  }
  context.waitUntil(settled);
}

async function orOutage<T>(reason: OutageError['reason'], call: () => Promise<T>): Promise<T> {
  try {
    return await withDeadline(call(), DEADLINE_MS);
  } catch (error) {
    throw new OutageError(reason, error);
  }
}

/** Cloudflare Durable Objects, error handling: `retryable`, and never when `overloaded`. */
function isRetryable(error: unknown): boolean {
  const cause: unknown = error instanceof OutageError ? error.cause : undefined;
  if (!(cause instanceof Error)) return false;
  const { retryable, overloaded } = cause as Error & { retryable?: unknown; overloaded?: unknown };
  return retryable === true && overloaded !== true;
}
