import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { routes as all } from '../../src/app.ts';
import { operations, requests } from '../../src/reference/operations.ts';
import { BLANKS_IN_HEADERS, OPTIONAL_WHITE_SPACE } from '../support/blanks.ts';
import { expectProblem } from '../support/problem.ts';
import { PASSWORD, Service, uniqueName } from '../support/service.ts';
import { findInDirectory, readFailures, readSessions } from '../support/storage.ts';

const service = new Service();
const JSON_TYPE = { 'Content-Type': 'application/json' };
const FORM_TYPE = { 'Content-Type': 'application/x-www-form-urlencoded' };
const LIMIT = 8 * 1024;
const ADMIN_TOKEN = 'operators-token-of-the-tests-0123456789abcdef';

describe('a body that is a form', () => {
  const withBody = all.filter(({ body }) => body !== undefined);
  const others = withBody.filter(({ reference }) => !reference.takesForms);

  it('is taken by two endpoints', () => {
    const takers = withBody.filter(({ reference }) => reference.takesForms);
    expect(takers.map(({ path }) => path).toSorted()).toEqual(['/login', '/register']);
    expect(others.length).toBeGreaterThan(6);
  });

  it.each(others.map(({ method, path }) => [method, path]))('is no body of %s %s', async (method, path) => {
    const admin = new Service({ ADMIN_TOKEN });
    const ada = await admin.register();
    const response = await admin.fetch(path.replace(':id', ada.id), {
      method,
      bearer: path.startsWith('/admin') ? ADMIN_TOKEN : ada.accessToken,
      headers: FORM_TYPE,
      body: 'password=x',
    });
    await expectProblem(response, 415, 'unsupported_media_type');
  });
});

describe.each(['/login', '/register'])('the body of POST %s', (path) => {
  it.each<[string, BodyInit | undefined]>([
    ['nothing', undefined],
    ['an empty text', ''],
    ['no JSON', 'username=ada'],
    ['JSON that breaks off', '{"username":"ada"'],
    ['JSON with something after it', '{"username":"ada","password":"x"} {}'],
    ['JSON with two byte order marks', '\ufeff\ufeff{"username":"ada","password":"x"}'],
    ['JSON with a byte order mark after it', '{"username":"ada","password":"x"}\ufeff'],
    ['a byte order mark alone', '\ufeff'],
    ['a text', '"ada"'],
    ['a number', '1'],
    ['null', 'null'],
    ['a list', '[{"username":"ada","password":"x"}]'],
    ['bytes that are not UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ])('is refused as malformed: %s', async (_, body) => {
    const response = await service.post(path, { headers: JSON_TYPE, ...(body !== undefined && { body }) });
    await expectProblem(response, 400, 'malformed_body');
  });

  it('is refused as malformed when a form is not UTF-8', async () => {
    const body = new Uint8Array([0x75, 0x3d, 0xff]);
    const response = await service.post(path, { headers: FORM_TYPE, body });
    await expectProblem(response, 400, 'malformed_body');
  });

  it.each(['%E4%F6%FC', 'caf%e9', '%C3%A9%C3', '%ED%A0%80', 'a%FFb'])(
    'is refused as malformed when the escapes of a form are not UTF-8: %s',
    async (escapes) => {
      const body = `username=ada&email=ada@example.com&password=${escapes}`;
      const response = await service.post(path, { headers: FORM_TYPE, body });
      await expectProblem(response, 400, 'malformed_body');
    },
  );

  it.each([
    ['no Content-Type', {}],
    ['plain text, which a page may send across origins', { 'Content-Type': 'text/plain' }],
    ['plain text that mentions JSON', { 'Content-Type': 'text/plain; application/json' }],
    ['multipart', { 'Content-Type': 'multipart/form-data; boundary=x' }],
    ['something like JSON', { 'Content-Type': 'application/json-patch+json' }],
    ['two types', { 'Content-Type': 'text/plain, application/json' }],
  ])('is refused with %s, whatever it holds', async (_, headers) => {
    const name = uniqueName();
    const json = { username: name, email: `${name}@example.com`, password: PASSWORD };
    // Bytes, not text: a text would bring a Content-Type of its own.
    const body = new TextEncoder().encode(JSON.stringify(json));
    await expectProblem(await service.post(path, { headers, body }), 415, 'unsupported_media_type');
    expect(await findInDirectory(name)).toBeUndefined();
  });

  it('is refused one byte over 8 KiB, as JSON and as a form', async () => {
    for (const headers of [JSON_TYPE, FORM_TYPE]) {
      const response = await service.post(path, { headers, body: 'x'.repeat(LIMIT + 1) });
      await expectProblem(response, 413, 'body_too_large');
    }
  });

  it('is refused over 8 KiB when it comes in pieces without a length, and read no further', async () => {
    let pieces = 0;
    let isCancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pieces += 1;
        controller.enqueue(new TextEncoder().encode(' '.repeat(1024)));
      },
      cancel() {
        isCancelled = true;
      },
    });
    const response = await service.post(path, { headers: JSON_TYPE, body });
    await expectProblem(response, 413, 'body_too_large');
    expect(pieces).toBeLessThan(20);
    expect(isCancelled).toBe(true);
  });

  it('is counted in bytes, and not by what Content-Length says', async () => {
    const body = JSON.stringify({ username: 'ä'.repeat(LIMIT / 2) });
    expect(body.length).toBeLessThan(LIMIT);
    const headers = { ...JSON_TYPE, 'Content-Length': '10' };
    await expectProblem(await service.post(path, { headers, body }), 413, 'body_too_large');
  });
});

