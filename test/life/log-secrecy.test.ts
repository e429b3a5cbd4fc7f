// What the log must never hold, over everything that an account's owner and its operators can do.

import { expect, it } from 'vitest';
import { expectAbsent } from '../support/absence.ts';
import { captureLogs, parseLine } from '../support/logs.ts';
import { awaitMail, failNext, readLinkToken } from '../support/mailbox.ts';
import { adminRoutes, routes } from '../support/routes.ts';
import { type Parts, type Person, readCookie, Service, uniqueName } from '../support/service.ts';

/** Long enough that no other text holds it by chance, short enough that part of a token would show. */
const FRAGMENT_LENGTH = 20;
const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789abcdef';
const WRONG = 'a wrong guess at it';
/** Too short for a password. With a letter that no id holds: three letters alone stand in one now and then. */
const SHORT = 'q~x7';
const OLD_PASSWORD = 'thunderstorm lantern orchard';
const NEW_PASSWORD = 'marmalade compass glacier';
const RESET_PASSWORD = 'pelican turbine meadow';

const service = new Service({ ADMIN_TOKEN });
const secrets = [ADMIN_TOKEN, WRONG, SHORT, OLD_PASSWORD, NEW_PASSWORD, RESET_PASSWORD];
const tokens: string[] = [];

/** Sends a request, and keeps every token that the response holds. */
async function send(method: string, path: string, parts: Parts = {}): Promise<Response> {
  const response = await service.fetch(path, { method, ...parts });
  for (const name of ['__Host-jwt', '__Host-device']) tokens.push(readCookie(response, name) ?? '');
  return response;
}

async function signIn(username: string, password: string): Promise<Pick<Person, 'accessToken' | 'cookie'>> {
  const response = await send('POST', '/login', { json: { username, password } });
  expect(response.status).toBe(200);
  const { accessToken } = await response.json<{ accessToken: string }>();
  tokens.push(accessToken);
  return { accessToken, cookie: readCookie(response) ?? '' };
}

async function register(): Promise<{ name: string; email: string }> {
  const name = `Ada-${uniqueName()}`;
  const email = `Mail-${uniqueName()}@Example.com`;
  secrets.push(name, email, ...email.split('@').slice(0, 1));
  failNext(1);
  await send('POST', '/register', { json: { username: name, email, password: OLD_PASSWORD } });
  return { name, email };
}

async function mailed(email: string, kind: Parameters<typeof awaitMail>[1]): Promise<string> {
  const token = readLinkToken(await awaitMail(email, kind));
  tokens.push(token);
  return token;
}

async function changeAndReset({ name, email }: { name: string; email: string }): Promise<void> {
  const { accessToken: bearer, cookie } = await signIn(name, OLD_PASSWORD);
  for (const json of [
    { currentPassword: WRONG, newPassword: NEW_PASSWORD },
    { currentPassword: OLD_PASSWORD, newPassword: SHORT },
    { currentPassword: OLD_PASSWORD, newPassword: NEW_PASSWORD },
  ]) {
    await send('PUT', '/password', { bearer, cookie, json });
  }
  await send('POST', '/password/forgot', { json: { email: 'nobody@example.com' } });
  await send('POST', '/password/forgot', { json: { email } });
  const token = await mailed(email, 'reset_password');
  for (const newPassword of [SHORT, RESET_PASSWORD, RESET_PASSWORD]) {
    await send('POST', '/password/reset', { json: { token, newPassword } });
  }
  await send('POST', '/password/reset', { json: { token: `${token}x`, newPassword: RESET_PASSWORD } });
  await send('PUT', '/password', { bearer, json: { currentPassword: NEW_PASSWORD, newPassword: SHORT } });
}

