import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { expectAbsent } from '../support/absence.ts';
import { readStored } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { awaitMail, deliveriesTo, readLinkToken } from '../support/mailbox.ts';
import { brokenAccounts } from '../support/outage.ts';
import { expectProblem } from '../support/problem.ts';
import { accountOf, PASSWORD, type Person, Service, uniqueName } from '../support/service.ts';

const service = new Service();
const NEW_PASSWORD = 'a better horse, with a battery';

function forget(email: string): Promise<Response> {
  return service.post('/password/forgot', { json: { email } });
}

async function askForToken(person: Person): Promise<string> {
  await forget(person.email);
  return readLinkToken(await awaitMail(person.email, 'reset_password'));
}

function reset(token: string, newPassword = NEW_PASSWORD): Promise<Response> {
  return service.post('/password/reset', { json: { token, newPassword } });
}

describe('POST /password/forgot', () => {
  it('responds the same whether or not somebody has the address', async () => {
    const ada = await service.register();
    const known = await forget(ada.email);
    const unknown = await forget(`${uniqueName()}@example.com`);
    const shapes = await Promise.all(
      [known, unknown].map(async (response) => ({
        status: response.status,
        headers: [...response.headers].filter(([name]) => name !== 'x-request-id'),
        body: await response.text(),
      })),
    );
    expect(shapes[0]).toEqual(shapes[1]);
    expect(shapes[0]?.status).toBe(202);
    expect(shapes[0]?.body).toBe('');
  });

  it('finds the address in any case, and mails a link with the token in its fragment', async () => {
    const ada = await service.register();
    await forget(ada.email.toUpperCase());
    const mail = await awaitMail(ada.email, 'reset_password');
    const link = /https:\/\/\S+/.exec(mail.text)?.[0] ?? '';
    expect(link).toMatch(/^https:\/\/auth\.test\/account#reset-password=[\w-]{22}\.[\w-]{43}$/);
    expect(mail.html).toContain(`href="${link}"`);
  });

  it('finds the address with blanks around it, and with its domain in Punycode, and mails to its ASCII form', async () => {
    const name = uniqueName();
    const email = `${name}@münchen.example`;
    const json = { username: name, email, password: PASSWORD };
    expect((await service.post('/register', { json })).status).toBe(201);
    await forget(` ${email}\n`);
    await awaitMail(email, 'reset_password');
    await forget(`${name}@xn--mnchen-3ya.example`);
    const mail = await awaitMail(email, 'reset_password', 2);
    expect(mail.to).toBe(`${name}@xn--mnchen-3ya.example`);
  });

  it('finds an account whose address was registered under an older key', async () => {
    const ada = await service.register();
    await env.DIRECTORY.prepare('UPDATE accounts SET email_key = ? WHERE id = ?')
      .bind(`${ada.name}@münchen.example`, ada.id)
      .run();
    await forget(`${ada.name}@xn--mnchen-3ya.example`);
    await awaitMail(ada.email, 'reset_password');
    const username = `${ada.name}@xn--mnchen-3ya.example`;
    expect((await service.login(username)).sid).not.toBe(ada.sid);
  });

  it('mails an owner at most five times an hour, and says so to nobody', async () => {
    freezeClock();
    const ada = await service.register();
    const statuses = [];
    for (let i = 0; i < 8; i += 1) statuses.push((await forget(ada.email)).status);
    expect(new Set(statuses)).toEqual(new Set([202]));
    await awaitMail(ada.email, 'reset_password', 5);
    expect(deliveriesTo(ada.email).filter(({ mail }) => mail.kind === 'reset_password')).toHaveLength(5);
    passSeconds(3601);
    await forget(ada.email);
    await awaitMail(ada.email, 'reset_password', 6);
  });

  it('leaves nothing in the object that an unknown address leads to', async () => {
    const ada = await service.register();
    const before = await readStored(accountOf(ada.id));
    await forget(`${uniqueName()}@example.com`);
    expect(await readStored(accountOf(ada.id))).toEqual(before);
  });

  it('responds as ever when the account cannot be reached: an outage must not tell who has one', async () => {
    const ada = await service.register();
    const outage = new Service({ ACCOUNT: brokenAccounts() });
    const forgotten = await outage.post('/password/forgot', { json: { email: ada.email } });
    expect(forgotten.status).toBe(202);
    expect(await forgotten.text()).toBe('');
  });

  it('wants an address, and takes no page of another origin', async () => {
    await expectProblem(await service.post('/password/forgot', { json: {} }), 422, 'invalid_input', {
      errors: [{ field: 'email', code: 'required', message: 'is required' }],
    });
    const foreign = await service.post('/password/forgot', {
      json: { email: 'a@b.example' },
      headers: { Origin: 'null' },
    });
    await expectProblem(foreign, 403, 'origin_not_allowed');
  });
});

describe('POST /password/reset', () => {
  it('sets the password, ends every session, and signs nobody in', async () => {
    const ada = await service.register();
    const token = await askForToken(ada);
    const response = await reset(token);
    expect(response.status).toBe(204);
    expect(response.headers.getSetCookie()).toEqual([]);
    await expectProblem(await service.post('/refresh', { cookie: ada.cookie }), 401, 'session_ended', {
      clearsCookie: true,
    });
    const old = await service.post('/login', { json: { username: ada.name, password: PASSWORD } });
    await expectProblem(old, 401, 'invalid_credentials');
    await service.login(ada.name, NEW_PASSWORD);
    await awaitMail(ada.email, 'password_changed');
  });

  it('works once, and ends the other links that were mailed', async () => {
    const ada = await service.register();
    const first = await askForToken(ada);
    await forget(ada.email);
    const second = readLinkToken(await awaitMail(ada.email, 'reset_password', 2));
    expect(second).not.toBe(first);
    expect((await reset(first)).status).toBe(204);
    await expectProblem(await reset(first, 'yet another horse'), 400, 'invalid_link');
    await expectProblem(await reset(second, 'yet another horse'), 400, 'invalid_link');
    await service.login(ada.name, NEW_PASSWORD);
  });

  it('of ten uses at once, lets one through', async () => {
    const ada = await service.register();
    const token = await askForToken(ada);
    const statuses = await Promise.all(
      Array.from({ length: 10 }, async (_, i) => (await reset(token, `horse number ${i} of ten`)).status),
    );
    expect(statuses.filter((status) => status === 204)).toHaveLength(1);
    expect(statuses.filter((status) => status === 400)).toHaveLength(9);
  });

  it('stops working after an hour', async () => {
    freezeClock();
    const ada = await service.register();
    const token = await askForToken(ada);
    passSeconds(3600);
    await expectProblem(await reset(token), 400, 'invalid_link');
    await service.login(ada.name);
  });

  it('keeps a link whose new password was refused', async () => {
    const ada = await service.register();
    const token = await askForToken(ada);
    await expectProblem(await reset(token, 'short'), 422, 'invalid_input', {
      errors: [
        {
          field: 'newPassword',
          code: 'too_short',
          message: 'must be at least 8 characters long',
          params: { min: 8 },
        },
      ],
    });
    expect((await reset(token)).status).toBe(204);
  });

  it('takes no token of another kind, of another account, or of nobody', async () => {
    const ada = await service.register();
    const bob = await service.register();
    const [, secret] = (await askForToken(bob)).split('.');
    const verification = readLinkToken(await awaitMail(ada.email, 'verify_email'));
    const nobody = `${'A'.repeat(22)}.${'A'.repeat(43)}`;
    for (const token of [
      verification,
      `${ada.id}.${secret}`,
      nobody,
      'rubbish',
      '',
      `${ada.id}.`,
      ada.accessToken,
      ada.cookie,
    ]) {
      await expectProblem(await reset(token), 400, 'invalid_link');
    }
    expect(await readStored(accountOf('A'.repeat(22)))).toEqual({ tables: {}, pairs: [], alarmMs: null });
    await service.login(ada.name);
  });

  it('lets a throttled owner in: the mailbox proves more than a guess', async () => {
    freezeClock();
    const ada = await service.register();
    for (let i = 0; i < 7; i += 1)
      await service.post('/login', { json: { username: ada.name, password: 'wrong' } });
    await reset(await askForToken(ada));
    await service.login(ada.name, NEW_PASSWORD);
  });

  it('proves the address that the link was mailed to', async () => {
    const ada = await service.register();
    await reset(await askForToken(ada));
    const { accessToken } = await service.login(ada.name, NEW_PASSWORD);
    const email = await service.fetch('/email', { bearer: accessToken });
    expect(await email.json()).toEqual({ email: ada.email, verified: true });
  });

  it('stores the hash of the token and nothing else of it', async () => {
    const ada = await service.register();
    const [, secret = ''] = (await askForToken(ada)).split('.');
    const stored = JSON.stringify(await readStored(accountOf(ada.id)));
    const bytes = Uint8Array.fromBase64(secret, { alphabet: 'base64url' });
    expect(bytes).toHaveLength(32);
    expectAbsent(stored, [secret, bytes.toHex()]);
  });
});
