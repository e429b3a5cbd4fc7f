// The least that a rotation with storage can be: one token verified, one row of one object read and written, two tokens
// signed. No check of anything else, no log, no header but what carries the tokens. What Latchkey costs above it is what
// Latchkey does beside it.
import { DurableObject } from 'cloudflare:workers';
import { Hono } from 'hono';
import { sign, verify } from 'hono/jwt';

interface Bindings {
  ACCESS_SECRET: string;
  REFRESH_SECRET: string;
  SESSION: DurableObjectNamespace<Session>;
}

export class Session extends DurableObject {
  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env as never);
    ctx.storage.sql.exec(
      'CREATE TABLE IF NOT EXISTS session (sid TEXT PRIMARY KEY, counter INTEGER NOT NULL)',
    );
  }

  rotate(sid: string, counter: number): number {
    const { sql } = this.ctx.storage;
    const [row] = sql.exec<{ counter: number }>('SELECT counter FROM session WHERE sid = ?', sid).toArray();
    if (row === undefined) sql.exec('INSERT INTO session VALUES (?, ?)', sid, counter + 1);
    else sql.exec('UPDATE session SET counter = ? WHERE sid = ?', counter + 1, sid);
    return counter + 1;
  }
}

const app = new Hono<{ Bindings: Bindings }>();
let keys: { access: CryptoKey; refresh: CryptoKey } | undefined;

app.post('/refresh', async (c) => {
  keys ??= {
    access: await importSecret(c.env.ACCESS_SECRET),
    refresh: await importSecret(c.env.REFRESH_SECRET),
  };
  const cookie = c.req.header('Cookie')?.slice('jwt='.length) ?? '';
  const { username, counter } = await verify(cookie, keys.refresh as never, 'HS256');
  const next = await c.env.SESSION.getByName(String(username)).rotate('sid', Number(counter ?? 0));
  const iat = Math.floor(Date.now() / 1000);
  const [accessToken, refreshToken] = await Promise.all([
    sign({ username, iat, exp: iat + 600 }, keys.access as never, 'HS256'),
    sign({ username, counter: next, iat, exp: iat + 86400 }, keys.refresh as never, 'HS256'),
  ]);
  c.header('Set-Cookie', `jwt=${refreshToken}; Path=/; HttpOnly`);
  return c.json({ accessToken });
});

function importSecret(secret: string): Promise<CryptoKey> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  return crypto.subtle.importKey('raw', new TextEncoder().encode(secret), algorithm, false, [
    'sign',
    'verify',
  ]);
}

export default app;
