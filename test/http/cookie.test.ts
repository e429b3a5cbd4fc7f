import { describe, expect, it } from 'vitest';
import { expectAbsent } from '../support/absence.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { expectProblem } from '../support/problem.ts';
import { PASSWORD, readCookie, Service, type Settings, uniqueName } from '../support/service.ts';
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

describe('two refresh cookies in one request', () => {
  it.each([
    ['the same twice', (mine: string) => `__Host-jwt=${mine}; __Host-jwt=${mine}`],
    ['a planted one first', (mine: string, other: string) => `__Host-jwt=${other}; __Host-jwt=${mine}`],
    ['a planted one last', (mine: string, other: string) => `__Host-jwt=${mine};__Host-jwt=${other}`],
    ['one of them empty', (mine: string) => `__Host-jwt=; a=b; __Host-jwt=${mine}`],
    ['one of them no cookie value', (mine: string) => `__Host-jwt="\\"; __Host-jwt=${mine}`],
    ['one with a blank in its name', (mine: string) => `__Host-jwt =x; __Host-jwt=${mine}`],
  ])('are refused: %s; neither is used', async (_, write) => {
    const [ada, bob] = [await service.register(), await service.register()];
    const response = await service.post('/refresh', { headers: { Cookie: write(ada.cookie, bob.cookie) } });
    await expectProblem(response, 401, 'unauthorized', { clearsCookie: true });
    expect(await readSessions(ada.id)).toMatchObject([{ counter: 1 }]);
    expect(await readSessions(bob.id)).toMatchObject([{ counter: 1 }]);
  });
});

function readLine(response: Response): { value: string; attributes: string[] } {
  const lines = response.headers.getSetCookie().filter((line) => !line.startsWith('__Host-device='));
  expect(lines).toHaveLength(1);
  const [value = '', ...attributes] = (lines[0] ?? '').split('; ');
  return { value, attributes: attributes.sort() };
}
