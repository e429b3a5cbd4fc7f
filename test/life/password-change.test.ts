import { describe, expect, it } from 'vitest';
import { expectAbsent } from '../support/absence.ts';
import { readEvents } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { awaitMail, deliveriesTo } from '../support/mailbox.ts';
import { expectProblem, INVALID_TOKEN } from '../support/problem.ts';
import { PASSWORD, readCookie, Service } from '../support/service.ts';

const service = new Service();
const NEW_PASSWORD = 'a better horse, with a battery';

function change(bearer: string, currentPassword = PASSWORD, newPassword = NEW_PASSWORD, headers = {}) {
  return service.fetch('/password', {
    method: 'PUT',
    bearer,
    json: { currentPassword, newPassword },
    headers,
  });
}

describe('PUT /password', () => {
  it('changes the password, and ends every session but the one that asked', async () => {
    const ada = await service.register();
    const other = await service.login(ada.name);
    const response = await change(ada.accessToken);
    expect(response.status).toBe(204);
    expect(await response.text()).toBe('');
    await expectProblem(await service.fetch('/me', { bearer: other.accessToken }), 401, 'session_ended', {
      challenge: INVALID_TOKEN,
    });
    await expectProblem(await service.post('/refresh', { cookie: other.cookie }), 401, 'session_ended', {
      clearsCookie: true,
    });
    expect((await service.post('/refresh', { cookie: ada.cookie })).status).toBe(200);
    const old = await service.post('/login', { json: { username: ada.name, password: PASSWORD } });
    await expectProblem(old, 401, 'invalid_credentials');
    await service.login(ada.name, NEW_PASSWORD);
  });

  it('tells the owner by mail, without a link and without the password', async () => {
    const ada = await service.register();
    await change(ada.accessToken);
    const mail = await awaitMail(ada.email, 'password_changed');
    expect(mail.text).not.toContain('#');
    expectAbsent(mail.text + mail.html, [NEW_PASSWORD]);
  });

  it('refuses a wrong current password, changes nothing and says nothing more', async () => {
    const ada = await service.register();
    const other = await service.login(ada.name);
    const refused = await change(ada.accessToken, 'not the password');
    await expectProblem(refused, 401, 'invalid_credentials');
    expect(refused.headers.getSetCookie()).toEqual([]);
    expect((await service.fetch('/me', { bearer: other.accessToken })).status).toBe(200);
    await service.login(ada.name);
    expect(deliveriesTo(ada.email).map(({ mail }) => mail.kind)).not.toContainEqual('password_changed');
  });

  it('names what is wrong with a new password, and keeps the old one', async () => {
    const ada = await service.register();
    for (const [bad, message] of [
      ['short', 'must be at least 8 characters long'],
      ['password1', 'is one of the most common passwords; choose one that others would not guess'],
      [ada.name, 'must not be your user name'],
      [ada.email, 'must not be your e-mail address'],
    ] as const) {
      await expectProblem(await change(ada.accessToken, PASSWORD, bad), 422, 'invalid_input', {
        errors: [{ field: 'newPassword', message }],
      });
    }
    await service.login(ada.name);
  });

  it('throttles guesses together with those at sign-in, however they come', async () => {
    freezeClock();
    const ada = await service.register();
    const guesses = await Promise.all(
      Array.from({ length: 12 }, () => change(ada.accessToken, 'not the password')),
    );
    expect(guesses.filter(({ status }) => status === 401)).toHaveLength(6);
    expect(guesses.filter(({ status }) => status === 429)).toHaveLength(6);
    const failures = (await readEvents(ada.id)).filter(({ kind }) => kind === 'sign_in_failed');
    expect(failures).toMatchObject([{ count: 6 }]);
    const atSignIn = await service.post('/login', { json: { username: ada.name, password: PASSWORD } });
    await expectProblem(atSignIn, 429, 'too_many_attempts');
    expect(atSignIn.headers.get('Retry-After')).toBe('30');
    passSeconds(30);
    expect((await change(ada.accessToken)).status).toBe(204);
  });

  it('wants a bearer token of a live session', async () => {
    const ada = await service.register();
    await expectProblem(await service.fetch('/password', { method: 'PUT', json: {} }), 401, 'unauthorized');
    await service.post('/logout', { cookie: ada.cookie });
    await expectProblem(await change(ada.accessToken), 401, 'session_ended', { challenge: INVALID_TOKEN });
    await service.login(ada.name);
  });

  it('is refused to a page of another origin', async () => {
    const ada = await service.register();
    const foreign = await change(ada.accessToken, PASSWORD, NEW_PASSWORD, { Origin: 'https://evil.test' });
    await expectProblem(foreign, 403, 'origin_not_allowed');
    await service.login(ada.name);
  });

  it('ends a reset link that was asked for before', async () => {
    const ada = await service.register();
    await service.post('/password/forgot', { json: { email: ada.email } });
    const mail = await awaitMail(ada.email, 'reset_password');
    await change(ada.accessToken);
    const token = /=(\S+)/.exec(mail.text)?.[1];
    const late = await service.post('/password/reset', { json: { token, newPassword: 'yet another horse' } });
    await expectProblem(late, 400, 'invalid_link');
    await service.login(ada.name, NEW_PASSWORD);
  });

  it('leaves the refresh cookie alone and renews the device cookie', async () => {
    const ada = await service.register();
    const response = await change(ada.accessToken);
    expect(readCookie(response)).toBeUndefined();
    expect(readCookie(response, '__Host-device')).toMatch(/^[\w.-]+$/);
  });
});
