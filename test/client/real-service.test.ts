// The client against the whole service, on workerd, with a cookie jar as a caller outside a browser has one.
import { describe, expect, it } from 'vitest';
import { createClient } from '../../src/client/index.ts';
import { ISSUER, PASSWORD, Service } from '../support/service.ts';

const service = new Service();

/** `fetch` with cookies of its own. */
function openJar(): { fetch: typeof fetch; cookies: Map<string, string> } {
  const cookies = new Map<string, string>();
  const send = async (input: RequestInfo | URL, init?: RequestInit) => {
    const request = new Request(input, init);
    const { pathname, search } = new URL(request.url);
    const headers = Object.fromEntries(request.headers);
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const body = await request.text();
    const response = await service.fetch(pathname + search, {
      method: request.method,
      headers: { ...headers, ...(cookie !== '' && { cookie }) },
      ...(body !== '' && { body }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    return response;
  };
  return { fetch: send as typeof fetch, cookies }; // the service is asked with what the client makes, and nothing else
}

describe('the client and the service', () => {
  it('register, restore, list, end and sign out together', async () => {
    const person = await service.register();
    const jar = openJar();
    const client = createClient({ baseUrl: ISSUER, fetch: jar.fetch });
    await client.login({ username: person.name, password: PASSWORD });
    const first = await client.getAccessToken();

    const reloaded = createClient({ baseUrl: ISSUER, fetch: jar.fetch });
    expect(await reloaded.restore()).toBe(true);
    expect(await reloaded.getAccessToken()).not.toBe(first);
    expect(reloaded.state).toMatchObject({ claims: { username: person.name, sub: person.id } });

    const sessions = await reloaded.sessions.list();
    expect(sessions.map(({ current }) => current).sort()).toEqual([false, true]);
    await reloaded.sessions.end(person.sid);
    expect(await reloaded.sessions.list()).toHaveLength(1);

    await reloaded.logout();
    expect([...jar.cookies.keys()]).toEqual(['__Host-device']);
    expect((await service.fetch('/me', { bearer: first ?? '' })).status).toBe(401);
    expect(await createClient({ baseUrl: ISSUER, fetch: jar.fetch }).restore()).toBe(false);
  });

  it('tell a session that was ended elsewhere', async () => {
    const person = await service.register();
    const jar = openJar();
    const client = createClient({ baseUrl: ISSUER, fetch: jar.fetch });
    await client.login({ username: person.name, password: PASSWORD });
    await service.fetch('/sessions?keep=current', { method: 'DELETE', bearer: person.accessToken });
    await expect(client.sessions.list()).rejects.toMatchObject({ code: 'session_ended', status: 401 });
    expect(client.state).toEqual({ status: 'signed_out', reason: 'session_ended' });
  });

  it('understand each other where the service responds 406', async () => {
    const strange = new Service({ UNAUTHORIZED_STATUS: '406' });
    const fetch = ((input: RequestInfo | URL, init?: RequestInit) =>
      strange.fetch(new URL(new Request(input, init).url).pathname, {
        method: 'POST',
      })) as typeof globalThis.fetch;
    const client = createClient({ baseUrl: ISSUER, fetch });
    expect(await client.restore()).toBe(false);
    expect(client.state).toEqual({ status: 'signed_out', reason: 'no_session' });
  });
});
