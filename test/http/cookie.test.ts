import { describe, expect, it } from 'vitest';
import { expectAbsent } from '../support/absence.ts';
import { BLANKS_IN_HEADERS, OPTIONAL_WHITE_SPACE } from '../support/blanks.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { expectProblem } from '../support/problem.ts';
import { ISSUER, PASSWORD, readCookie, Service, type Settings, uniqueName } from '../support/service.ts';
import { readSessions } from '../support/storage.ts';

const service = new Service();
const DEFAULT_ATTRIBUTES = ['HttpOnly', 'Path=/', 'SameSite=Strict', 'Secure'];

describe('the refresh cookie', () => {
  it('is set to the letter of the contract by registering, signing in and refreshing', async () => {
    freezeClock();
    const name = uniqueName();
    const json = { username: name, email: `${name}@example.com`, password: PASSWORD };
    const registered = await service.post('/register', { json });
    const signedIn = await service.post('/login', { json });
    const refreshed = await service.post('/refresh', { cookie: readCookie(signedIn) ?? '' });
    for (const response of [registered, signedIn, refreshed]) {
      const { value, attributes } = readLine(response);
      expect(value).toMatch(/^__Host-jwt=[\w-]+\.[\w-]+\.[\w-]+$/);
      expect(attributes).toEqual([...DEFAULT_ATTRIBUTES, 'Max-Age=86400'].sort());
      expectAbsent(await response.text(), [readCookie(response) ?? '']);
    }
  });

  it('lives for the seconds that are left of its token, also when it is a repeated one', async () => {
    freezeClock();
    const ada = await service.register();
    await service.post('/refresh', { cookie: ada.cookie });
    passSeconds(20);
    const replay = await service.post('/refresh', { cookie: ada.cookie });
    expect(readLine(replay).attributes).toContain('Max-Age=86380');
  });

  it('is cleared with the attributes that it was set with', async () => {
    for (const response of [await service.post('/logout'), await service.post('/refresh')]) {
      const { value, attributes } = readLine(response);
      expect(value).toBe('__Host-jwt=');
      expect(attributes).toEqual([...DEFAULT_ATTRIBUTES, 'Max-Age=0'].sort());
    }
  });

  it.each<[Settings, string, string]>([
    [{ COOKIE_NAME: 'jwt' }, 'jwt', 'SameSite=Strict'],
    [{ COOKIE_NAME: '__Secure-refresh' }, '__Secure-refresh', 'SameSite=Strict'],
    [{ COOKIE_SAME_SITE: 'Lax' }, '__Host-jwt', 'SameSite=Lax'],
    [{ COOKIE_SAME_SITE: 'None' }, '__Host-jwt', 'SameSite=None'],
  ])('follows the settings %o, set or cleared', async (settings, name, sameSite) => {
    const other = new Service(settings);
    const ada = await other.register();
    const set = readLine(await other.post('/refresh', { cookie: ada.cookie }));
    const cleared = readLine(await other.post('/logout'));
    const attributes = ['HttpOnly', 'Path=/', 'Secure', sameSite];
    expect(set.value.startsWith(`${name}=ey`)).toBe(true);
    expect(set.attributes).toEqual([...attributes, 'Max-Age=86400'].sort());
    expect(cleared).toEqual({ value: `${name}=`, attributes: [...attributes, 'Max-Age=0'].sort() });
  });

  it('is found among other cookies, whose names only look like it', async () => {
    const ada = await service.register();
    const response = await service.post('/refresh', {
      headers: { Cookie: `jwt=a; x__Host-jwt=b; __host-jwt=c; __Host-jwt=${ada.cookie}; __Host-jwt2=d` },
    });
    expect(response.status).toBe(200);
  });

  it('has one name: under another setting of it, the old cookie is none', async () => {
    const ada = await service.register();
    const renamed = new Service({ COOKIE_NAME: 'jwt' });
    const response = await renamed.post('/refresh', { headers: { Cookie: `__Host-jwt=${ada.cookie}` } });
    await expectProblem(response, 401, 'unauthorized', { clearsCookie: true, cookieName: 'jwt' });
  });
});