async function changeAddress({ name, email }: { name: string; email: string }): Promise<string> {
  const other = await register();
  const { accessToken: bearer } = await signIn(other.name, OLD_PASSWORD);
  await send('GET', '/email', { bearer });
  for (let i = 0; i < 7; i += 1) await send('POST', '/email/verification', { bearer });
  const token = await mailed(other.email, 'verify_email');
  for (let i = 0; i < 2; i += 1) await send('POST', '/email/verify', { json: { token } });
  await send('GET', `/email?token=${token}`, { bearer: token });
  const next = `Next-${uniqueName()}@Example.com`;
  secrets.push(next);
  for (const json of [
    { email, password: OLD_PASSWORD },
    { email: name, password: OLD_PASSWORD },
    { email: next, password: WRONG },
    { email: next, password: OLD_PASSWORD },
  ]) {
    await send('PUT', '/email', { bearer, json });
  }
  await send('POST', '/email/verify', { json: { token: await mailed(next, 'confirm_new_email') } });
  await send('PATCH', '/me', { bearer, json: { username: name } });
  const renamed = `Renamed-${uniqueName()}`;
  secrets.push(renamed);
  await send('PATCH', '/me', { bearer, json: { username: renamed } });
  await send('GET', '/me/history', { bearer });
  await send('GET', '/me/export', { bearer });
  await send('DELETE', '/me', { bearer, json: { password: WRONG } });
  await send('DELETE', '/me', { bearer, json: { password: OLD_PASSWORD } });
  return bearer;
}

async function operate(name: string, foreign: string): Promise<void> {
  const path = '/admin/accounts';
  const ask = (method: string, more: string, json?: object) =>
    send(method, `${path}${more}`, { bearer: ADMIN_TOKEN, ...(json && { json }) });
  const found = await (await ask('GET', `?search=${name}`)).json<{ accounts: { id: string }[] }>();
  const id = found.accounts[0]?.id ?? '';
  expect(id).not.toBe('');
  for (const bearer of [foreign, `${ADMIN_TOKEN}x`, `${ADMIN_TOKEN} x`]) await send('GET', path, { bearer });
  await send('GET', path, { bearer: ADMIN_TOKEN, headers: { 'X-Operator': WRONG } });
  const email = `Created-${uniqueName()}@Example.com`;
  secrets.push(email);
  await ask('POST', '', { username: uniqueName(), email });
  await ask('POST', '', { username: name, email: `x${email}`, password: NEW_PASSWORD });
  await ask('POST', '', { username: WRONG, email: WRONG, password: SHORT });
  await ask('POST', '/search', { search: email });
  await ask('GET', `?search=${email}`);
  await send('GET', '/admin/audit', { bearer: ADMIN_TOKEN });
  await send('GET', `/admin/audit?operator=${email}&accountId=${email}`, { bearer: ADMIN_TOKEN });
  await ask('GET', `/${email}`);
  await ask('GET', `/${id}`);
  for (const action of ['disable', 'enable', 'password-reset']) await ask('POST', `/${id}/${action}`);
  await ask('DELETE', `/${id}/sessions`);
  await ask('DELETE', `/${id}`);
  await ask('DELETE', `/${id}`);
}

it('holds no secret and no address, whatever an owner or an operator does, or fails to do', async () => {
  const lines = captureLogs({ withMails: true });
  const ada = await register();
  await changeAndReset(ada);
  await operate(ada.name, await changeAddress(ada));

  const events = lines.map(parseLine);
  const seen = new Set(events.map(({ event }) => event));
  const isOwn = ([path]: [string, unknown]) => /^\/(me|password|email|admin)/.test(path);
  const endpoints = Object.entries({ ...routes, ...adminRoutes }).filter(isOwn);
  expect(endpoints.length).toBeGreaterThan(12);
  for (const [path, methods] of endpoints) {
    for (const method of Object.keys(methods)) {
      if (path !== '/me' || method !== 'GET') expect(seen).toContain(`${method} ${path}`);
    }
  }
  const codes = new Set(events.map(({ code }) => code));
  for (const code of [
    'ok',
    'unavailable',
    'invalid_link',
    'too_many_attempts',
    'username_taken',
    'session_ended',
  ])
    expect(codes).toContain(code);

  const log = lines.map(({ text }) => text).join('\n');
  expectAbsent(log, secrets);
  const issued = tokens.filter((token) => token !== '');
  expect(issued.length).toBeGreaterThan(10);
  expectAbsent(log, issued.flatMap(toFragments));
});

/** Runs of characters of a token's secret parts. The first part of a mailed token is the account's id, which logs may hold. */
function toFragments(token: string): string[] {
  const parts = token.split('.');
  return (parts.length === 2 ? parts.slice(1) : parts).flatMap((part) => {
    const starts = Math.max(0, part.length - FRAGMENT_LENGTH + 1);
    return Array.from({ length: starts }, (_, at) => part.slice(at, at + FRAGMENT_LENGTH));
  });
}