describe('a body of exactly 8 KiB', () => {
  it('is taken, in one piece and in many', async () => {
    const ada = await service.register();
    const text = fill({ username: ada.name, password: PASSWORD });
    const inOne = await service.post('/login', { headers: JSON_TYPE, body: text });
    const inMany = await service.post('/login', { headers: JSON_TYPE, body: inPieces(text, 1000) });
    expect([inOne.status, inMany.status]).toEqual([200, 200]);
    expect(await readSessions(ada.id)).toHaveLength(3);
  });

  it('is taken with a Content-Length that says more', async () => {
    const ada = await service.register();
    const headers = { ...JSON_TYPE, 'Content-Length': '1000000' };
    const body = inPieces(JSON.stringify({ username: ada.name, password: PASSWORD }), 10);
    expect((await service.post('/login', { headers, body })).status).toBe(200);
  });
});

describe('a media type', () => {
  it.each(['application/json; charset=utf-8', 'Application/JSON', ' application/json ;x=y'])(
    'is read as media types are: %j is JSON',
    async (type) => {
      const response = await service.post('/login', { headers: { 'Content-Type': type }, body: '{' });
      await expectProblem(response, 400, 'malformed_body');
    },
  );
});

describe('a byte order mark before a body', () => {
  it('is ignored, in JSON and in a form, and kept in a value', async () => {
    const ada = await service.register();
    const bodies: [Record<string, string>, string][] = [
      [JSON_TYPE, JSON.stringify({ username: ada.name, password: PASSWORD })],
      [FORM_TYPE, new URLSearchParams({ username: ada.name, password: PASSWORD }).toString()],
    ];
    for (const [headers, body] of bodies)
      expect((await service.post('/login', { headers, body: `\ufeff${body}` })).status).toBe(200);
    const json = { username: ada.name, password: `\ufeff${PASSWORD}` };
    expect((await service.post('/login', { json })).status).toBe(401);
  });
});

describe('a compressed body', () => {
  const send = (path: string, coding: string) => {
    const headers = { ...JSON_TYPE, 'Content-Encoding': coding };
    return service.post(path, { headers, body: '{' });
  };

  it.each([
    'gzip',
    'br',
    'deflate',
    'zstd',
    'x-gzip',
    'GZIP',
    'identity, gzip',
    'gzip, identity',
    '\u00a0identity',
    '*',
  ])('is refused, and the response says what is taken: %j', async (coding) => {
    for (const path of ['/login', '/register', '/password/forgot']) {
      const response = await send(path, coding);
      expect(response.headers.get('Accept-Encoding')).toBe('identity');
      const { title } = await expectProblem(response, 415, 'unsupported_media_type');
      expect(title).toBe('Send the body uncompressed');
    }
  });

  it.each(['identity', 'Identity', ' identity\t', 'identity, identity', '', ','])(
    'is none with %j',
    async (coding) => {
      const response = await send('/login', coding);
      expect(response.headers.get('Accept-Encoding')).toBeNull();
      await expectProblem(response, 400, 'malformed_body');
    },
  );

  it('is told apart from another media type, which says nothing of codings', async () => {
    const response = await service.post('/login', { headers: { 'Content-Type': 'text/plain' }, body: 'x' });
    expect(response.headers.get('Accept-Encoding')).toBeNull();
    await expectProblem(response, 415, 'unsupported_media_type');
  });
});

