import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { muteRequestLog } from '../support/quiet.ts';
import { type Person, Service } from '../support/service.ts';
import { expectSound, readStorage, send } from '../support/soundness.ts';

const service = new Service();
muteRequestLog();
let witness: Person;

beforeAll(async () => {
  witness = await service.register();
});

const TAKEN_TYPES = ['application/json', 'application/x-www-form-urlencoded'];
const ODD_BUT_TAKEN_TYPES = [
  'APPLICATION/JSON; charset=latin1',
  ' application/json\t;',
  'application/json;text/html',
];
const OTHER_TYPES = [
  ...[
    'text/json',
    'text/plain',
    'application/jsonp',
    'application/problem+json',
    'multipart/form-data; boundary=x',
  ],
  ...['text/html; application/json', '*/*', 'json', ';', ''],
];
const mediaType = fc.constantFrom(...TAKEN_TYPES, ...ODD_BUT_TAKEN_TYPES, ...OTHER_TYPES);

/** Whole texts and single pieces that parsers, normalisers and databases have stumbled over. */
const piece = fc.constantFrom(
  ...[
    'a',
    'Z',
    '\u00e9',
    'e\u0301',
    '\ufb01',
    '\u0130',
    '\u00df',
    '\u212b',
    '\ufdfa',
    '\u1e9b\u0323',
    '@',
    '.',
  ],
  ...[
    '\u{1f600}',
    '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}',
    '\u{10000}',
    '\u202e',
    '\u200f',
    '\u061c',
    '\ufeff',
  ],
  ...['\u0000', '\u001f', '\u2028', '\uffff', '\ud800', '\udc00', ' ', "'", '"', '\\', '%00', '--', '&', '='],
);
const awkward = fc.array(piece, { maxLength: 70, size: 'max' }).map((pieces) => pieces.join(''));
const notText = fc.jsonValue().filter((value) => typeof value !== 'string');

/** Objects with the right members, of which at least one is not a string. */
const mistyped = fc
  .record(
    {
      username: fc.oneof(awkward, notText),
      email: fc.oneof(awkward, notText),
      password: notText,
      x: notText,
    },
    { requiredKeys: [] },
  )
  .map((value) => JSON.stringify(value));
const form = fc
  .array(fc.tuple(fc.constantFrom('username', 'email', '__proto__', 'x', ''), awkward), { maxLength: 9 })
  .map((fields) =>
    new URLSearchParams(fields.map(([name, value]) => [name, value.toWellFormed()])).toString(),
  );
/** No body that `/login` or `/register` takes. */
const junk: fc.Arbitrary<BodyInit> = fc.oneof(
  mistyped,
  form,
  fc.json(),
  awkward,
  fc.constantFrom('', '{', '[]', 'null', '{"__proto__":{"username":"a","password":"b"}}', '['.repeat(8000)),
  fc.uint8Array({ maxLength: 64 }),
);

describe.each(['/register', '/login'])('POST %s', (path) => {
  it('refuses whatever it does not take, and stores nothing', async () => {
    const before = await readStorage(witness.id);
    const property = fc.asyncProperty(junk, mediaType, async (body, type) => {
      const response = await send(service, path, {
        method: 'POST',
        headers: { 'Content-Type': type },
        body,
      });
      expect(response.headers.has('Set-Cookie')).toBe(false);
      const isTaken = !OTHER_TYPES.includes(type);
      const codes = isTaken ? ['malformed_body', 'invalid_input'] : ['unsupported_media_type'];
      expect(codes).toContain(await expectSound(response));
    });
    await fc.assert(property, { numRuns: 300 });
    expect(await readStorage(witness.id)).toEqual(before);
  });

  it.each([
    '[]',
    '[{"username":"a","password":"b"}]',
    'null',
    '"text"',
    '7',
    '{',
    '{}x',
    '',
    '\ufeff\ufeff{}',
  ])('refuses %j as JSON, since it is no object', async (body) => {
    const response = await send(service, path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
    });
    expect(await expectSound(response)).toBe('malformed_body');
  });

  it('refuses bytes that are no UTF-8, in JSON and in a form', async () => {
    const around = (before: string, after: string) =>
      new Uint8Array([...new TextEncoder().encode(before), 0xff, ...new TextEncoder().encode(after)]);
    for (const [type, body] of [
      ['application/json', around('{"username":"', '"}')],
      ['application/x-www-form-urlencoded', around('username=', '')],
    ] as const) {
      const response = await send(service, path, { method: 'POST', headers: { 'Content-Type': type }, body });
      expect(await expectSound(response)).toBe('malformed_body');
    }
  });
});

describe('any Unicode', () => {
  it('in a registration is refused with the faults of its fields', async () => {
    const before = await readStorage(witness.id);
    const property = fc.asyncProperty(awkward, awkward, async (username, email) => {
      const response = await service.post('/register', { json: { username, email, password: 'short' } });
      const { errors } = await response.clone().json<{ errors: { field: string; message: string }[] }>();
      expect(await expectSound(response)).toBe('invalid_input');
      expect(['username', 'email', 'password']).toEqual(
        expect.arrayContaining(errors.map(({ field }) => field)),
      );
      expect(errors).toContainEqual({
        field: 'password',
        code: 'too_short',
        message: 'must be at least 8 characters long',
        params: { min: 8 },
      });
    });
    await fc.assert(property, { numRuns: 200 });
    expect(await readStorage(witness.id)).toEqual(before);
  });

  it('at sign-in is a wrong name or password like any other', async () => {
    const before = await readStorage(witness.id);
    const property = fc.asyncProperty(awkward, awkward, async (username, password) => {
      const response = await service.post('/login', { json: { username, password } });
      expect(response.headers.has('Set-Cookie')).toBe(false);
      expect(await expectSound(response)).toBe('invalid_credentials');
    });
    await fc.assert(property, { numRuns: 8 });
    // Accounts that nobody has count the failures; of the real ones, nothing has changed.
    expect(await readStorage(witness.id)).toEqual({ ...before, accounts: expect.any(Array) });
  });

  it.each([
    ['composed', 'Zo\u00eb\u{20bb7}', 'p\u00e4ssw\u00f6rter \u{1f511}'],
    ['decomposed', 'Zoe\u0308\u{20bb7}', 'pa\u0308sswo\u0308rter \u{1f511}'],
  ])('that is %s is the same name and password in another form', async (form, username, password) => {
    const other = form === 'composed' ? 'NFD' : 'NFC';
    const suffix = form.toUpperCase();
    const registered = await service.post('/register', {
      json: { username: username + suffix, email: `${form}@example.com`, password },
    });
    expect(registered.status).toBe(201);
    const { user } = await registered.json<{ user: { username: string } }>();
    expect(user.username).toBe((username + suffix).normalize('NFKC'));
    const taken = await service.post('/register', {
      json: { username: (username + suffix).normalize(other), email: `${form}2@example.com`, password },
    });
    expect(await expectSound(taken)).toBe('username_taken');
    await service.login((username + suffix).normalize(other).toLowerCase(), password.normalize(other));
  });
});