describe('the name of the cookie', () => {
  it.each(OPTIONAL_WHITE_SPACE)(
    'may have optional white space around it, and so may its value: %j',
    async (blank) => {
      const ada = await service.register();
      const Cookie = `a=b;${blank}__Host-jwt${blank}=${blank}${ada.cookie}${blank}; c=d`;
      expect((await service.post('/refresh', { headers: { Cookie } })).status).toBe(200);
    },
  );

  it.each(BLANKS_IN_HEADERS)(
    'is another with %s before or after it, which a sibling domain may set: no such cookie is read',
    async (_, blank) => {
      const ada = await service.register();
      for (const name of [`${blank}__Host-jwt`, `__Host-jwt${blank}`, ` ${blank}__Host-jwt`]) {
        const headers = { Cookie: `${name}=${ada.cookie}` };
        await expectProblem(await service.post('/refresh', { headers }), 401, 'unauthorized', {
          clearsCookie: true,
        });
        expect((await service.post('/logout', { headers })).status).toBe(204);
      }
      for (const value of [`${blank}${ada.cookie}`, `${ada.cookie}${blank}`]) {
        const headers = { Cookie: `__Host-jwt=${value}; a=b` };
        expect((await service.post('/refresh', { headers })).status).toBe(401);
      }
      expect(await readSessions(ada.id)).toMatchObject([{ counter: 1 }]);
    },
  );
});

describe('several refresh cookies in one request', () => {
  const planted: [string, (mine: string) => string][] = [
    ['an empty one', () => '__Host-jwt='],
    ['a bare name', () => '__Host-jwt'],
    ['no cookie value', () => '__Host-jwt="\\"'],
    ['no token', () => '__Host-jwt=a.b.c'],
    ['a blank in its name', () => '__Host-jwt =x'],
    ['one in quotes', (mine) => `__Host-jwt="${mine}"`],
    ['a forged one', (mine) => `__Host-jwt=${mine.slice(0, -4)}AAAA`],
    ['six that are none', () => Array(6).fill('__Host-jwt=a.b.c').join('; ')],
  ];

  it.each(planted)('are one where the other does not verify, before or after it: %s', async (_, plant) => {
    const ada = await service.register();
    const mine = `__Host-jwt=${ada.cookie}`;
    const first = await service.post('/refresh', { headers: { Cookie: `${plant(ada.cookie)}; ${mine}` } });
    expect(first.status).toBe(200);
    const successor = `__Host-jwt=${readCookie(first)}`;
    const last = await service.post('/refresh', { headers: { Cookie: `${successor};${plant(ada.cookie)}` } });
    expect(last.status).toBe(200);
    expect(await readSessions(ada.id)).toMatchObject([{ counter: 3 }]);
  });

  it('are one where the other has expired, or was made for something else', async () => {
    freezeClock();
    const ada = await service.register();
    passSeconds(86_400);
    const again = await service.login(ada.name);
    const Cookie = `__Host-jwt=${ada.cookie}; __Host-jwt=${again.accessToken}; __Host-jwt=${again.cookie}`;
    expect((await service.post('/refresh', { headers: { Cookie } })).status).toBe(200);
  });

  it.each([
    ['the same twice', (mine: string) => `__Host-jwt=${mine}; __Host-jwt=${mine}`],
    ['a planted one first', (mine: string, other: string) => `__Host-jwt=${other}; __Host-jwt=${mine}`],
    ['a planted one last', (mine: string, other: string) => `__Host-jwt=${mine};__Host-jwt=${other}`],
    [
      'a forged one between them',
      (mine: string, other: string) => `__Host-jwt=${mine}; __Host-jwt=a.b.c; __Host-jwt=${other}`,
    ],
    [
      'more than eight, of which one is genuine',
      (mine: string) => `__Host-jwt=${mine}${'; __Host-jwt=a.b.c'.repeat(8)}`,
    ],
  ])('are refused where two are genuine, or eight are not all: %s; neither is used', async (_, write) => {
    const [ada, bob] = [await service.register(), await service.register()];
    const response = await service.post('/refresh', { headers: { Cookie: write(ada.cookie, bob.cookie) } });
    await expectProblem(response, 401, 'unauthorized', { clearsCookie: true });
    expect(await readSessions(ada.id)).toMatchObject([{ counter: 1 }]);
    expect(await readSessions(bob.id)).toMatchObject([{ counter: 1 }]);
  });

  it('are refused where none verifies, and a browser that holds a planted one is signed in again', async () => {
    const named = new Service({ COOKIE_NAME: 'jwt' });
    const ada = await named.register();
    const planted = 'jwt=a.b.c';
    const refused = await named.post('/refresh', { headers: { Cookie: `${planted}; jwt=` } });
    await expectProblem(refused, 401, 'unauthorized', { clearsCookie: true, cookieName: 'jwt' });
    const json = { username: ada.name, password: PASSWORD };
    const signedIn = await named.post('/login', { json, headers: { Cookie: planted } });
    const Cookie = `${planted}; jwt=${readCookie(signedIn, 'jwt')}`;
    expect((await named.post('/refresh', { headers: { Cookie } })).status).toBe(200);
    const signedOut = await named.post('/logout', { headers: { Cookie } });
    expect(readCookie(signedOut, 'jwt')).toBe('');
  });
});

