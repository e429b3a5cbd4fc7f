import { describe, expect, it } from 'vitest';
import { expectProblem } from '../support/problem.ts';
import { PASSWORD, readCookie, Service, uniqueName } from '../support/service.ts';
import { findInDirectory, readFailures, readSessions } from '../support/storage.ts';

const service = new Service();

describe('POST /login', () => {
  it('responds to a right password with a token body and the refresh cookie, and opens a session', async () => {
    const ada = await service.register();
    const response = await service.post('/login', { json: { username: ada.name, password: PASSWORD } });
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toBe('application/json');
    expect(response.headers.get('Cache-Control')).toBe('no-store');
    expect(await response.json()).toEqual({
      accessToken: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      tokenType: 'Bearer',
      expiresIn: 600,
    });
    expect(readCookie(response)).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(await readSessions(ada.id)).toHaveLength(2);
  });

  it('takes a form', async () => {
    const ada = await service.register();
    const response = await service.post('/login', { form: { username: ada.name, password: PASSWORD } });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ tokenType: 'Bearer' });
    expect(await readSessions(ada.id)).toHaveLength(2);
  });

  it.each([
    ['the e-mail address', (name: string) => `${name}@example.com`],
    ['the e-mail address in capitals', (name: string) => `${name}@Example.COM`.toUpperCase()],
    ['the name in capitals', (name: string) => name.toUpperCase()],
    ['the name in full-width letters, which NFKC folds', toFullWidth],
    ['the name with blanks around it', (name: string) => `\u00a0 ${name}\r\n`],
    ['the e-mail address with blanks around it', (name: string) => ` ${name}@example.com\ufeff`],
  ])('takes %s for the user name', async (_, spell) => {
    const ada = await service.register();
    const response = await service.post('/login', {
      json: { username: spell(ada.name), password: PASSWORD },
    });
    expect(response.status).toBe(200);
    expect(await readSessions(ada.id)).toHaveLength(2);
  });

  it('takes a password in another Unicode form of the same characters', async () => {
    const name = uniqueName();
    const password = 'caf\u00e9 au lait s\u00e9par\u00e9';
    await service.post('/register', { json: { username: name, email: `${name}@example.com`, password } });
    const response = await service.post('/login', {
      json: { username: name, password: password.normalize('NFD') },
    });
    expect(response.status).toBe(200);
  });

  it('ignores fields that it does not know', async () => {
    const ada = await service.register();
    const json = { username: ada.name, password: PASSWORD, rememberMe: true };
    expect((await service.post('/login', { json })).status).toBe(200);
  });

  it.each([
    ['another password', 'wrong horse battery staple'],
    ['the password in capitals', PASSWORD.toUpperCase()],
    ['the password with a blank after it', `${PASSWORD} `],
    ['the beginning of the password', PASSWORD.slice(0, -1)],
    ['no password at all', ''],
  ])('refuses %s, opens no session and counts the failure', async (_, password) => {
    const ada = await service.register();
    const response = await service.post('/login', { json: { username: ada.name, password } });
    const problem = await expectProblem(response, 401, 'invalid_credentials');
    expect(problem.message).toBe('Invalid credentials');
    expect(await readSessions(ada.id)).toHaveLength(1);
    expect(await readFailures(ada.id)).toBe(1);
  });

  it('takes a long password whole: its beginning is another password', async () => {
    const name = uniqueName();
    const password = Array.from({ length: 256 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join('');
    const registration = { username: name, email: `${name}@example.com`, password };
    expect((await service.post('/register', { json: registration })).status).toBe(201);
    const cut = await service.post('/login', { json: { username: name, password: password.slice(0, -1) } });
    await expectProblem(cut, 401, 'invalid_credentials');
    expect((await service.post('/login', { json: { username: name, password } })).status).toBe(200);
  });

  it.each([
    ['a user name', uniqueName()],
    ['an e-mail address', `${uniqueName()}@example.com`],
    ['an empty name', ''],
    ['half of a surrogate pair', '\ud800'],
  ])('gives %s that nobody has the response to a wrong password', async (_, username) => {
    const ada = await service.register();
    const known = await service.post('/login', { json: { username: ada.name, password: 'wrong' } });
    const unknown = await service.post('/login', { json: { username, password: 'wrong' } });
    expect(unknown.status).toBe(known.status);
    expect(withoutRequestId(unknown)).toEqual(withoutRequestId(known));
    expect(await unknown.text()).toBe(await known.text());
    expect(await findInDirectory(username)).toBeUndefined();
  });

  it('never takes one account’s password for another', async () => {
    const ada = await service.register();
    const name = uniqueName();
    const password = 'a different, longer password';
    await service.post('/register', { json: { username: name, email: `${name}@example.com`, password } });
    const response = await service.post('/login', { json: { username: ada.name, password } });
    await expectProblem(response, 401, 'invalid_credentials');
  });
});

describe('POST /login with a live refresh cookie', () => {
  it('ends the session that the cookie belongs to', async () => {
    const ada = await service.register();
    const response = await service.post('/login', {
      json: { username: ada.name, password: PASSWORD },
      cookie: ada.cookie,
    });
    expect(response.status).toBe(200);
    const [session, ...others] = await readSessions(ada.id);
    expect(others).toEqual([]);
    expect(session?.sid).not.toBe(ada.sid);
    await expectProblem(await service.fetch('/me', { bearer: ada.accessToken }), 401, 'session_ended', {
      challenge: 'Bearer realm="latchkey", error="invalid_token"',
    });
  });

  it('ends that session though it is another account’s, and leaves that account’s other sessions alone', async () => {
    const [ada, bob] = [await service.register(), await service.register()];
    const other = await service.login(bob.name);
    const response = await service.post('/login', {
      json: { username: ada.name, password: PASSWORD },
      cookie: bob.cookie,
    });
    expect(response.status).toBe(200);
    expect(await readSessions(ada.id)).toHaveLength(2);
    expect((await readSessions(bob.id)).map(({ sid }) => sid)).toEqual([other.sid]);
  });

  it('leaves that session alone when the password is wrong', async () => {
    const ada = await service.register();
    const response = await service.post('/login', {
      json: { username: ada.name, password: 'wrong' },
      cookie: ada.cookie,
    });
    await expectProblem(response, 401, 'invalid_credentials');
    expect((await service.post('/refresh', { cookie: ada.cookie })).status).toBe(200);
  });

  it('signs in past a cookie that is no token', async () => {
    const ada = await service.register();
    const response = await service.post('/login', {
      json: { username: ada.name, password: PASSWORD },
      cookie: 'nonsense',
    });
    expect(response.status).toBe(200);
    expect(await readSessions(ada.id)).toHaveLength(2);
  });
});

function toFullWidth(name: string): string {
  return name.replace(/[a-z]/g, (letter) => String.fromCodePoint(letter.charCodeAt(0) - 0x61 + 0xff41));
}

function withoutRequestId(response: Response): [string, string][] {
  return [...response.headers].filter(([name]) => name !== 'x-request-id');
}
