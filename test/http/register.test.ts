import { describe, expect, it } from 'vitest';
import { expectAbsent } from '../support/absence.ts';
import { hashForReal } from '../support/hashes.ts';
import { brokenAccounts } from '../support/outage.ts';
import { expectProblem } from '../support/problem.ts';
import { decodePayload, PASSWORD, readCookie, Service, uniqueName } from '../support/service.ts';
import { dumpAccount, findInDirectory, listStoredUsernames, readSessions } from '../support/storage.ts';

hashForReal();

const service = new Service();

describe('POST /register', () => {
  it('makes the account, signs it in, and shows it to its owner', async () => {
    const name = uniqueName();
    const response = await service.post('/register', { json: registration(name) });
    expect(response.status).toBe(201);
    expect(response.headers.get('Content-Type')).toBe('application/json');
    expect(response.headers.get('Cache-Control')).toBe('no-store');
    expect(readCookie(response)).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    const body = await response.json<{ accessToken: string; user: { id: string } }>();
    expect(body).toEqual({
      accessToken: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      tokenType: 'Bearer',
      expiresIn: 600,
      user: {
        id: expect.stringMatching(/^[\w-]{22}$/),
        username: name,
        email: `${name}@example.com`,
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      },
    });
    expect(decodePayload(body.accessToken).sub).toBe(body.user.id);
    expect(await findInDirectory(name)).toBe(body.user.id);
    expect(await readSessions(body.user.id)).toHaveLength(1);
    expect((await service.login(name)).sid).not.toBe(decodePayload(body.accessToken).sid);
  });

  it('takes a form', async () => {
    const name = uniqueName();
    expect((await service.post('/register', { form: registration(name) })).status).toBe(201);
    expect(await findInDirectory(name)).toBeDefined();
  });

  it('stores neither the password nor a token, in any form', async () => {
    const ada = await service.register();
    const dump = await dumpAccount(ada.id);
    expect(dump).toContain('$scrypt$ln=14,r=8,p=5$');
    expectAbsent(dump, [PASSWORD, ada.cookie, ada.accessToken, ...ada.cookie.split('.').slice(1)]);
  });

  it('takes the blanks off a name and an address, never off a password, and stores both in NFKC', async () => {
    const name = uniqueName();
    const json = {
      username: `\ufeff Ｐ${name.slice(1)}\n`,
      email: `\u00a0${name}@example.com `,
      password: ` ${PASSWORD} `,
    };
    const response = await service.post('/register', { json });
    expect(response.status).toBe(201);
    const { user } = await response.json<{ user: object }>();
    expect(user).toMatchObject({ username: `P${name.slice(1)}`, email: `${name}@example.com` });
    expect(await listStoredUsernames()).toContain(`P${name.slice(1)}`);
    await service.login(name, json.password);
    await expectProblem(
      await service.post('/login', { json: { username: name, password: PASSWORD } }),
      401,
      'invalid_credentials',
    );
  });

  it('refuses the address of an account in the other spelling of its domain', async () => {
    const name = uniqueName();
    const first = { ...registration(name), email: `${name}@münchen.example` };
    expect((await service.post('/register', { json: first })).status).toBe(201);
    const json = { ...registration(uniqueName()), email: `${name}@xn--mnchen-3ya.example` };
    await expectProblem(await service.post('/register', { json }), 409, 'email_taken');
  });

  it('shows a name and an e-mail address as they were typed', async () => {
    const name = uniqueName();
    const json = { ...registration(name), username: name.toUpperCase(), email: `${name}@Example.COM` };
    const response = await service.post('/register', { json });
    const { user, accessToken } = await response.json<{ user: object; accessToken: string }>();
    expect(user).toMatchObject({ username: name.toUpperCase(), email: `${name}@Example.COM` });
    expect(decodePayload(accessToken)).toMatchObject({ username: name.toUpperCase() });
  });

  it.each([
    ['as it is', (name: string) => name],
    ['in capitals', (name: string) => name.toUpperCase()],
    ['in full-width letters', (name: string) => name.replace('person', 'ｐｅｒｓｏｎ')],
  ])('refuses a user name that is taken, %s, and makes nothing', async (_, spell) => {
    const ada = await service.register();
    const before = await listStoredUsernames();
    const json = { ...registration(uniqueName()), username: spell(ada.name) };
    await expectProblem(await service.post('/register', { json }), 409, 'username_taken');
    expect(await listStoredUsernames()).toEqual(before);
    expect(await findInDirectory(ada.name)).toBe(ada.id);
  });

  it.each([
    ['as it is', (email: string) => email],
    ['in capitals', (email: string) => email.toUpperCase()],
  ])('refuses an e-mail address that is taken, %s, and makes nothing', async (_, spell) => {
    const ada = await service.register();
    const name = uniqueName();
    const json = { ...registration(name), email: spell(ada.email) };
    await expectProblem(await service.post('/register', { json }), 409, 'email_taken');
    expect(await findInDirectory(name)).toBeUndefined();
    expect(await listStoredUsernames()).not.toContainEqual(name);
  });

  it('finds a name taken before it hashes anything: no account is asked', async () => {
    const ada = await service.register();
    // An account that is asked would respond 503.
    const edge = new Service({ ACCOUNT: brokenAccounts() });
    await expectProblem(
      await edge.post('/register', { json: registration(ada.name) }),
      409,
      'username_taken',
    );
  });

  it('gives a name to one of several that ask for it at once, and leaves nothing of the others', async () => {
    const name = uniqueName();
    const responses = await Promise.all(
      [1, 2, 3].map((i) =>
        service.post('/register', { json: { ...registration(name), email: `${name}-${i}@example.com` } }),
      ),
    );
    expect(responses.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    for (const response of responses.filter(({ status }) => status === 409)) {
      await expectProblem(response, 409, 'username_taken');
    }
    expect((await listStoredUsernames()).filter((stored) => stored === name)).toHaveLength(1);
    await service.login(name);
  });

  it('refuses when registration is closed, and makes nothing', async () => {
    const closed = new Service({ REGISTRATION: 'closed' });
    const name = uniqueName();
    const response = await closed.post('/register', { json: registration(name) });
    await expectProblem(response, 403, 'registration_closed');
    expect(await findInDirectory(name)).toBeUndefined();
    expect(await listStoredUsernames()).not.toContainEqual(name);
  });
});

describe('POST /register with a live refresh cookie', () => {
  it('ends the session that the cookie belongs to', async () => {
    const ada = await service.register();
    const json = registration(uniqueName());
    expect((await service.post('/register', { json, cookie: ada.cookie })).status).toBe(201);
    expect(await readSessions(ada.id)).toEqual([]);
  });

  it('leaves that session alone when it is refused', async () => {
    const ada = await service.register();
    const json = registration(ada.name);
    const response = await service.post('/register', { json, cookie: ada.cookie });
    await expectProblem(response, 409, 'username_taken');
    expect((await readSessions(ada.id)).map(({ sid }) => sid)).toEqual([ada.sid]);
  });
});

function registration(name: string): { username: string; email: string; password: string } {
  return { username: name, email: `${name}@example.com`, password: PASSWORD };
}
