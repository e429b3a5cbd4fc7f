import { describe, expect, it } from 'vitest';
import { BLANKS_IN_HEADERS, OPTIONAL_WHITE_SPACE } from '../support/blanks.ts';
import { expectProblem } from '../support/problem.ts';
import { PASSWORD, Service, uniqueName } from '../support/service.ts';
import { findInDirectory, readFailures, readSessions } from '../support/storage.ts';

const service = new Service();
const JSON_TYPE = { 'Content-Type': 'application/json' };
const FORM_TYPE = { 'Content-Type': 'application/x-www-form-urlencoded' };
const LIMIT = 8 * 1024;

describe.each(['/login', '/register'])('the body of POST %s', (path) => {
  it.each<[string, BodyInit | undefined]>([
    ['nothing', undefined],
    ['an empty text', ''],
    ['no JSON', 'username=ada'],
    ['JSON that breaks off', '{"username":"ada"'],
    ['JSON with something after it', '{"username":"ada","password":"x"} {}'],
    ['JSON with a byte order mark', '\ufeff{"username":"ada","password":"x"}'],
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
      errors: [{ field: 'password', message: 'must be a string' }],
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
