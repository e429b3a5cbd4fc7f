// Checks access tokens offline. Given `jwks_uri`, hono/jwk fetches the keys at every request, so they are kept here.
import { env } from 'cloudflare:workers';
import { Hono } from 'hono';
import { jwk } from 'hono/jwk';
import type { JwtVariables } from 'hono/jwt';

const { ISSUER } = env; // and the audience: the service's AUDIENCE, if you set one
let keys: JsonWebKey[] = [];
let fetchedAtMs = 0;

async function loadKeys() {
  if (Date.now() - fetchedAtMs > 300_000) {
    const response = await fetch(`${ISSUER}/.well-known/jwks.json`);
    if (!response.ok) throw new Error('the key set did not answer');
    ({ keys } = (await response.json()) as { keys: JsonWebKey[] });
    fetchedAtMs = Date.now();
  }
  return keys;
}

const app = new Hono<{ Variables: JwtVariables<{ username: string }> }>();
// Not `iat`: a token is new when it arrives, and hono allows no difference between two clocks.
const verification = { iss: ISSUER, aud: ISSUER, iat: false };
app.use('/api/*', jwk({ keys: loadKeys, alg: ['ES256'], verification }));
app.get('/api/name', (c) => c.text(c.get('jwtPayload').username));

export default app;
