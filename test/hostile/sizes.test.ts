import { sign } from 'hono/jwt';
import { describe, expect, it } from 'vitest';
import { MAX_BODY_BYTES } from '../../src/api/wire.ts';
import { MAX_TOKEN_LENGTH } from '../../src/tokens/jws.ts';
import { muteRequestLog } from '../support/quiet.ts';
import { ACCESS_SECRET, decodePayload, REFRESH_SECRET, Service, uniqueName } from '../support/service.ts';
import { expectSound, readStorage, send } from '../support/soundness.ts';

const service = new Service();
muteRequestLog();
const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';

/** A letter (of Chinese names) outside the Basic Multilingual Plane: one character, two UTF-16 units, four bytes. */
const LETTER = '\u{20bb7}';

describe('the body of a sign-in or a registration', () => {
  // The field that is missing shows that the body was read to its end, and costs no hash.
  it.each([
    ['JSON', JSON_TYPE, (bytes: number) => `{"username":"${'a'.repeat(bytes - 15)}"}`],
    ['a form', FORM_TYPE, (bytes: number) => `username=${'a'.repeat(bytes - 9)}`],
  ])('as %s is taken up to 8,192 bytes, and refused beyond', async (_, type, make) => {
    expect(MAX_BODY_BYTES).toBe(8192);
    const codes = { 8191: 'invalid_input', 8192: 'invalid_input', 8193: 'body_too_large' };
    for (const [bytes, code] of Object.entries(codes)) {
      const body = make(Number(bytes));
      expect(body).toHaveLength(Number(bytes));
      for (const path of ['/login', '/register']) {
        const response = await send(service, path, {
          method: 'POST',
          headers: { 'Content-Type': type },
          body,
        });
        expect(await expectSound(response)).toBe(code);
      }
    }
  });
});

describe('the fields of a registration', () => {
  /** Fields of exactly their longest, and so many characters more. */
  function longest(change: number) {
    const name = uniqueName();
    const domain = `${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(60)}.ee`;
    return {
      username: name + LETTER.repeat(64 + change - name.length),
      email: `${name.padEnd(254 + change - domain.length - 1, 'a')}@${domain}`,
      password: LETTER.repeat(1024 + change),
    };
  }

  it.each([-1, 0])('may each be as long as 64, 254 and 1,024 characters (%i)', async (change) => {
    const json = longest(change);
    expect([...json.username]).toHaveLength(64 + change);
    expect(json.email).toHaveLength(254 + change);
    expect([...json.password]).toHaveLength(1024 + change);
    const response = await service.post('/register', { json });
    expect(response.status, await response.clone().text()).toBe(201);
    expect(await response.json()).toMatchObject({ user: { username: json.username, email: json.email } });
  });

  it('are refused one character beyond, and nothing is stored', async () => {
    const ada = await service.register();
    const before = await readStorage(ada.id);
    const response = await service.post('/register', { json: longest(1) });
    const { errors } = await response.clone().json<{ errors: unknown }>();
    expect(await expectSound(response)).toBe('invalid_input');
    expect(errors).toEqual([
      {
        field: 'username',
        code: 'too_long',
        message: 'must be at most 64 characters long',
        params: { max: 64 },
      },
      {
        field: 'email',
        code: 'too_long',
        message: 'must be at most 254 characters long',
        params: { max: 254 },
      },
      {
        field: 'password',
        code: 'too_long',
        message: 'must be at most 1024 characters long',
        params: { max: 1024 },
      },
    ]);
    expect(await readStorage(ada.id)).toEqual(before);
  });

  it('tell seven characters of a password from eight', async () => {
    const fields = { username: uniqueName(), email: 'seven@example.com' };
    const seven = await service.post('/register', { json: { ...fields, password: LETTER.repeat(7) } });
    expect(await expectSound(seven)).toBe('invalid_input');
    const eight = await service.post('/register', { json: { ...fields, password: LETTER.repeat(8) } });
    expect(eight.status).toBe(201);
    await service.login(fields.username, LETTER.repeat(8));
  });
});

describe('a token', () => {
  /** A genuine token with a claim that nobody asked for, so that it gets as long as wanted. */
  async function stretch(token: string, secret: string, length: number): Promise<string> {
    const claims = decodePayload(token);
    for (let padding = length; padding > 0; padding -= 1) {
      const stretched = await sign({ ...claims, padding: 'x'.repeat(padding) }, secret, 'HS256');
      if (stretched.length === length) return stretched;
      if (stretched.length > length + 8) padding -= Math.floor((stretched.length - length - 8) / 2);
    }
    throw new RangeError(`no token has ${length} characters`);
  }

  it('is taken up to 4,096 characters, and refused beyond', async () => {
    const ada = await service.register();
    const before = await readStorage(ada.id);
    const long = await stretch(ada.accessToken, ACCESS_SECRET, MAX_TOKEN_LENGTH + 1);
    expect(await expectSound(await service.fetch('/me', { bearer: long }))).toBe('unauthorized');
    const longCookie = await stretch(ada.cookie, REFRESH_SECRET, MAX_TOKEN_LENGTH + 1);
    expect(await expectSound(await service.post('/refresh', { cookie: longCookie }))).toBe('unauthorized');
    expect(await readStorage(ada.id)).toEqual(before);

    for (const length of [MAX_TOKEN_LENGTH - 1, MAX_TOKEN_LENGTH]) {
      const bearer = await stretch(ada.accessToken, ACCESS_SECRET, length);
      expect(await expectSound(await service.fetch('/me', { bearer }))).toBe('ok');
      const cookie = await stretch(ada.cookie, REFRESH_SECRET, length);
      // The first one rotates, the second is the predecessor within its window.
      expect(await expectSound(await service.post('/refresh', { cookie }))).toBe('ok');
    }
  });
});
