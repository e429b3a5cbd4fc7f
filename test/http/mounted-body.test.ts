// A parent app whose middleware reads the body before a mounted Latchkey does.
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { describe, expect, it } from 'vitest';
import { MAX_BODY_BYTES } from '../../src/api/wire.ts';
import latchkey from '../../src/index.ts';
import { captureLogs, parseLine } from '../support/logs.ts';
import { expectProblem } from '../support/problem.ts';
import { newPerson } from '../support/requests.ts';
import { Service } from '../support/service.ts';

const HOST = 'https://app.test';
const { env } = new Service({ ISSUER: `${HOST}/auth` });
const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';

type Reader = (c: Context) => unknown;
type Body = string | Uint8Array | ReadableStream;

/** Sends a body to a parent that does something with it first. */
async function register(read: Reader, body: Body, type: string): Promise<Response> {
  const parent = new Hono();
  parent.onError((error, c) => c.text(`the parent’s error: ${error.message}`, 500));
  parent.use(async (c, next) => {
    await read(c);
    await next();
  });
  parent.route('/auth', latchkey);
  const ctx = createExecutionContext();
  const init = { method: 'POST', headers: { 'Content-Type': type }, body };
  const response = await parent.fetch(new Request(`${HOST}/auth/register`, init), env as never, ctx);
  await waitOnExecutionContext(ctx);
  return response;
}

const json = (value: object) => JSON.stringify(value);
const form = (value: Record<string, string>) => new URLSearchParams(value).toString();
const caught = (read: Reader) => async (c: Context) => {
  try {
    await read(c);
  } catch {
    // A parent that logs what it can read.
  }
};

/** Each way that Hono has to read a body, and those that keep it readable without Hono. */
const readers: [string, Reader][] = [
  ['nothing', () => undefined],
  ['json()', caught((c) => c.req.json())],
  ['text()', (c) => c.req.text()],
  ['text(), without waiting for it', (c) => void c.req.text()],
  ['arrayBuffer()', (c) => c.req.arrayBuffer()],
  ['blob()', (c) => c.req.blob()],
  ['parseBody()', (c) => c.req.parseBody()],
  ['json() and text()', caught(async (c) => [await c.req.text(), await c.req.json()])],
  ['a clone of the request', (c) => c.req.raw.clone().text()],
];

describe('a body that the parent has read', () => {
  it.each(readers)('is read again: %s, JSON', async (_, read) => {
    const ada = newPerson();
    const response = await register(read, json(ada), JSON_TYPE);
    expect(response.status).toBe(201);
    expect(await response.json()).toMatchObject({ user: { username: ada.username, email: ada.email } });
  });

  it.each([...readers, ['formData()', (c) => c.req.formData()] as [string, Reader]])(
    'is read again: %s, a form',
    async (_, read) => {
      const ada = newPerson();
      const response = await register(read, form(ada), FORM_TYPE);
      expect(response.status).toBe(201);
      expect(await response.json()).toMatchObject({ user: { username: ada.username, email: ada.email } });
    },
  );

  it('is read again behind a limit of the parent, which puts another request in place of the first', async () => {
    const ada = newPerson();
    const limit = bodyLimit({ maxSize: 100_000 });
    const stream = new Response(json(ada)).body ?? '';
    const response = await register((c) => limit(c, async () => undefined), stream, JSON_TYPE);
    expect(response.status).toBe(201);
  });

  it.each(readers)('is refused above 8 KiB: %s', async (_, read) => {
    const large = json({ ...newPerson(), more: 'x'.repeat(MAX_BODY_BYTES) });
    await expectProblem(await register(read, large, JSON_TYPE), 413, 'body_too_large');
  });

  it.each(readers)('is refused when it is no JSON: %s', async (_, read) => {
    await expectProblem(await register(read, '{"username":', JSON_TYPE), 400, 'malformed_body');
  });

  it.each([
    ['JSON', '{"username":"', '"}', JSON_TYPE],
    ['a form', 'username=', '', FORM_TYPE],
  ])('is refused when it was not UTF-8 before it was read as text: %s', async (_, start, end, type) => {
    const encoder = new TextEncoder();
    const body = new Uint8Array([...encoder.encode(start), 0xe4, 0xf6, ...encoder.encode(end)]);
    await expectProblem(await register((c) => c.req.text(), body, type), 400, 'malformed_body');
  });

  it('is refused when a form has a field twice, as it is otherwise', async () => {
    const twice = `${form(newPerson())}&username=another`;
    const response = await register((c) => c.req.formData(), twice, FORM_TYPE);
    expect(response.status).toBe(422);
    const errors = [
      { field: 'username', code: 'wrong_type', message: 'must be a string', params: { expected: 'string' } },
    ];
    expect(await response.json()).toMatchObject({ code: 'invalid_input', errors });
  });
});

describe('a body that the parent has used up', () => {
  it.each<[string, Reader]>([
    ['by reading the raw request', (c) => c.req.raw.text()],
    ['by cancelling it', (c) => c.req.raw.body?.cancel()],
    ['by a reader that it keeps', (c) => void c.req.raw.body?.getReader()],
  ])('is the parent’s bug, and the log says so: %s', async (_, read) => {
    const lines = captureLogs();
    const response = await register(read, json(newPerson()), JSON_TYPE);
    await expectProblem(response, 500, 'internal');
    expect(lines).toHaveLength(1);
    expect(parseLine(lines[0])).toMatchObject({ event: 'POST /auth/register', reason: 'body_used_up' });
  });
});
