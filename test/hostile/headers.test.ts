import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { insideAccount } from '../support/inside-account.ts';
import { muteRequestLog } from '../support/quiet.ts';
import { isPage, routes } from '../support/routes.ts';
import { PASSWORD, type Person, Service } from '../support/service.ts';
import { expectSound, readStorage, send } from '../support/soundness.ts';

const service = new Service();
muteRequestLog();
let witness: Person;

beforeAll(async () => {
  witness = await service.register();
});

const endpoints = Object.entries(routes).flatMap(([path, methods]) =>
  Object.keys(methods).map((method) => ({ method, path })),
);

const NAMES = [
  ...['Authorization', 'Cookie', 'Content-Type', 'Content-Length', 'Content-Encoding', 'Transfer-Encoding'],
  ...['Origin', 'Sec-Fetch-Site', 'Referer', 'User-Agent', 'Accept', 'Host', 'Forwarded', 'X-Forwarded-For'],
  ...[
    'CF-Connecting-IP',
    'CF-Ray',
    'CF-IPCountry',
    'Access-Control-Request-Method',
    'X-HTTP-Method-Override',
  ],
  ...[
    'Expect',
    'Range',
    'If-None-Match',
    'Upgrade',
    'Connection',
    'X-Request-Id',
    'constructor',
    '__proto__',
  ],
];
/** What may stand in a header, short of line breaks and NUL. Of bytes beyond ASCII, workerd warns on the terminal. */
const byte = fc
  .integer({ min: 1, max: 127 })
  .map((code) => String.fromCharCode(code).replace(/[\r\n]/, '\t'));
const value = fc.oneof(
  fc.string({ unit: byte, maxLength: 60 }),
  fc.constantFrom('', 'null', '*', 'Bearer', 'Bearer ', 'Bearer a b', 'Bearer ..', 'Basic YTpi', 'bearer\tx'),
  fc.constantFrom(
    '__Host-jwt',
    '__Host-jwt=',
    '=',
    ';;;',
    '__Host-jwt="a"',
    '__Host-jwt=%',
    'a=b; __Host-jwt=%ff',
  ),
  fc.constantFrom('same-origin', 'cross-site', 'chunked', '0', '-1', '::1%eth0', ':::::', '1.2.3.4, 5.6.7.8'),
  fc.constantFrom('a'.repeat(16_384), `Bearer ${'.'.repeat(16_384)}`, `__Host-jwt=${'a.'.repeat(8_192)}`),
);
const header = fc.tuple(fc.constantFrom(...NAMES), value);

describe('headers of any kind', () => {
  it('neither break an endpoint nor get past one', async () => {
    const before = await readStorage(witness.id);
    const property = fc.asyncProperty(
      fc.constantFrom(...endpoints),
      fc.array(header, { maxLength: 12, size: 'max' }),
      async ({ method, path }, fields) => {
        const headers = new Headers();
        for (const [name, text] of fields) headers.append(name, text);
        const body = path === '/login' || path === '/register' ? { body: '{"username":"a"}' } : {};
        const response = await send(service, path, { method, headers, ...body });
        const code = await expectSound(response, method);
        const isFile = isPage(routes[path]?.GET);
        const isOpen = isFile || path === '/logout' || path === '/health' || path.startsWith('/.well-known/');
        if (!isOpen) expect(code).not.toBe('ok');
        expect(response.headers.get('Set-Cookie') ?? '').not.toContain('=eyJ');
        expect(response.headers.has('Access-Control-Allow-Origin')).toBe(false);
      },
    );
    await fc.assert(property, { numRuns: 400 });
    expect(await readStorage(witness.id)).toEqual(before);
  });

  it('in their hundreds change nothing about a response', async () => {
    const ada = await service.register();
    const flood = new Headers(
      Array.from({ length: 500 }, (_, index) => [`X-Flood-${index}`, 'x'.repeat(64)]),
    );
    flood.set('Authorization', `Bearer ${ada.accessToken}`);
    const me = await send(service, '/me', { headers: flood });
    expect(await me.clone().json()).toMatchObject({ user: { id: ada.id } });
    expect(await expectSound(me, 'GET')).toBe('ok');
    flood.delete('Authorization');
    for (const { method, path } of endpoints) {
      const response = await send(service, path, { method, headers: flood });
      const plain = await send(service, path, { method });
      expect(response.status).toBe(plain.status);
      await expectSound(response, method);
    }
  });

  it('that say who is asking are stored cut, or not at all', async () => {
    const ada = await service.register();
    const response = await service.post('/login', {
      json: { username: ada.name, password: PASSWORD },
      headers: { 'User-Agent': 'u'.repeat(16_384), 'X-Forwarded-For': '192.0.2.1' },
    });
    expect(response.status).toBe(200);
    const [device] = await insideAccount(ada.id, (_, { sql }) =>
      sql.exec('SELECT user_agent, ip FROM session WHERE sid <> ?', ada.sid).toArray(),
    );
    expect(device).toEqual({ user_agent: 'u'.repeat(256), ip: null });
  });
});

describe('a refresh cookie', () => {
  const jwt = '__Host-jwt';
  const spellings: [string, (token: string) => string][] = [
    ['in quotes', (token) => `${jwt}="${token}"`],
    ['with a letter as %XX', (token) => `${jwt}=%65${token.slice(1)}`],
    ['with %00 behind it', (token) => `${jwt}=${token}%00`],
    ['with a comma behind it', (token) => `${jwt}=${token},`],
    ['with = behind it', (token) => `${jwt}=${token}=`],
    ['with a full stop behind it', (token) => `${jwt}=${token}.`],
    ['with a blank in it', (token) => `${jwt}=${token.slice(0, 9)} ${token.slice(9)}`],
    ['under its name in other case', (token) => `__host-JWT=${token}`],
    ['under its name as %XX', (token) => `%5F_Host-jwt=${token}`],
    ['under no name', (token) => token],
    ['as the value of another', (token) => `x=${jwt}=${token}`],
    ['behind a comma', (token) => `x=y,${jwt}=${token}`],
    ['twice', (token) => `${jwt}=${token}; ${jwt}=${token}`],
  ];

  it.each(spellings)('%s is refused, and its session stays as it was', async (_, spell) => {
    const before = await readStorage(witness.id);
    const response = await send(service, '/refresh', {
      method: 'POST',
      headers: { Cookie: spell(witness.cookie) },
    });
    expect(await expectSound(response)).toBe('unauthorized');
    expect(await readStorage(witness.id)).toEqual(before);
  });

  it('is found among a hundred others, with a planted one of its name', async () => {
    const ada = await service.register();
    const others = Array.from({ length: 100 }, (_, index) => `__Host-jwt${index}="%22;`).join(' ');
    const found = await send(service, '/refresh', {
      method: 'POST',
      headers: { Cookie: `=; ;${others} __host-JWT=x; __Host-jwt=other; __Host-jwt=${ada.cookie}; b` },
    });
    expect(await expectSound(found)).toBe('ok');
  });
});