describe('names of Object.prototype', () => {
  const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf'];

  it('in a body are fields like others, which are ignored', async () => {
    const ada = await service.register();
    const json = `{${NAMES.map((name) => `"${name}":{"polluted":"yes"}`)},"username":"${ada.name}","password":"${PASSWORD}"}`;
    const form = new URLSearchParams(
      NAMES.flatMap((name) => [
        [name, 'yes'],
        [name, 'again'],
      ]),
    );
    form.set('username', ada.name);
    form.set('password', PASSWORD);
    expect((await service.post('/login', { headers: JSON_TYPE, body: json })).status).toBe(200);
    expect((await service.post('/login', { headers: FORM_TYPE, body: form.toString() })).status).toBe(200);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  const withBody = Object.entries(operations).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { body }]) => {
      const schema = body === undefined ? undefined : requests[body];
      return schema === undefined ? [] : [[method, path, schema] as const];
    }),
  );

  it.each(withBody)('stand for no field of %s %s', async (method, path, schema) => {
    const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789abcdef';
    const operated = new Service({ ADMIN_TOKEN });
    const ada = await operated.register();
    const fields = Object.keys(Reflect.get(schema, 'entries'));
    const inner = JSON.stringify(Object.fromEntries(fields.map((field) => [field, 'x'])));
    const response = await operated.fetch(path, {
      method,
      headers: JSON_TYPE,
      bearer: path.startsWith('/admin') ? ADMIN_TOKEN : ada.accessToken,
      body: `{"__proto__":${inner},"constructor":{"prototype":${inner}}}`,
    });
    // Where no field is required, `x` would be refused in one that was taken.
    if (v.is(schema, {})) {
      expect(response.status).toBe(200);
      return;
    }
    const { errors = [] } = await response.clone().json<{ errors?: { field: string; message: string }[] }>();
    expect(errors.every(({ message }) => message === 'is required')).toBe(true);
    expect(errors.length).toBeGreaterThan(0);
    await expectProblem(response, 422, 'invalid_input', { errors });
  });

  it.each(NAMES)('are ids that nobody has, and no other value of a query: %s', async (name) => {
    const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789abcdef';
    const operated = new Service({ ADMIN_TOKEN });
    const ada = await operated.register();
    const bearer = ada.accessToken;
    const session = await operated.fetch(`/sessions/${name}`, { method: 'DELETE', bearer });
    await expectProblem(session, 404, 'not_found');
    const keep = await operated.fetch(`/sessions?keep=${name}`, { method: 'DELETE', bearer });
    expect(keep.status).toBe(422);
    const account = await operated.fetch(`/admin/accounts/${name}`, { bearer: ADMIN_TOKEN });
    await expectProblem(account, 404, 'not_found');
    await expectProblem(await operated.fetch(`/${name}`), 404, 'not_found');
    expect((await operated.fetch('/me', { bearer })).status).toBe(200);
  });
});

describe('white space around a media type', () => {
  it.each(OPTIONAL_WHITE_SPACE)('is optional where it is %j', async (blank) => {
    const headers = { 'Content-Type': `${blank}application/json${blank};${blank}charset=utf-8` };
    await expectProblem(await service.post('/login', { headers, body: '{' }), 400, 'malformed_body');
  });

  it.each(BLANKS_IN_HEADERS)('makes it another type where it is %s', async (_, blank) => {
    for (const type of ['application/json', 'application/x-www-form-urlencoded']) {
      for (const spelt of [`${blank}${type}`, `${type}${blank}`, `${type} ${blank};a=b`]) {
        const headers = { 'Content-Type': spelt };
        const body = new TextEncoder().encode('{}');
        await expectProblem(await service.post('/login', { headers, body }), 415, 'unsupported_media_type');
      }
    }
  });
});

describe('a form', () => {
  it('means what browsers mean by it: + is a blank, and %XX a byte of UTF-8', async () => {
    const name = uniqueName();
    const password = 'caf\u00e9 & cr\u00e8me + 100%';
    const json = { username: name, email: `${name}@example.com`, password };
    expect((await service.post('/register', { json })).status).toBe(201);
    const body = `username=${name}&password=caf%C3%A9+%26+cr%C3%A8me+%2B+100%25`;
    expect((await service.post('/login', { headers: FORM_TYPE, body })).status).toBe(200);
  });

  it('with a field given twice is refused rather than read by its first or last', async () => {
    const ada = await service.register();
    const body = `username=${ada.name}&password=wrong&password=${encodeURIComponent(PASSWORD)}`;
    const response = await service.post('/login', { headers: FORM_TYPE, body });
    await expectProblem(response, 422, 'invalid_input', {
      errors: [
        {
          field: 'password',
          code: 'wrong_type',
          message: 'must be a string',
          params: { expected: 'string' },
        },
      ],
    });
    expect(await readFailures(ada.id)).toBe(0);
    expect(await readSessions(ada.id)).toHaveLength(1);
  });
});

function fill(fields: object): string {
  const start = `${JSON.stringify(fields).slice(0, -1)},"padding":"`;
  return `${start}${'x'.repeat(LIMIT - start.length - 2)}"}`;
}

function inPieces(text: string, size: number): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(bytes.slice(at, at + size));
      at += size;
      if (at >= bytes.length) controller.close();
    },
  });
}
