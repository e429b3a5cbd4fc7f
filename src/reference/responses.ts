// The responses of wire.ts as schemas, for the reference and for the tests that check every response against it. Not in
// wire.ts: the Worker checks none of its responses, and there they would be in its bundle. The type check ties
// each to its type.
import * as v from 'valibot';
import { errorCodes, type FieldError, fieldErrorCodes, type Problem } from '../api/error-codes.ts';
import type * as wire from '../api/wire.ts';
import { auditActions, auditOutcomes, credentialKinds, eventKinds } from '../api/wire.ts';

/** A schema whose output is a `T`. A member too many is found by the tests: no response would have it. */
type Of<T> = v.GenericSchema<T, T>;
const timestamp = v.pipe(v.string(), v.isoTimestamp());
const nullableText = v.nullable(v.string());

const user = v.object({
  id: v.string(),
  username: v.string(),
  email: v.string(),
  createdAt: timestamp,
}) satisfies Of<wire.User>;

const endedElsewhere = {
  id: v.string(),
  createdAt: timestamp,
  lastUsedAt: timestamp,
  expiresAt: timestamp,
  userAgent: nullableText,
  ip: nullableText,
  country: nullableText,
};
const session = v.object({ ...endedElsewhere, current: v.boolean() }) satisfies Of<wire.SessionInfo>;

const tokens = {
  accessToken: v.string(),
  tokenType: v.literal('Bearer'),
  expiresIn: v.pipe(v.number(), v.integer()),
};

const event = v.object({
  at: timestamp,
  lastAt: timestamp,
  count: v.pipe(v.number(), v.integer(), v.minValue(1)),
  kind: v.picklist(eventKinds),
  sessionId: nullableText,
  userAgent: nullableText,
  ip: nullableText,
  country: nullableText,
  operator: nullableText,
}) satisfies Of<wire.SecurityEvent>;

const fieldError = v.object({
  field: v.string(),
  code: v.picklist(fieldErrorCodes),
  message: v.string(),
  params: v.exactOptional(v.record(v.string(), v.union([v.string(), v.number()]))),
}) satisfies Of<FieldError>;

/** Every response body, by the name that it has in the document. */
export const responses = {
  User: user,
  Session: session,
  SecurityEvent: event,
  Tokens: v.object(tokens) satisfies Of<wire.TokenResponse>,
  Registered: v.object({ ...tokens, user }) satisfies Of<wire.RegisterResponse>,
  Profile: v.object({ user }),
  Me: v.object({ user, session }) satisfies Of<wire.MeResponse>,
  EmailAddress: v.object({ email: v.string(), verified: v.boolean() }) satisfies Of<wire.EmailResponse>,
  History: v.object({ events: v.array(event) }) satisfies Of<wire.HistoryResponse>,
  Export: v.object({
    user,
    emailVerified: v.boolean(),
    requestedEmail: nullableText,
    sessions: v.array(session),
    history: v.array(event),
    credentials: v.array(
      v.object({
        kind: v.picklist(credentialKinds),
        createdAt: timestamp,
        lastUsedAt: v.nullable(timestamp),
      }),
    ),
  }) satisfies Of<wire.ExportResponse>,
  Sessions: v.object({ sessions: v.array(session) }) satisfies Of<wire.SessionsResponse>,
  AccountList: v.object({
    accounts: v.array(
      v.object({
        ...user.entries,
        emailVerified: v.boolean(),
        disabled: v.boolean(),
        mustResetPassword: v.boolean(),
      }) satisfies Of<wire.AccountSummary>,
    ),
    count: v.nullable(v.pipe(v.number(), v.integer())),
    cursor: nullableText,
  }) satisfies Of<wire.AccountListResponse>,
  AccountDetail: v.object({
    user,
    emailVerified: v.boolean(),
    disabled: v.boolean(),
    mustResetPassword: v.boolean(),
    sessions: v.array(v.object(endedElsewhere)),
    events: v.array(event),
  }) satisfies Of<wire.AccountDetailResponse>,
  Audit: v.object({
    entries: v.array(
      v.object({
        at: timestamp,
        operator: v.string(),
        action: v.picklist(auditActions),
        accountId: v.string(),
        outcome: v.picklist(auditOutcomes),
        requestId: v.string(),
      }) satisfies Of<wire.AuditEntry>,
    ),
    cursor: nullableText,
  }) satisfies Of<wire.AuditResponse>,
  KeySet: v.object({
    // Which further members there are depends on the kind of key (RFC 7518 section 6, RFC 8037).
    keys: v.array(
      v.looseObject({ kty: v.string(), kid: v.string(), alg: v.string(), use: v.literal('sig') }),
    ),
  }),
  Metadata: v.object({
    issuer: v.string(),
    jwks_uri: v.string(),
    response_types_supported: v.array(v.string()),
    grant_types_supported: v.array(v.string()),
    subject_types_supported: v.array(v.string()),
    id_token_signing_alg_values_supported: v.array(v.string()),
  }) satisfies Of<wire.MetadataResponse>,
  Health: v.object({ status: v.literal('ok'), version: v.string() }) satisfies Of<wire.HealthResponse>,
  FieldError: fieldError,
  Problem: v.object({
    type: v.string(),
    title: v.string(),
    status: v.pipe(v.number(), v.integer()),
    code: v.picklist(errorCodes),
    message: v.string(),
    errors: v.exactOptional(v.array(fieldError)),
  }) satisfies Of<Problem>,
};
export type ResponseName = keyof typeof responses;