describe('two Cookie lines, which the platform joins with ", "', () => {
  it.each([
    ['the last', (mine: string) => ['a=b', `c=d; __Host-jwt=${mine}`]],
    ['the first', (mine: string) => [`__Host-jwt=${mine}; a=b`, 'c=d']],
    ['the one in between', (mine: string) => ['a=b', `__Host-jwt=${mine}`, 'c=d']],
  ])('are read as one: the cookie in %s is found', async (_, write) => {
    const ada = await service.register();
    const response = await postLines('/refresh', write(ada.cookie));
    expect(response.status).toBe(200);
    expect(await readSessions(ada.id)).toMatchObject([{ counter: 2 }]);
  });

  it('are refused with a genuine cookie in each', async () => {
    const [ada, bob] = [await service.register(), await service.register()];
    const response = await postLines('/refresh', [`__Host-jwt=${ada.cookie}`, `__Host-jwt=${bob.cookie}`]);
    await expectProblem(response, 401, 'unauthorized', { clearsCookie: true });
    expect(await readSessions(ada.id)).toMatchObject([{ counter: 1 }]);
  });

  it.each<Record<string, string>>([
    { Origin: ISSUER },
    { 'Sec-Fetch-Site': 'same-origin' },
    { Origin: ISSUER, 'Sec-Fetch-Site': 'same-origin' },
  ])(
    'are never sent by a browser: with %o the comma belongs to the value of another cookie, which a sibling domain may set',
    async (headers) => {
      const ada = await service.register();
      const Cookie = `x=1, __Host-jwt=${ada.cookie}`;
      const response = await service.post('/refresh', { headers: { ...headers, Cookie } });
      await expectProblem(response, 401, 'unauthorized', { clearsCookie: true });
      await service.post('/logout', { headers: { ...headers, Cookie } });
      expect(await readSessions(ada.id)).toMatchObject([{ counter: 1 }]);
    },
  );
});

/** Sends Cookie lines one by one. */
async function postLines(path: string, lines: string[]): Promise<Response> {
  const headers = new Headers();
  for (const line of lines) headers.append('Cookie', line);
  expect(headers.get('Cookie')).toBe(lines.join(', '));
  return service.post(path, { headers: Object.fromEntries(headers) });
}

function readLine(response: Response): { value: string; attributes: string[] } {
  const lines = response.headers.getSetCookie().filter((line) => !line.startsWith('__Host-device='));
  expect(lines).toHaveLength(1);
  const [value = '', ...attributes] = (lines[0] ?? '').split('; ');
  return { value, attributes: attributes.sort() };
}
