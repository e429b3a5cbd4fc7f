// The floor: what Hono on workerd costs with nothing, or only the cryptography, behind a route. And a resource server.
import { scryptSync } from 'node:crypto';
import { Hono } from 'hono';
import { sign, verify } from 'hono/jwt';

interface Env {
  ACCESS_SECRET: string;
  REFRESH_SECRET: string;
  PUBLIC_KEYS: string;
}

const app = new Hono<{ Bindings: Env }>();

app.get('/empty', (c) => c.json({ ok: true }));

// What any stateless refresh has to do: one HS256 token verified, two signed. hono/jwt imports its keys every time.
app.post('/refresh', async (c) => {
  const cookie = c.req.header('Cookie')?.slice('jwt='.length) ?? '';
  const { username } = await verify(cookie, c.env.REFRESH_SECRET, 'HS256');
  const iat = Math.floor(Date.now() / 1000);
  const [accessToken, refreshToken] = await Promise.all([
    sign({ username, iat, exp: iat + 600 }, c.env.ACCESS_SECRET, 'HS256'),
    sign({ username, iat, exp: iat + 86400, jti: crypto.randomUUID() }, c.env.REFRESH_SECRET, 'HS256'),
  ]);
  c.header('Set-Cookie', `jwt=${refreshToken}; Path=/; HttpOnly`);
  return c.json({ accessToken });
});

// The bare hash, at the cost that a sign-in at Latchkey pays.
app.post('/sign-in', async (c) => {
  const { password } = await c.req.json<{ password: string }>();
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const key = scryptSync(password, salt, 32, { N: 2 ** 14, r: 8, p: 5, maxmem: 2 ** 28 });
  return c.json({ bytes: key.length });
});

let publicKeys: Record<string, CryptoKey | string> | undefined;

app.get('/verify/:alg', async (c) => {
  const alg = c.req.param('alg') as 'HS256' | 'ES256' | 'EdDSA';
  publicKeys ??= await importKeys(c.env);
  await verify(c.req.header('Authorization')?.slice('Bearer '.length) ?? '', publicKeys[alg] ?? '', alg);
  return c.json({ ok: true });
});

async function importKeys({ PUBLIC_KEYS, ACCESS_SECRET }: Env): Promise<Record<string, CryptoKey | string>> {
  const jwks: Record<string, JsonWebKey> = JSON.parse(PUBLIC_KEYS);
  const importKey = (jwk: JsonWebKey | undefined, algorithm: object) =>
    crypto.subtle.importKey(
      'jwk',
      (jwk ?? {}) as JsonWebKey,
      algorithm as SubtleCryptoImportKeyAlgorithm,
      true,
      ['verify'],
    );
  return {
    HS256: ACCESS_SECRET,
    ES256: await importKey(jwks.ES256, { name: 'ECDSA', namedCurve: 'P-256' }),
    EdDSA: await importKey(jwks.EdDSA, { name: 'Ed25519' }),
  };
}

export default app;
