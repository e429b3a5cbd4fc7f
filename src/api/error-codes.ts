// What a refusal looks like: its codes, the faults of fields, and the body. Shared with the client, like wire.ts.

/** Every error code that a client can meet. The contract: titles may change, codes may not. */
export const errorCodes = [
  'malformed_body',
  'invalid_credentials',
  'unauthorized',
  'session_ended',
  'invalid_link',
  'email_not_verified',
  'email_already_verified',
  'password_reset_required',
  'account_disabled',
  'second_factor_required',
  'origin_not_allowed',
  'registration_closed',
  'not_found',
  'method_not_allowed',
  'username_taken',
  'email_taken',
  'body_too_large',
  'unsupported_media_type',
  'https_required',
  'invalid_input',
  'too_many_attempts',
  'unavailable',
  'internal',
] as const;
export type ErrorCode = (typeof errorCodes)[number];

/** What can be wrong with a field: the contract, for front ends that say it in their own words. docs/reference/api.md has the parameters. */
export const fieldErrorCodes = [
  // Of any field.
  'required',
  'wrong_type',
  'not_an_option',
  'not_an_integer',
  'too_small',
  'too_large',
  'empty',
  'too_short',
  'too_long',
  // Of names and addresses.
  'invalid_characters',
  'loose_punctuation',
  'mixed_scripts',
  'web_address',
  'not_an_email',
  'styled_characters',
  'unsafe_local_part',
  // Of passwords.
  'invalid_unicode',
  'common_password',
  'contains_username',
  'contains_email',
  // Of operators' requests.
  'unknown_parameter',
  'repeated_parameter',
  'invalid_cursor',
  'invalid_id',
  'invalid_label',
  'address_in_url',
  'too_many_matches',
] as const;
export type FieldErrorCode = (typeof fieldErrorCodes)[number];

/** What is wrong with a value: the code with its parameters, and the same in English. */
export interface FieldFault {
  code: FieldErrorCode;
  message: string;
  params?: Record<string, string | number>;
}

/** One refused field of a 422. */
export interface FieldError extends FieldFault {
  field: string;
}

/** An error body: `application/problem+json` (RFC 9457). `message` repeats `title` for the tutorial's clients. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  message: string;
  errors?: FieldError[];
}
