// Checks access tokens offline. jose keeps the keys for ten minutes, and fetches them anew for an unknown `kid`.
import { createServer } from 'node:http';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const { ISSUER = 'http://localhost:8787', PORT = '3000' } = process.env;
const keys = createRemoteJWKSet(new URL(`${ISSUER}/.well-known/jwks.json`));
const requiredClaims = ['exp', 'sub', 'sid'];
const options = { issuer: ISSUER, audience: ISSUER, algorithms: ['ES256'], requiredClaims };

createServer(async (request, response) => {
  const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const verified = await jwtVerify(token, keys, options).catch(() => undefined);
  if (verified === undefined) response.writeHead(401, { 'WWW-Authenticate': 'Bearer' }).end();
  else response.end(String(verified.payload.username));
}).listen(Number(PORT), () => console.log(`http://localhost:${PORT}`));
