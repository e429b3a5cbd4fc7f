// What every refusal looks like on the wire: a problem document (RFC 9457), and the headers that belong to its status.
import { expect } from 'vitest';
import { type ErrorCode, type FieldError, fieldErrorCodes, type Problem } from '../../src/api/error-codes.ts';
import { readCookie } from './service.ts';

/** Code and parameters where a test is about them; test/http/field-errors.test.ts provokes each. */
export type ExpectedFieldError = Pick<FieldError, 'field' | 'message'> & Partial<FieldError>;

export interface Expectations {
  /** The field errors of a 422. */
  errors?: ExpectedFieldError[] | ReturnType<typeof expect.any>;
  /** A refusal leaves the refresh cookie alone, unless it says so. */
  clearsCookie?: boolean;
  cookieName?: string;
  /** The challenge of a 401. */
  challenge?: string;
}

export const CHALLENGE = 'Bearer realm="latchkey"';
export const INVALID_TOKEN = 'Bearer realm="latchkey", error="invalid_token"';

/** Checks a refusal: status, every header that depends on it, and the body down to the last member. */
export async function expectProblem(
  response: Response,
  status: number,
  code: ErrorCode,
  { errors, clearsCookie = false, cookieName = '__Host-jwt', challenge = CHALLENGE }: Expectations = {},
): Promise<Problem> {
  const problem = await response.json<Problem>();
  expect(problem).toEqual({
    type: expect.any(String),
    title: expect.any(String),
    status,
    code,
    message: problem.title,
    ...(errors !== undefined && {
      errors: Array.isArray(errors) ? errors.map((error) => expect.objectContaining(error)) : errors,
    }),
  });
  for (const { code: fieldCode } of problem.errors ?? []) expect(fieldErrorCodes).toContain(fieldCode);
  expect(URL.canParse(problem.type)).toBe(true);
  expect(response.status).toBe(status);
  expect(response.headers.get('Content-Type')).toBe('application/problem+json');
  expect(response.headers.get('Cache-Control')).toBe('no-store');
  expect(response.headers.get('WWW-Authenticate')).toBe(status === 401 ? challenge : null);
  if (status === 429 || status === 503) expect(response.headers.get('Retry-After')).toMatch(/^[1-9]\d*$/);
  else expect(response.headers.get('Retry-After')).toBeNull();
  if (clearsCookie) expect(readCookie(response, cookieName)).toBe('');
  else expect(response.headers.getSetCookie()).toEqual([]);
  return problem;
}
