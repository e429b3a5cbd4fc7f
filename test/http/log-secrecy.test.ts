// What the log must never hold, over a whole life of an account and every way that a request can fail.

import { expect, it } from 'vitest';
import { expectAbsent } from '../support/absence.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { resign, tamper, unsign } from '../support/forge.ts';
import { captureLogs, parseLine } from '../support/logs.ts';
import { breakDirectory, interceptAccounts } from '../support/outage.ts';
import {
  ACCESS_SECRET,
  type Parts,
  REFRESH_SECRET,
  readCookie,
  Service,
  uniqueName,
} from '../support/service.ts';

/** Long enough that no other text holds it by chance, short enough that part of a token would show. */
const FRAGMENT_LENGTH = 20;

const username = `Ada-${uniqueName()}`;
const email = `Mail-${uniqueName()}@Example.com`;
const password = 'thunderstorm lantern orchard';
const wrongPassword = 'a wrong guess at it';
/** With a letter that no id holds: three letters alone stand in one now and then. */
const shortPassword = 'q~x7';
const service = new Service();
const tokens: string[] = [];

it('holds no password, token, cookie, e-mail address or user name, whatever happens', async () => {
  freezeClock();
  const lines = captureLogs();
  const pair = await liveHonestly();
  await presentForgeries(pair);
  await sendBrokenBodies();
  await meetFailures(pair);
  await loseToken();

  const events = lines.map(parseLine);
  expect(events.some(({ event }) => event === 'refresh_token_reuse')).toBe(true);
  expect([...new Set(events.map(({ code }) => code))].sort()).toEqual([
    'body_too_large',
    'internal',
    'invalid_credentials',
    'invalid_input',
    'malformed_body',
    'not_found',
    'ok',
    'session_ended',
    'unauthorized',
    'unavailable',
    'unsupported_media_type',
    'username_taken',
  ]);
  const log = lines.map(({ text }) => text).join('\n');
  const secrets = [password, wrongPassword, shortPassword, username, email, ACCESS_SECRET, REFRESH_SECRET];
  expectAbsent(log, [...secrets, ...email.split('@')]);
  expect(tokens.length).toBeGreaterThan(15);
  expectAbsent(log, tokens.flatMap(toFragments));
});

interface Pair {
  cookie: string;
  accessToken: string;
}

/** Every endpoint with success, and the slips of an honest owner. */
async function liveHonestly(): Promise<Pair> {
  const registered = await post('/register', { json: { username, email, password } });
  await post('/register', { json: { username, email, password } });
  await post('/register', { json: { username: email, email: username, password: shortPassword } });
  await post('/login', { json: { username, password: wrongPassword } });
  // The password typed into the wrong field.
  await post('/login', { json: { username: password, password: username } });
  const { cookie, accessToken: bearer } = await post('/login', {
    form: { username: email, password },
    cookie: registered.cookie,
  });
  await service.fetch(`/me?access_token=${bearer}`, { bearer });
  await service.fetch('/sessions', { bearer });
  await service.fetch(`/sessions?keep=${cookie}`, { method: 'DELETE', bearer });
  const pair = await post('/refresh', { cookie });
  await post('/refresh', { cookie });
  return pair;
}

/** Tokens that are not what they say, in every place where one can be put. */
async function presentForgeries({ cookie, accessToken }: Pair): Promise<void> {
  for (const forged of [
    tamper(cookie),
    unsign(cookie),
    await resign(cookie, { iss: 'https://other.test' }, REFRESH_SECRET),
    await resign(cookie, {}, ACCESS_SECRET),
    tamper(accessToken),
    await resign(accessToken, { iat: 0, exp: 1 }, ACCESS_SECRET),
    `${accessToken}.${cookie}`,
  ]) {
    tokens.push(forged);
    await post('/refresh', { cookie: forged });
    await service.fetch('/me', { bearer: forged });
    await service.fetch('/me', { headers: { Authorization: forged } });
    await service.fetch(`/sessions/${forged}`, { method: 'DELETE', bearer: accessToken });
    await service.fetch(`/${forged}?token=${forged}`, { headers: { 'CF-Ray': forged, Origin: forged } });
  }
}

async function sendBrokenBodies(): Promise<void> {
  const headers = { 'Content-Type': 'application/json' };
  await post('/login', { headers, body: `{"username":"${username}","password":"${password}"` });
  await post('/login', { headers, body: JSON.stringify({ username, email, password }).repeat(200) });
  await post('/login', { headers: { 'Content-Type': password }, body: password });
}

/** Storage and bugs whose messages quote all that they were given. */
async function meetFailures({ cookie, accessToken }: Pair): Promise<void> {
  const quoting = new Error(`${username} ${email} ${password} ${cookie} ${accessToken}`);
  const failing = new Service({ ACCOUNT: interceptAccounts(() => Promise.reject(quoting)) });
  const buggy = new Service({
    ACCOUNT: interceptAccounts(() => ({
      get outcome() {
        throw quoting;
      },
    })),
  });
  for (const broken of [failing, buggy, new Service({ DIRECTORY: breakDirectory() })]) {
    await broken.post('/login', { json: { username, password } });
    await broken.post('/refresh', { cookie });
    await broken.fetch('/me', { bearer: accessToken });
  }
}

async function loseToken(): Promise<void> {
  const stolen = await post('/login', { json: { username, password } });
  const next = await post('/refresh', { cookie: stolen.cookie });
  passSeconds(60);
  await post('/refresh', { cookie: stolen.cookie });
  await post('/logout', { cookie: next.cookie });
}

/** Sends a request, and keeps every token that the response holds. */
async function post(path: string, parts: Parts): Promise<Pair> {
  const response = await service.post(path, parts);
  const cookie = readCookie(response) ?? '';
  const body = response.status === 204 ? {} : await response.json<{ accessToken?: string }>();
  const accessToken = body.accessToken ?? '';
  tokens.push(...[cookie, accessToken].filter((token) => token !== ''));
  return { cookie, accessToken };
}

/** Every run of characters of a token's parts: a log that cut a token short would still hold one. */
function toFragments(token: string): string[] {
  return token.split('.').flatMap((part) => {
    const starts = Math.max(0, part.length - FRAGMENT_LENGTH + 1);
    return Array.from({ length: starts }, (_, at) => part.slice(at, at + FRAGMENT_LENGTH));
  });
}
