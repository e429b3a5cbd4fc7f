// The wire: what requests must look like, and what responses look like. Shared with the client.
// It must not import anything of ours, so that the client SDK can use it without the server.
import * as v from 'valibot';

/** Largest request body, in bytes. Counted while reading, whatever Content-Length says. */
export const MAX_BODY_BYTES = 8 * 1024;

/** Longest user name, in Unicode code points after NFKC. */
export const USERNAME_MAX_LENGTH = 64;

/** Longest e-mail address, in UTF-16 units (RFC 5321 section 4.5.3.1.3, less the angle brackets). */
export const EMAIL_MAX_LENGTH = 254;

/** Longest password, in code points. Longer ones are refused, never truncated. */
export const PASSWORD_MAX_LENGTH = 1024;

const text = v.string('must be a string');

/** Body of `POST /login`. `username` may be the e-mail address. */
export const loginRequest = v.object({ username: text, password: text }, 'must be an object');
export type LoginRequest = v.InferOutput<typeof loginRequest>;

/** Body of `POST /register`. What names and passwords may hold is decided in `domain/`. */
export const registerRequest = v.object({ username: text, email: text, password: text }, 'must be an object');
export type RegisterRequest = v.InferOutput<typeof registerRequest>;

/** Body of `PUT /password`. */
export const passwordChangeRequest = v.object(
  { currentPassword: text, newPassword: text },
  'must be an object',
);

/** Body of `POST /password/forgot`. */
export const forgottenPasswordRequest = v.object({ email: text }, 'must be an object');

/** Body of `POST /password/reset`. `token` is what the mailed link carries. */
export const passwordResetRequest = v.object({ token: text, newPassword: text }, 'must be an object');

/** Body of `POST /email/verify`: the token of a verification or of a change of address. */
export const emailVerificationRequest = v.object({ token: text }, 'must be an object');

/** Body of `PUT /email`. */
export const emailChangeRequest = v.object({ email: text, password: text }, 'must be an object');

/** Body of `PATCH /me`. */
export const profileChangeRequest = v.object({ username: text }, 'must be an object');

/** Body of `DELETE /me`. */
export const accountDeletionRequest = v.object({ password: text }, 'must be an object');

/** Body of `POST /admin/accounts`. Without a password the owner is mailed a link to set one. */
export const accountCreationRequest = v.object(
  { username: text, email: text, password: v.optional(text) },
  'must be an object',
);

/** Rows of a page, as a query carries them: text. */
const limitParameter = v.pipe(
  text,
  v.regex(/^\d{1,3}$/, 'must be a whole number'),
  v.transform(Number),
  v.minValue(1, 'must be at least 1'),
  v.maxValue(100, 'must be at most 100'),
);

/** Query of `GET /admin/audit`. */
export const auditQuery = v.object({
  accountId: v.optional(text),
  operator: v.optional(text),
  cursor: v.optional(text),
  limit: v.optional(limitParameter),
});

const isSet = v.pipe(
  v.literal('true', 'must be "true" or left out'),
  v.transform(() => true as const),
);
const isUnset = v.pipe(
  v.literal('false', 'must be "false" or left out'),
  v.transform(() => false as const),
);
const order = v.optional(v.picklist(['newest', 'oldest'], 'must be "newest" or "oldest"'));

/**
 * Query of `GET /admin/accounts`. `search` matches the start of a user name, or of an e-mail address as far as the `@`: URLs
 * are logged in many places. A filter has the one value that an index serves.
 */
export const accountListQuery = v.object({
  search: v.optional(text),
  disabled: v.optional(isSet),
  emailVerified: v.optional(isUnset),
  mustResetPassword: v.optional(isSet),
  order,
  cursor: v.optional(text),
  limit: v.optional(limitParameter),
});

/** Body of `POST /admin/accounts/search`: the same, and `search` may be a whole address. */
export const accountSearchRequest = v.object(
  {
    search: v.optional(text),
    disabled: v.optional(v.literal(true, 'must be true or left out')),
    emailVerified: v.optional(v.literal(false, 'must be false or left out')),
    mustResetPassword: v.optional(v.literal(true, 'must be true or left out')),
    order,
    cursor: v.optional(text),
    limit: v.optional(
      v.pipe(
        v.number('must be a number'),
        v.integer('must be a whole number'),
        v.minValue(1, 'must be at least 1'),
        v.maxValue(100, 'must be at most 100'),
      ),
    ),
  },
  'must be an object',
);
export type AccountSearch = v.InferOutput<typeof accountSearchRequest>;

/** Query of `DELETE /sessions`. A misspelt `keep` must not end every session, so anything else is refused. */
export const endSessionsQuery = v.object({
  keep: v.optional(v.literal('current', 'must be "current" or left out')),
});

/** An account, as its owner sees it. `createdAt` is RFC 3339, UTC. */
export interface User {
  id: string;
  username: string;
  email: string;
  createdAt: string;
}

