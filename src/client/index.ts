// What `latchkey/client` exports.
export type { ErrorCode, FieldError, FieldErrorCode } from '../api/error-codes.ts';
export type { SessionInfo, User } from '../api/wire.ts';
export type { AccessTokenClaims } from './access-token.ts';
export { type ClientErrorCode, LatchkeyError } from './api.ts';
export { type Client, type ClientOptions, type ClientState, createClient } from './client.ts';
export type { SignedOutReason } from './tabs.ts';
