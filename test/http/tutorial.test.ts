// The contract of the Express tutorial, to the letter, on the three settings that it takes.
import { describe, expect, it } from 'vitest';
import { decodePayload, PASSWORD, readCookie, Service } from '../support/service.ts';

const service = new Service({ COOKIE_NAME: 'jwt', COOKIE_SAME_SITE: 'None', UNAUTHORIZED_STATUS: '406' });

interface TokenBody {
  accessToken: string;
}

/** The one cookie that a response sets, that of the known browser aside: its value, and its attributes in alphabetical order. */
function readSoleCookie(response: Response): { name: string; value: string; attributes: string[] } {
  const cookies = response.headers.getSetCookie().filter((line) => !line.startsWith('__Host-device='));
  expect(cookies).toHaveLength(1);
  const [pair = '', ...attributes] = (cookies[0] ?? '').split('; ');
  const [name = '', value = ''] = pair.split('=');
  return { name, value, attributes: attributes.sort() };
}

const FOR_A_DAY = ['HttpOnly', 'Max-Age=86400', 'Path=/', 'SameSite=None', 'Secure'];
const CLEARED = ['HttpOnly', 'Max-Age=0', 'Path=/', 'SameSite=None', 'Secure'];

function lifetimeOf(token: string): number {
  const { iat, exp } = decodePayload(token);
  return Number(exp) - Number(iat);
}

describe("the tutorial's front end", () => {
  it.each(['json', 'form'] as const)(
    'signs in with %s and gets an access token and the cookie',
    async (kind) => {
      const ada = await service.register();
      const response = await service.post('/login', { [kind]: { username: ada.name, password: PASSWORD } });
      expect(response.status).toBe(200);
      const { accessToken } = await response.json<TokenBody>();
      expect(decodePayload(accessToken)).toMatchObject({ username: ada.name, email: ada.email });
      expect(lifetimeOf(accessToken)).toBe(10 * 60);
      const { name, value, attributes } = readSoleCookie(response);
      expect(name).toBe('jwt');
      expect(attributes).toEqual(FOR_A_DAY);
      expect(lifetimeOf(value)).toBe(24 * 60 * 60);
    },
  );

  it.each(['json', 'form'] as const)('is told of a wrong password sent with %s', async (kind) => {
    const ada = await service.register();
    const response = await service.post('/login', { [kind]: { username: ada.name, password: 'wrong' } });
    expect(response.status).toBe(406);
    expect(await response.json()).toMatchObject({ message: 'Invalid credentials', status: 406 });
    expect(response.headers.getSetCookie()).toEqual([]);
  });

  it('is told the same of a name that nobody has', async () => {
    const response = await service.post('/login', { json: { username: 'nobody', password: PASSWORD } });
    expect(response.status).toBe(406);
    expect(await response.json()).toMatchObject({ message: 'Invalid credentials', status: 406 });
    expect(response.headers.getSetCookie()).toEqual([]);
  });

  it('trades the cookie for a new access token', async () => {
    const ada = await service.register();
    const response = await service.post('/refresh', { cookie: ada.cookie });
    expect(response.status).toBe(200);
    const { accessToken } = await response.json<TokenBody>();
    expect(accessToken).not.toBe(ada.accessToken);
    expect(decodePayload(accessToken)).toMatchObject({ username: ada.name, email: ada.email });
    expect(lifetimeOf(accessToken)).toBe(10 * 60);
    const { name, value, attributes } = readSoleCookie(response);
    expect(name).toBe('jwt');
    expect(attributes).toEqual(FOR_A_DAY);
    expect(lifetimeOf(value)).toBe(24 * 60 * 60);
    expect((await service.fetch('/me', { bearer: accessToken })).status).toBe(200);
  });

  it('is refused a refresh without a cookie', async () => {
    const response = await service.post('/refresh');
    expect(response.status).toBe(406);
    expect(await response.json()).toMatchObject({ message: 'Unauthorized', status: 406 });
  });

  it('is refused a refresh with a bad cookie, which is cleared', async () => {
    const ada = await service.register();
    const forged = `${ada.cookie.slice(0, -10)}AAAAAAAAAA`;
    for (const cookie of ['nonsense', forged, ada.accessToken]) {
      const response = await service.post('/refresh', { cookie });
      expect(response.status).toBe(406);
      expect(await response.json()).toMatchObject({ message: 'Unauthorized', status: 406 });
      expect(readSoleCookie(response)).toEqual({ name: 'jwt', value: '', attributes: CLEARED });
    }
    expect((await service.post('/refresh', { cookie: ada.cookie })).status).toBe(200);
  });

  it('is refused a refresh under another cookie name', async () => {
    const ada = await service.register();
    const response = await service.post('/refresh', { headers: { Cookie: `__Host-jwt=${ada.cookie}` } });
    expect(response.status).toBe(406);
  });

  it('is refused with 406 wherever it would be 401, and without a challenge, which is for 401', async () => {
    const ada = await service.register();
    const signedOut = await service.post('/logout', { cookie: ada.cookie });
    expect(signedOut.status).toBe(204);
    expect(readCookie(signedOut, 'jwt')).toBe('');
    const refused = [
      await service.post('/refresh', { cookie: ada.cookie }),
      await service.fetch('/me'),
      await service.fetch('/me', { bearer: ada.accessToken }),
      await service.fetch('/sessions', { bearer: 'nonsense' }),
    ];
    for (const response of refused) {
      expect(response.status).toBe(406);
      expect(response.headers.get('WWW-Authenticate')).toBeNull();
      expect(await response.json()).toMatchObject({ message: 'Unauthorized', status: 406 });
    }
  });

  it('may sit on another site when its origin is listed', async () => {
    const origin = 'https://shop.example';
    const listed = new Service({
      COOKIE_NAME: 'jwt',
      COOKIE_SAME_SITE: 'None',
      UNAUTHORIZED_STATUS: '406',
      ALLOWED_ORIGINS: origin,
    });
    const ada = await listed.register();
    const headers = { Origin: origin, 'Sec-Fetch-Site': 'cross-site' };
    const response = await listed.post('/refresh', { cookie: ada.cookie, headers });
    expect(response.status).toBe(200);
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe(origin);
    expect(response.headers.get('Access-Control-Allow-Credentials')).toBe('true');
  });
});
