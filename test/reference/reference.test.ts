// The reference against the app, both ways. That real responses keep to it, every request of every test checks
// (test/support/documented.ts).
import { describe, expect, it } from 'vitest';
import { errorCodes } from '../../src/api/error-codes.ts';
import { describeFailure, type FailureReason } from '../../src/api/errors.ts';
import { elsewhere, everywhere, operations } from '../../src/reference/operations.ts';
import { findDocumentFault } from '../support/documented.ts';
import { REASONS } from '../support/reasons.ts';
import { adminRoutes, routes } from '../support/routes.ts';
import { Service } from '../support/service.ts';

interface Answer {
  content?: Record<string, { examples?: Record<string, unknown> }>;
  $ref?: string;
}
interface Document {
  paths: Record<string, Record<string, { responses: Record<string, Answer> }>>;
  components: { responses: Record<string, Answer> };
  'x-responses-elsewhere': Record<string, Answer>;
}

const read = async () => (await new Service().fetch('/openapi.json')).json<Document>();
const list = (table: Record<string, object>) =>
  Object.entries(table).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );

describe('the reference', () => {
  it('has every route of the app, and no other', async () => {
    const { paths } = await read();
    const documented = list(paths).map((entry) => entry.replace(/^\w+/, (method) => method.toUpperCase()));
    const inApp = list({ ...routes, ...adminRoutes }).map((entry) => entry.replace(/:(\w+)/g, '{$1}'));
    expect(documented.toSorted()).toEqual(inApp.toSorted());
  });

  it('has every reason to refuse, so every status and code, and no other', async () => {
    const used = new Set<FailureReason>([
      ...[...everywhere, ...elsewhere],
      ...Object.values(operations).flatMap((methods) =>
        Object.values(methods).flatMap(({ refusals }) => refusals),
      ),
    ]);
    expect([...used].toSorted()).toEqual(REASONS.toSorted());

    const { paths, components, ...document } = await read();
    const responses = [
      ...Object.values(paths).flatMap((methods) => Object.values(methods).map((one) => one.responses)),
      document['x-responses-elsewhere'],
    ];
    const pairs = responses.flatMap((answers) =>
      Object.entries(answers).flatMap(([status, answer]) => {
        const { content } = components.responses[answer.$ref?.split('/').at(-1) ?? ''] ?? answer;
        const examples = content?.['application/problem+json']?.examples ?? {};
        return Object.keys(examples).map((code) => `${status} ${code}`);
      }),
    );
    const expected = REASONS.map(describeFailure).map(({ status, code }) => `${status} ${code}`);
    expect([...new Set(pairs)].toSorted()).toEqual([...new Set(expected)].toSorted());
    expect(new Set(pairs.map((pair) => pair.split(' ')[1]))).toEqual(new Set(errorCodes));
  });

  it('is shown by the service itself, as JSON', async () => {
    const response = await new Service().fetch('/openapi.json');
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toBe('application/json');
    expect(response.headers.get('Access-Control-Allow-Origin')).toBeNull();
  });
});

describe('the check of responses', () => {
  const answer = (body: unknown, status = 200) =>
    Response.json(body, {
      status,
      headers: status < 400 ? {} : { 'Content-Type': 'application/problem+json' },
    });
  const health = { status: 'ok', version: '1' };

  it.each<[string, string, Response, RegExp]>([
    ['a member', '/health', answer({ ...health, extra: 1 }), /another body/],
    ['a missing member', '/health', answer({ status: 'ok' }), /another body/],
    ['a status', '/health', answer(health, 201), /201/],
    ['a code', '/health', answer({ code: 'email_taken', status: 409 }, 409), /409 email_taken/],
    ['a path', '/nowhere', answer(health), /200/],
  ])('finds %s that is not in the reference', async (_, path, response, fault) => {
    expect(await findDocumentFault('GET', path, response)).toMatch(fault);
  });

  it('passes what is in it', async () => {
    expect(await findDocumentFault('GET', '/health', answer(health))).toBeUndefined();
  });
});
