// What every response must be, whatever the request was; and requests that the ordinary helpers are too polite to make.
import { createExecutionContext, listDurableObjectIds, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect } from 'vitest';
import { errorCodes, type Problem } from '../../src/api/error-codes.ts';
import worker from '../../src/index.ts';
import { expectDocumented } from './documented.ts';
import { insideAccount } from './inside-account.ts';
import { ISSUER, type Service } from './service.ts';

const unhandled: unknown[] = [];
addEventListener('unhandledrejection', (event) => unhandled.push(event.reason));

/** Sends a request as it is. */
export async function send(service: Service, path: string, init: RequestInit = {}): Promise<Response> {
  const ctx = createExecutionContext();
  const request = new Request(`${ISSUER}${path}`, init);
  const response = await worker.fetch(request, service.env, ctx);
  await waitOnExecutionContext(ctx);
  await expectDocumented(request, response);
  return response;
}

/** Checks a response for what all have in common, and returns the code of a refusal, or `ok`. */
export async function expectSound(response: Response, method = 'POST'): Promise<string> {
  const { status, headers } = response;
  const body = await response.text();
  expect(status, body).toBeLessThan(500);
  expect(headers.get('Content-Security-Policy')).toMatch(
    /^default-src 'none'; (?:.*; )?base-uri 'none'; frame-ancestors 'none'$/,
  );
  expect(headers.get('Referrer-Policy')).toBe('no-referrer');
  expect(headers.get('Strict-Transport-Security')).toBe('max-age=63072000');
  expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
  expect(headers.get('X-Request-Id')).toMatch(/^[\w-]{16,36}$/);
  expect(headers.get('Cache-Control')).toMatch(/^(?:no-store|no-cache|public, max-age=300)$/);
  expect(headers.get('Vary')).toContain('Origin');
  expect(unhandled.splice(0), 'no rejection is left unhandled').toEqual([]);
  if (status < 400) return 'ok';

  expect(headers.get('Content-Type')).toBe('application/problem+json');
  expect(headers.has('WWW-Authenticate')).toBe(status === 401);
  if (method === 'HEAD') return 'no body';
  const problem = JSON.parse(body) as Problem;
  expect(errorCodes).toContain(problem.code);
  expect(problem).toMatchObject({
    status,
    type: `urn:latchkey:error:${problem.code}`,
    message: problem.title,
  });
  return problem.code;
}

export interface Stored {
  directory: unknown[];
  accounts: string[];
  rows: unknown[];
}

/** All that is stored: the directory, which accounts there are, and every row of one of them. */
export async function readStorage(accountId: string): Promise<Stored> {
  const { results } = await env.DIRECTORY.prepare('SELECT * FROM accounts ORDER BY id').all();
  const accounts = (await listDurableObjectIds(env.ACCOUNT)).map(String).sort();
  const rows = await insideAccount(accountId, (_, { sql }) =>
    ['account', 'credential', 'session', 'throttle', 'event'].map((table) =>
      sql.exec(`SELECT * FROM ${table}`).toArray(),
    ),
  );
  return { directory: results, accounts, rows };
}
