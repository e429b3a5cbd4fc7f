// What `latchkey/client` exports.
export type { ErrorCode, FieldError, FieldErrorCode, SessionInfo, User } from '../wire.ts';
export type { AccessTokenClaims } from './access-token.ts';
export { type ClientErrorCode, LatchkeyError } from './api.ts';
export { type Client, type ClientOptions, type ClientState, createClient } from './client.ts';
export type { SignedOutReason } from './tabs.ts';
