import { describe, expect, it } from 'vitest';
import { type ErrorCode, errorCodes } from '../../src/api/error-codes.ts';
import {
  challengeFor,
  describeFailure,
  describeThrown,
  type FailureReason,
  OutageError,
  UNAVAILABLE_RETRY_SECONDS,
} from '../../src/api/errors.ts';
import { expectAbsent } from '../support/absence.ts';

/** Every reason, by the type check: status, code and title as in the contract. */
const EXPECTED: Record<FailureReason, [number, ErrorCode, string]> = {
  malformed_body: [400, 'malformed_body', 'The body is not a JSON object or form'],
  wrong_password: [401, 'invalid_credentials', 'Invalid credentials'],
  unknown_account: [401, 'invalid_credentials', 'Invalid credentials'],
  no_token: [401, 'unauthorized', 'Unauthorized'],
  two_cookies: [401, 'unauthorized', 'Unauthorized'],
  token_malformed: [401, 'unauthorized', 'Unauthorized'],
  token_unknown_key: [401, 'unauthorized', 'Unauthorized'],
  token_forged: [401, 'unauthorized', 'Unauthorized'],
  token_claims: [401, 'unauthorized', 'Unauthorized'],
  token_expired: [401, 'unauthorized', 'Unauthorized'],
  session_over: [401, 'session_ended', 'Unauthorized'],
  session_expired: [401, 'session_ended', 'Unauthorized'],
  refresh_token_reuse: [401, 'session_ended', 'Unauthorized'],
  bad_admin_token: [401, 'unauthorized', 'Unauthorized'],
  invalid_link: [400, 'invalid_link', 'This link has been used or has expired'],
  email_not_verified: [403, 'email_not_verified', 'Confirm your e-mail address first'],
  email_already_verified: [409, 'email_already_verified', 'This e-mail address is confirmed already'],
  password_reset_required: [403, 'password_reset_required', 'Set a new password first'],
  account_disabled: [403, 'account_disabled', 'This account is disabled'],
  second_factor_required: [403, 'second_factor_required', 'A second factor is required'],
  unknown_id: [404, 'not_found', 'Not found'],
  mail_throttled: [429, 'too_many_attempts', 'Too many attempts'],
  origin_not_allowed: [403, 'origin_not_allowed', 'This origin is not allowed'],
  registration_closed: [403, 'registration_closed', 'Registration is closed'],
  not_found: [404, 'not_found', 'Not found'],
  unknown_session: [404, 'not_found', 'Not found'],
  method_not_allowed: [405, 'method_not_allowed', 'This method is not allowed here'],
  username_taken: [409, 'username_taken', 'This user name is taken'],
  email_taken: [409, 'email_taken', 'This e-mail address is taken'],
  body_too_large: [413, 'body_too_large', 'The body is too large'],
  unsupported_media_type: [415, 'unsupported_media_type', 'This media type is not supported'],
  compressed_body: [415, 'unsupported_media_type', 'Send the body uncompressed'],
  plain_http: [421, 'https_required', 'Use https'],
  invalid_input: [422, 'invalid_input', 'Some fields are not valid'],
  account_throttled: [429, 'too_many_attempts', 'Too many attempts'],
  address_throttled: [429, 'too_many_attempts', 'Too many attempts'],
  account_unavailable: [503, 'unavailable', 'Temporarily unavailable'],
  directory_unavailable: [503, 'unavailable', 'Temporarily unavailable'],
  too_busy: [503, 'unavailable', 'Temporarily unavailable'],
  misconfigured: [503, 'unavailable', 'Temporarily unavailable'],
  body_used_up: [500, 'internal', 'Internal error'],
  bug: [500, 'internal', 'Internal error'],
};
// The keys of a record that names every reason.
const REASONS = Object.keys(EXPECTED) as FailureReason[];

/** The statuses that the contract gives to each code. */
const STATUS_OF: Record<ErrorCode, number> = {
  malformed_body: 400,
  invalid_credentials: 401,
  unauthorized: 401,
  session_ended: 401,
  invalid_link: 400,
  email_already_verified: 409,
  email_not_verified: 403,
  password_reset_required: 403,
  account_disabled: 403,
  second_factor_required: 403,
  origin_not_allowed: 403,
  registration_closed: 403,
  not_found: 404,
  method_not_allowed: 405,
  username_taken: 409,
  email_taken: 409,
  body_too_large: 413,
  unsupported_media_type: 415,
  https_required: 421,
  invalid_input: 422,
  too_many_attempts: 429,
  unavailable: 503,
  internal: 500,
};

