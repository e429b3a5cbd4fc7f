// The floor, and a resource server for each algorithm: Hono on the same workerd, no storage.
import { exportJWK, generateKeyPair, type JWK, jwtVerify, SignJWT } from 'jose';
import {
  ACCESS_SECRET,
  type Actor,
  type Contender,
  type Entry,
  PASSWORD,
  REFRESH_SECRET,
} from '../contract.ts';
import { type Answer, readSetCookie, toRequest } from '../load.ts';
import { bundle, serveWorker } from '../workerd.ts';

const bytes = (secret: string) => new TextEncoder().encode(secret);

export async function serve({ state }: { state: string }) {
  const keys: Record<string, JWK> = {};
  const tokens: Record<string, string> = {};
  for (const alg of ['ES256', 'EdDSA']) {
    const { publicKey, privateKey } = await generateKeyPair(alg);
    keys[alg] = await exportJWK(publicKey);
    tokens[alg] = await signToken(alg, privateKey);
  }
  const { url, server } = await serveWorker(await bundle('floor.ts'), {
    resourcePersistencePath: state,
    bindings: { ACCESS_SECRET, REFRESH_SECRET, PUBLIC_KEYS: JSON.stringify(keys) },
  });
  // The tokens travel with the address: only this process has the keys.
  return { url: `${url}/?${new URLSearchParams(tokens)}`, stop: () => server.dispose() };
}

export function connectTo(url: string, { alg }: Entry): Contender {
  const token = new URL(url).searchParams.get(alg);
  return {
    prepare: (accounts) =>
      Promise.all(
        Array.from({ length: accounts }, async (_, index) => {
          const name = `user${index}`;
          const cookie = `jwt=${await signToken('HS256', bytes(REFRESH_SECRET), name)}`;
          const accessToken = token ?? (await signToken('HS256', bytes(ACCESS_SECRET), name));
          return { name, cookie, accessToken };
        }),
      ),
    operations: {
      ...(alg === 'HS256' && {
        'sign-in': {
          request: () => toRequest('POST', '/sign-in', { json: { password: PASSWORD } }),
          accept: (_: Actor, { body }: Answer) => {
            if (body !== '{"bytes":32}') throw new Error(`no hash: ${body}`);
          },
        },
        refresh: {
          request: ({ cookie }: Actor) => toRequest('POST', '/refresh', { headers: `Cookie: ${cookie}\r\n` }),
          accept: (actor: Actor, answer: Answer) => {
            const cookie = readSetCookie(answer, 'jwt');
            if (cookie === undefined || cookie === actor.cookie) throw new Error('no successor');
            actor.cookie = cookie;
            actor.accessToken = /"accessToken":"([^"]+)"/.exec(answer.body)?.[1] ?? '';
          },
          async verify({ name, accessToken, cookie }: Actor) {
            const access = await jwtVerify(accessToken, bytes(ACCESS_SECRET));
            const refresh = await jwtVerify(cookie.slice('jwt='.length), bytes(REFRESH_SECRET));
            if (access.payload.username !== name || refresh.payload.username !== name)
              throw new Error('a token of somebody else');
          },
        },
      }),
      verify: {
        request: ({ accessToken }: Actor) =>
          toRequest('GET', `/verify/${alg}`, { headers: `Authorization: Bearer ${accessToken}\r\n` }),
      },
    },
  };
}

/** A token with the claims that an access token of Latchkey has. */
function signToken(alg: string, key: CryptoKey | Uint8Array, username = 'user'): Promise<string> {
  const claims = {
    username,
    email: `${username}@example.com`,
    sid: crypto.randomUUID(),
    jti: crypto.randomUUID(),
  };
  return new SignJWT({ ...claims, auth_time: Math.floor(Date.now() / 1000) })
    .setProtectedHeader({ alg, typ: 'JWT' })
    .setIssuer('https://auth.test')
    .setAudience('https://auth.test')
    .setSubject(crypto.randomUUID())
    .setIssuedAt()
    .setExpirationTime('1d')
    .sign(key);
}
