import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { expectAbsent } from '../support/absence.ts';
import { readStored } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { hashForReal } from '../support/hashes.ts';
import {
  accountOf,
  decodePayload,
  PASSWORD,
  readCookie,
  Service,
  type SignedIn,
} from '../support/service.ts';

hashForReal();

const service = new Service();
const WRONG_PASSWORD = 'correct horse battery stable';

/** Every way in which a dump could hold a text so that a reader gets it back, or recognises it when seen again. */
async function spellingsOf(text: string): Promise<string[]> {
  const bytes = new TextEncoder().encode(text);
  const digests = await Promise.all(
    ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'].map((name) => crypto.subtle.digest(name, bytes)),
  );
  return [text, ...[bytes, ...digests.map((digest) => new Uint8Array(digest))].flatMap(encodingsOf)];
}

function encodingsOf(bytes: Uint8Array): string[] {
  return [
    bytes.toHex(),
    // Without padding: that finds it with and without.
    bytes.toBase64({ omitPadding: true }),
    bytes.toBase64({ alphabet: 'base64url', omitPadding: true }),
  ];
}

/** A token, its parts, and what is random in it: the signature and, in an access token, the `jti`. */
async function tracesOf(token: string): Promise<string[]> {
  const [, payload = '', signature = ''] = token.split('.');
  const { jti } = decodePayload(token);
  const texts = [token, payload, signature, ...(typeof jti === 'string' ? [jti] : [])];
  const signatureBytes = Uint8Array.fromBase64(signature, { alphabet: 'base64url' });
  return [...(await Promise.all(texts.map(spellingsOf))).flat(), ...encodingsOf(signatureBytes)];
}

/** All rows of an account and of the directory as one text, bytes as hexadecimal. */
async function dumpEverything(id: string): Promise<string> {
  const account = await readStored(accountOf(id));
  const [accounts, names] = await env.DIRECTORY.batch([
    env.DIRECTORY.prepare('SELECT * FROM accounts'),
    env.DIRECTORY.prepare('SELECT * FROM names'),
  ]);
  return JSON.stringify({ account, accounts, names }, (_, value: unknown) =>
    value instanceof ArrayBuffer ? new Uint8Array(value).toHex() : value,
  );
}

async function refresh(cookie: string): Promise<Pick<SignedIn, 'accessToken' | 'cookie'>> {
  const response = await service.post('/refresh', { cookie });
  const { accessToken } = await response.json<{ accessToken: string }>();
  return { accessToken, cookie: readCookie(response) ?? '' };
}

describe('a dump of the whole storage', () => {
  it('holds no token in any form, whether current, used or ended', async () => {
    freezeClock();
    const ada = await service.register();
    passSeconds(1);
    const second = await refresh(ada.cookie);
    passSeconds(1);
    const third = await refresh(second.cookie);
    const elsewhere = await service.login(ada.name);
    const ended = await service.login(ada.name);
    await service.post('/logout', { cookie: ended.cookie });

    const dump = await dumpEverything(ada.id);
    expect(dump).toContain(ada.sid);
    const tokens = [ada, second, third, elsewhere, ended].flatMap(({ accessToken, cookie }) => [
      accessToken,
      cookie,
    ]);
    expect(new Set(tokens).size).toBe(10);
    for (const token of tokens) expectAbsent(dump, await tracesOf(token));
  });

  it('holds no password, right or wrong, but its hash in the account alone', async () => {
    const ada = await service.register();
    await service.post('/login', { json: { username: ada.name, password: WRONG_PASSWORD } });
    const stored = await readStored(accountOf(ada.id));
    const [password] = stored.tables.credential ?? [];
    expect(password?.data).toMatch(/^\$scrypt\$ln=14,r=8,p=5\$/);

    const dump = await dumpEverything(ada.id);
    const traces = await Promise.all([PASSWORD, WRONG_PASSWORD].map(spellingsOf));
    expectAbsent(dump, traces.flat());
    expect(dump.split('$scrypt$')).toHaveLength(2);
  });

  it('holds names, ids and the state of the account in the directory, and nothing else', async () => {
    const nowMs = freezeClock();
    const { id, name, email } = await service.register();
    const row = await env.DIRECTORY.prepare('SELECT * FROM accounts WHERE id = ?').bind(id).first();
    const keys = { username_key: name.toLowerCase(), email_key: email.toLowerCase() };
    const state = { email_verified: 0, disabled: 0, must_reset: 0, index_version: 1 };
    expect(row).toEqual({ id, username: name, email, ...keys, created_at_ms: nowMs, ...state });
    const names = await env.DIRECTORY.prepare('SELECT * FROM names WHERE account_id = ? ORDER BY key')
      .bind(id)
      .all();
    const held = { account_id: id, state: 'active', until_ms: null };
    expect(names.results).toEqual([
      { key: `email:${keys.email_key}`, kind: 'email', display: email, ...held },
      { key: `username:${keys.username_key}`, kind: 'username', display: name, ...held },
    ]);
  });

  it('salts: the same password leaves another hash in another account', async () => {
    const hashes = await Promise.all(
      [await service.register(), await service.register()].map(async ({ id }) => {
        const { tables } = await readStored(accountOf(id));
        return tables.credential?.[0]?.data;
      }),
    );
    expect(new Set(hashes).size).toBe(2);
  });

  it('is all there is: nothing lies outside the tables', async () => {
    const { id } = await service.register();
    const stored = await readStored(accountOf(id));
    expect(stored.pairs).toEqual([]);
    expect(Object.keys(stored.tables)).toEqual([
      'account',
      'credential',
      'event',
      'index_report',
      'intent',
      'limit_use',
      'mail_token',
      'outbox',
      'revoked_browser',
      'schema_version',
      'session',
      'throttle',
    ]);
  });
});