describe('a refusal', () => {
  it.each(REASONS)('for the reason %s tells its status, code and title, and no more', (reason) => {
    const [status, code, title] = EXPECTED[reason];
    expect(describeFailure(reason)).toEqual({ status, code, title });
  });

  it.each(REASONS)('for the reason %s has the status of its code', (reason) => {
    const { status, code } = describeFailure(reason);
    expect(status).toBe(STATUS_OF[code]);
  });

  it('looks the same whether the name or the password is wrong', () => {
    expect(describeFailure('unknown_account')).toEqual(describeFailure('wrong_password'));
  });

  it('looks the same whatever is wrong with a token', () => {
    const faults: FailureReason[] = [
      'token_malformed',
      'token_unknown_key',
      'token_forged',
      'token_claims',
      'token_expired',
      'two_cookies',
    ];
    for (const fault of faults) expect(describeFailure(fault)).toEqual(describeFailure('no_token'));
  });

  it('looks the same however a session ended', () => {
    expect(describeFailure('refresh_token_reuse')).toEqual(describeFailure('session_over'));
    expect(describeFailure('session_expired')).toEqual(describeFailure('session_over'));
  });

  it('can have every code of the contract, and no other', () => {
    const reachable = new Set(REASONS.map((reason) => describeFailure(reason).code));
    expect([...reachable].sort()).toEqual([...errorCodes].sort());
    expect(Object.keys(STATUS_OF).sort()).toEqual([...errorCodes].sort());
  });
});

describe('the challenge of a 401', () => {
  const PLAIN = 'Bearer realm="latchkey"';
  const REFUSED = 'Bearer realm="latchkey", error="invalid_token"';

  it.each(REASONS.filter((reason) => EXPECTED[reason][0] === 401))(
    'names a refused bearer token: %s',
    (reason) => {
      expect(challengeFor(reason, true)).toBe(reason === 'no_token' ? PLAIN : REFUSED);
      expect(challengeFor(reason, false)).toBe(PLAIN);
    },
  );
});

describe('an outage', () => {
  it.each(['account_unavailable', 'directory_unavailable'] as const)(
    'is an error that keeps its cause: %s',
    (reason) => {
      const cause = new Error('storage said something');
      const outage = new OutageError(reason, cause);
      expect(outage).toBeInstanceOf(Error);
      expect(outage).toMatchObject({ name: 'OutageError', message: reason, reason, cause });
      expect(describeFailure(outage.reason)).toMatchObject({ status: 503, code: 'unavailable' });
      // What ends up in a log or a response does not bring the cause along.
      expect(String(outage)).toBe(`OutageError: ${reason}`);
    },
  );

  it('asks to come back while the grace window of thirty seconds is still open', () => {
    expect(UNAVAILABLE_RETRY_SECONDS).toBe(2);
  });
});

describe('what is logged of something thrown', () => {
  it('is its kind, the flags of the platform, and places, and never its message', () => {
    const error = Object.assign(new TypeError('token eyJhbGciOiJub25lIn0 at home'), {
      remote: true,
      overloaded: true,
      retryable: false,
    });
    const described = describeThrown(error);
    expect(described[0]).toBe('TypeError remote overloaded');
    expect(described.length).toBeGreaterThan(1);
    expect(described.length).toBeLessThanOrEqual(6);
    expect(described.join(' ')).not.toContain('eyJhbGciOiJub25lIn0');
  });

  it('is the cause of an outage', () => {
    const outage = new OutageError('account_unavailable', new RangeError('secret'));
    expect(describeThrown(outage)[0]).toBe('RangeError');
  });

  it('says which command makes the tables that the directory lacks', () => {
    const cause = new Error('D1_ERROR: no such table: accounts: SQLITE_ERROR');
    const described = describeThrown(new OutageError('directory_unavailable', cause));
    expect(described[0]).toBe('Error');
    expect(described[1]).toMatch(/lacks a table: `wrangler d1 migrations apply DIRECTORY`/);
    expectAbsent(described.join(' '), ['no such table']);
    expectAbsent(describeThrown(new OutageError('account_unavailable', cause)).join(' '), [
      'd1 migrations apply',
    ]);
    const other = new OutageError('directory_unavailable', new Error('D1_ERROR: overloaded'));
    expectAbsent(describeThrown(other).join(' '), ['d1 migrations apply']);
  });

  it('is the type of what is no error', () => {
    expect(describeThrown('secret')).toEqual(['string']);
    expect(describeThrown(undefined)).toEqual(['undefined']);
  });
});
