// How often something may be done: the limits of one account and of one recipient of mail, and the one rule that applies
// them. Pure. The limits per client address are in wrangler.toml; docs/reference/limits.md shows all of them by endpoint.

/** `burst` at once; after that one more every `refillSeconds`. */
export interface Limit {
  burst: number;
  refillSeconds: number;
}

const HOUR_SECONDS = 60 * 60;
const DAY_SECONDS = 24 * HOUR_SECONDS;

/** What one account may do. Failed passwords are counted apart, in `attempt.ts`. */
export const ACCOUNT_LIMITS = {
  /** Sign-ins with the right password, for each browser that is known for a day and for all others together. */
  sign_in: { burst: 60, refillSeconds: 60 },
  /** Operations that ask for the password of a signed-in account, counted likewise: each costs one or two hashes. */
  password_proof: { burst: 10, refillSeconds: HOUR_SECONDS / 10 },
  /** Changes of the user name, refused ones included: each tells whether a name is taken, and keeps one for a week. */
  rename: { burst: 5, refillSeconds: 4 * HOUR_SECONDS },
  /** Exports of all data: each reads everything that the account holds. */
  export: { burst: 10, refillSeconds: HOUR_SECONDS / 10 },
  /** Links for a new password, which anybody can request. One an hour always goes: such a link lives that long. */
  reset_mail: { burst: 24, refillSeconds: HOUR_SECONDS },
  /** Links that a session or a password is needed for: apart, so that requests of others cannot use them up. */
  confirmation_mail: { burst: 24, refillSeconds: HOUR_SECONDS },
  /** Notices of what happened, each kind apart: whoever causes one kind again and again holds up no other. */
  notice: { burst: 20, refillSeconds: DAY_SECONDS / 20 },
  /**
   * Ends of sessions that also revoke the links mailed to the account's own address (account/recovery.ts). Rarer than the mails that
   * always go, so that whoever holds a session cannot end each of them.
   */
  link_revocation: { burst: 1, refillSeconds: 3 * HOUR_SECONDS },
} as const satisfies Record<string, Limit>;
export type AccountLimit = keyof typeof ACCOUNT_LIMITS;

/** Mails of one kind that an account may request. */
export const MAILS_PER_HOUR = 5;

/**
 * Mails to one address from all accounts together, by what they are. What goes to the confirmed address of its own account is
 * not counted here: other people's accounts must not use up what its owner needs.
 */
export const RECIPIENT_LIMITS = {
  /** `confirm_new_email`: anybody's account can send there. */
  unsolicited: { burst: 10, refillSeconds: DAY_SECONDS / 10 },
  /** `reset_password` to an address that nobody has confirmed. */
  unconfirmed_reset: { burst: 24, refillSeconds: HOUR_SECONDS },
  /** `verify_email` to such an address: whoever registers and deletes again and again starts no new count. */
  unconfirmed: { burst: 10, refillSeconds: DAY_SECONDS / 10 },
  /** `email_changing` and `email_changed` to such an address, apart from notices that are easier to cause. */
  unconfirmed_change: { burst: 10, refillSeconds: DAY_SECONDS / 10 },
  /** Other notices to such an address. */
  unconfirmed_notice: { burst: 10, refillSeconds: DAY_SECONDS / 10 },
} as const satisfies Record<string, Limit>;
export type RecipientLimit = keyof typeof RECIPIENT_LIMITS;

export type LimitDecision = { allowed: true; fullAtMs: number } | { allowed: false; retryAtMs: number };

/**
 * Decides by one number (the generic cell rate algorithm, ITU-T I.371): `fullAtMs`, when the whole burst will be available
 * again; `undefined` when it is. The allowed call stores the number that comes back.
 */
export function decideLimit(
  fullAtMs: number | undefined,
  nowMs: number,
  { burst, refillSeconds }: Limit,
): LimitDecision {
  const refillMs = refillSeconds * 1000;
  // A clock that was set back must not lock anybody out for longer than an empty bucket would.
  const baseMs = Math.min(Math.max(fullAtMs ?? 0, nowMs), nowMs + burst * refillMs);
  const nextMs = baseMs + refillMs;
  const overMs = nextMs - nowMs - burst * refillMs;
  return overMs <= 0 ? { allowed: true, fullAtMs: nextMs } : { allowed: false, retryAtMs: nowMs + overMs };
}
