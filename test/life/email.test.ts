import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { findAccountId, reserveName } from '../../src/directory/directory.ts';
import { expectAbsent } from '../support/absence.ts';
import { readStored } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { awaitMail, deliveriesTo, readLinkToken } from '../support/mailbox.ts';
import { expectProblem, INVALID_TOKEN } from '../support/problem.ts';
import { accountOf, decodePayload, PASSWORD, type Person, Service, uniqueName } from '../support/service.ts';

const service = new Service();

function verify(token: string): Promise<Response> {
  return service.post('/email/verify', { json: { token } });
}

async function isVerified({ accessToken }: { accessToken: string }): Promise<unknown> {
  const email = await service.fetch('/email', { bearer: accessToken });
  return (await email.json<{ verified: unknown }>()).verified;
}

function askForChange(person: Person, email: string, password = PASSWORD): Promise<Response> {
  return service.fetch('/email', { method: 'PUT', bearer: person.accessToken, json: { email, password } });
}

describe('the verification of an e-mail address', () => {
  it('begins with a mail at registration, and ends with its link', async () => {
    const ada = await service.register();
    expect(await isVerified(ada)).toBe(false);
    const mail = await awaitMail(ada.email, 'verify_email');
    expect(mail.text).toMatch(/https:\/\/auth\.test\/account#verify-email=[\w-]{22}\.[\w-]{43}\n/);
    expect((await verify(readLinkToken(mail))).status).toBe(204);
    expect(await isVerified(ada)).toBe(true);
  });

  it('takes no link that was mailed for a new password', async () => {
    const ada = await service.register();
    await awaitMail(ada.email, 'verify_email');
    await service.post('/password/forgot', { json: { email: ada.email } });
    const token = readLinkToken(await awaitMail(ada.email, 'reset_password'));
    await expectProblem(await verify(token), 400, 'invalid_link');
    expect(await isVerified(ada)).toBe(false);
  });

  it('responds the same to a second click, and does nothing more', async () => {
    const ada = await service.register();
    const token = readLinkToken(await awaitMail(ada.email, 'verify_email'));
    await verify(token);
    const before = (await readStored(accountOf(ada.id))).tables;
    expect((await verify(token)).status).toBe(204);
    expect((await readStored(accountOf(ada.id))).tables).toEqual(before);
  });

  it('takes a link for 24 hours', async () => {
    freezeClock();
    const ada = await service.register();
    const token = readLinkToken(await awaitMail(ada.email, 'verify_email'));
    passSeconds(24 * 3600);
    await expectProblem(await verify(token), 400, 'invalid_link');
  });

  it('mails again when asked, at most five times an hour, and not when it is done', async () => {
    freezeClock();
    const ada = await service.register();
    const ask = () => service.post('/email/verification', { bearer: ada.accessToken });
    for (let i = 0; i < 4; i += 1) expect((await ask()).status).toBe(202);
    const refused = await ask();
    await expectProblem(refused, 429, 'too_many_attempts');
    expect(refused.headers.get('Retry-After')).toBe('3600');
    const newest = await awaitMail(ada.email, 'verify_email', 5);
    await verify(readLinkToken(newest));
    await expectProblem(await ask(), 409, 'email_already_verified');
    expect(deliveriesTo(ada.email)).toHaveLength(5);
  });

  it('is asked for with a live session', async () => {
    const ada = await service.register();
    await expectProblem(await service.post('/email/verification'), 401, 'unauthorized');
    await service.post('/logout', { cookie: ada.cookie });
    const late = await service.post('/email/verification', { bearer: ada.accessToken });
    await expectProblem(late, 401, 'session_ended', { challenge: INVALID_TOKEN });
  });
});

describe('REQUIRE_VERIFIED_EMAIL', () => {
  const strict = new Service({ REQUIRE_VERIFIED_EMAIL: 'on' });

  it('signs nobody in before the address is confirmed, at registration or after', async () => {
    const name = uniqueName();
    const json = { username: name, email: `${name}@example.com`, password: PASSWORD };
    const registered = await strict.post('/register', { json });
    expect(registered.status).toBe(201);
    expect(await registered.json()).toEqual({ user: expect.objectContaining({ username: name }) });
    expect(registered.headers.getSetCookie()).toEqual([]);
    const early = await strict.post('/login', { json });
    await expectProblem(early, 403, 'email_not_verified');
    await verify(readLinkToken(await awaitMail(json.email, 'verify_email')));
    await strict.login(name);
  });

  it('tells nothing to whoever does not know the password', async () => {
    const name = uniqueName();
    const json = { username: name, email: `${name}@example.com`, password: PASSWORD };
    await strict.post('/register', { json });
    const guess = await strict.post('/login', { json: { username: name, password: 'wrong' } });
    await expectProblem(guess, 401, 'invalid_credentials');
  });
});

describe('a change of e-mail address', () => {
  it('takes effect when the new address is confirmed, and is told to the old one', async () => {
    const ada = await service.register();
    const email = `new-${ada.name}@example.com`;
    expect((await askForChange(ada, email)).status).toBe(202);
    const notice = await awaitMail(ada.email, 'email_changing');
    expect(notice.text).not.toContain('#');
    const token = readLinkToken(await awaitMail(email, 'confirm_new_email'));
    await service.login(ada.email);
    expect((await verify(token)).status).toBe(204);
    const { accessToken } = await service.login(email);
    expect(decodePayload(accessToken).email).toBe(email);
    expect(await isVerified({ accessToken })).toBe(true);
    const old = await service.post('/login', { json: { username: ada.email, password: PASSWORD } });
    await expectProblem(old, 401, 'invalid_credentials');
    // A second click: it did its work, and does nothing more.
    expect((await verify(token)).status).toBe(204);
    const told = await awaitMail(ada.email, 'email_changed');
    expect(told.text).not.toContain('#');
    // The links that went to the old address are gone with it.
    expect((await readStored(accountOf(ada.id))).tables.mail_token).toEqual([
      expect.objectContaining({ purpose: 'change_email', used_at_ms: expect.any(Number) }),
    ]);
  });

  it('can be asked for five times an hour', async () => {
    freezeClock();
    const ada = await service.register();
    const ask = (index: number) => askForChange(ada, `new-${index}-${ada.name}@example.com`);
    for (let index = 0; index < 5; index += 1) expect((await ask(index)).status).toBe(202);
    const refused = await ask(5);
    await expectProblem(refused, 429, 'too_many_attempts');
    expect(refused.headers.get('Retry-After')).toBe('3600');
    expect(deliveriesTo(`new-5-${ada.name}@example.com`)).toEqual([]);
    passSeconds(3601);
    const later = { ...ada, ...(await service.login(ada.name)) };
    expect((await askForChange(later, `new-6-${ada.name}@example.com`)).status).toBe(202);
  });

  it('needs the password', async () => {
    const ada = await service.register();
    const email = `new-${ada.name}@example.com`;
    await expectProblem(await askForChange(ada, email, 'wrong'), 401, 'invalid_credentials');
    expect(deliveriesTo(email)).toEqual([]);
  });

  it('does not tell whether somebody has the address, and informs its holder by mail', async () => {
    const ada = await service.register();
    const bob = await service.register();
    const shapes = [];
    for (const email of [bob.email.toUpperCase(), `free-${ada.name}@example.com`]) {
      const response = await askForChange(ada, email);
      const headers = [...response.headers].filter(([name]) => name !== 'x-request-id');
      shapes.push({ status: response.status, headers, body: await response.text() });
    }
    expect(shapes[0]).toEqual(shapes[1]);
    expect(shapes[0]?.status).toBe(202);
    const notice = await awaitMail(bob.email.toUpperCase(), 'email_in_use');
    expect(notice.text).not.toContain('#');
    expectAbsent(notice.text, [ada.email, PASSWORD]);
    expectAbsent(` ${notice.text} `, [` ${ada.name} `, ` ${ada.name},`]);
    expect(deliveriesTo(bob.email.toUpperCase()).map(({ mail }) => mail.kind)).toEqual(['email_in_use']);
    expect(await findAccountId(env.DIRECTORY, bob.email)).toBe(bob.id);
  });

  it('looks at the password before the address', async () => {
    const ada = await service.register();
    const bob = await service.register();
    for (const email of [bob.email, `free-${ada.name}@example.com`])
      await expectProblem(await askForChange(ada, email, 'wrong'), 401, 'invalid_credentials');
    expect(deliveriesTo(bob.email).map(({ mail }) => mail.kind)).toEqual(['verify_email']);
  });

  it('refuses what is no address', async () => {
    const ada = await service.register();
    const errors = [{ field: 'email', message: 'must be an e-mail address' }];
    await expectProblem(await askForChange(ada, 'nowhere'), 422, 'invalid_input', { errors });
  });

  it('takes the blanks off the address, and finds it taken in every spelling of its domain', async () => {
    const ada = await service.register();
    const bob = await service.register();
    expect((await askForChange(ada, ` ${ada.name}@münchen.example\n`)).status).toBe(202);
    await verify(readLinkToken(await awaitMail(`${ada.name}@münchen.example`, 'confirm_new_email')));
    const spelling = `${ada.name}@XN--MNCHEN-3YA.example`;
    expect(await findAccountId(env.DIRECTORY, spelling)).toBe(ada.id);
    expect((await askForChange(bob, spelling)).status).toBe(202);
    await awaitMail(spelling, 'email_in_use');
    // Both spellings are one address to mail.
    const kinds = deliveriesTo(spelling).map(({ mail }) => mail.kind);
    expect(kinds).toEqual(['confirm_new_email', 'email_in_use']);
  });

  it('loses against somebody who took the address meanwhile', async () => {
    const ada = await service.register();
    const name = uniqueName();
    await askForChange(ada, `${name}@example.com`);
    const token = readLinkToken(await awaitMail(`${name}@example.com`, 'confirm_new_email'));
    await service.register(name);
    await expectProblem(await verify(token), 409, 'email_taken');
    await service.login(ada.email);
  });

  it('is completed by the same link when it was interrupted after the directory', async () => {
    const ada = await service.register();
    const email = `new-${ada.name}@example.com`;
    await askForChange(ada, email);
    const token = readLinkToken(await awaitMail(email, 'confirm_new_email'));
    await reserveName(env.DIRECTORY, { accountId: ada.id, display: email, nowMs: Date.now() });
    expect((await verify(token)).status).toBe(204);
    expect(decodePayload((await service.login(email)).accessToken).email).toBe(email);
  });

  it('withdraws an earlier wish', async () => {
    const ada = await service.register();
    await askForChange(ada, `first-${ada.name}@example.com`);
    const first = readLinkToken(await awaitMail(`first-${ada.name}@example.com`, 'confirm_new_email'));
    await askForChange(ada, `second-${ada.name}@example.com`);
    await expectProblem(await verify(first), 400, 'invalid_link');
    expect(await findAccountId(env.DIRECTORY, ada.email)).toBe(ada.id);
  });

  it('ends links that were mailed to the old address', async () => {
    const ada = await service.register();
    await service.post('/password/forgot', { json: { email: ada.email } });
    const stale = readLinkToken(await awaitMail(ada.email, 'reset_password'));
    const email = `new-${ada.name}@example.com`;
    await askForChange(ada, email);
    await verify(readLinkToken(await awaitMail(email, 'confirm_new_email')));
    const late = await service.post('/password/reset', {
      json: { token: stale, newPassword: 'a better horse' },
    });
    await expectProblem(late, 400, 'invalid_link');
  });
});