/** A session, as its owner sees it. Times are RFC 3339, UTC. */
export interface SessionInfo {
  id: string;
  createdAt: string;
  lastUsedAt: string;
  expiresAt: string;
  userAgent: string | null;
  ip: string | null;
  country: string | null;
  current: boolean;
}

/** Response of `POST /login` and `POST /refresh`. `expiresIn` is in seconds (RFC 6749 section 5.1). */
export interface TokenResponse {
  accessToken: string;
  tokenType: 'Bearer';
  expiresIn: number;
}

/** Response of `POST /register`. */
export interface RegisterResponse extends TokenResponse {
  user: User;
}

/** Response of `GET /me`. */
export interface MeResponse {
  user: User;
  session: SessionInfo;
}

/** Response of `GET /email`. */
export interface EmailResponse {
  email: string;
  verified: boolean;
}

/** What a security event was. */
export const eventKinds = [
  'registered',
  'signed_in',
  'sign_in_failed',
  'signed_out',
  'session_ended',
  'session_evicted',
  'refresh_token_reuse',
  'password_changed',
  'password_reset_requested',
  'password_reset',
  'email_verified',
  'email_change_requested',
  'email_changed',
  'username_changed',
  'disabled',
  'enabled',
  'password_reset_forced',
  'sessions_ended_by_operator',
] as const;
export type EventKind = (typeof eventKinds)[number];

/**
 * One security event, as the account's owner sees it. The same kind by the same actor within an hour of the last time
 * is one event: `count` (an integer, at least 1) says how often, `at` when first, `lastAt` when last.
 * `operator` is the label of whoever did it from outside.
 */
export interface SecurityEvent {
  at: string;
  lastAt: string;
  count: number;
  kind: EventKind;
  sessionId: string | null;
  userAgent: string | null;
  ip: string | null;
  country: string | null;
  operator: string | null;
}

/** Response of `GET /me/history`: by `lastAt`, newest first; of each kind the last 20 or 50 (`domain/history.ts`). */
export interface HistoryResponse {
  events: SecurityEvent[];
}

export const credentialKinds = ['password', 'totp', 'recovery_codes', 'passkey'] as const;

/** A way to sign in: when it was set, and when it last opened a session. Never its secret. */
export interface Credential {
  kind: (typeof credentialKinds)[number];
  createdAt: string;
  lastUsedAt: string | null;
}

/** Response of `GET /me/export`: all that the account holds of its owner, without secrets. */
export interface ExportResponse {
  user: User;
  emailVerified: boolean;
  /** An address that was requested and is not confirmed yet. */
  requestedEmail: string | null;
  sessions: SessionInfo[];
  history: SecurityEvent[];
  credentials: Credential[];
}

/** One account in the operator's list. Its state follows the account within seconds. */
export interface AccountSummary extends User {
  emailVerified: boolean;
  disabled: boolean;
  mustResetPassword: boolean;
}

/**
 * Response of `GET /admin/accounts` and `POST /admin/accounts/search`. `count` is of all pages; `null` for more than 10,000.
 * `cursor` asks for the next page; `null` on the last.
 */
export interface AccountListResponse {
  accounts: AccountSummary[];
  count: number | null;
  cursor: string | null;
}

/** Response of `GET /admin/accounts/{id}`. */
export interface AccountDetailResponse {
  user: User;
  emailVerified: boolean;
  disabled: boolean;
  mustResetPassword: boolean;
  sessions: Omit<SessionInfo, 'current'>[];
  events: SecurityEvent[];
}

/** What operators can do to an account. */
export const auditActions = [
  'create',
  'disable',
  'enable',
  'end_sessions',
  'force_password_reset',
  'delete',
] as const;

/** How an action ended. `requested`: whether it took effect was not recorded; the account says so, if it still exists. */
export const auditOutcomes = ['requested', 'done', 'refused'] as const;

/** One action of an operator. `requestId` is the `X-Request-Id` of its response. */
export interface AuditEntry {
  at: string;
  operator: string;
  action: (typeof auditActions)[number];
  accountId: string;
  outcome: (typeof auditOutcomes)[number];
  requestId: string;
}

/** Response of `GET /admin/audit`: newest first. `cursor` asks for the next page; `null` on the last. */
export interface AuditResponse {
  entries: AuditEntry[];
  cursor: string | null;
}

/** Response of `GET /sessions`. */
export interface SessionsResponse {
  sessions: SessionInfo[];
}

/** Response of both discovery endpoints (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2). */
export interface MetadataResponse {
  issuer: string;
  jwks_uri: string;
  response_types_supported: string[];
  grant_types_supported: string[];
  subject_types_supported: string[];
  id_token_signing_alg_values_supported: string[];
}

/** Response of `GET /health`. */
export interface HealthResponse {
  status: 'ok';
  version: string;
}
