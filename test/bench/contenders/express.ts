// What the Express tutorial builds, in our own words: a refresh token in a cookie that is good until it expires, and an
// access token for it. Nothing is stored and nothing rotates, so it has no sign-out of one session and no list of them.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import cookieParser from 'cookie-parser';
import express from 'express';
import { jwtVerify, SignJWT } from 'jose';
import jwt from 'jsonwebtoken';
import { ACCESS_SECRET, type Actor, type Contender, REFRESH_SECRET } from '../contract.ts';
import { toRequest } from '../load.ts';

export async function serve() {
  const app = express();
  app.use(cookieParser());
  app.get('/refresh', (request, response) => {
    try {
      const { username } = jwt.verify(request.cookies.jwt, REFRESH_SECRET) as { username: string };
      response.json({ accessToken: jwt.sign({ username }, ACCESS_SECRET, { expiresIn: '10m' }) });
    } catch {
      response.sendStatus(403);
    }
  });
  app.get('/verify', (request, response) => {
    try {
      jwt.verify(request.headers.authorization?.split(' ')[1] ?? '', ACCESS_SECRET);
      response.json({ ok: true });
    } catch {
      response.sendStatus(403);
    }
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, stop: () => server.close() };
}

export function connectTo(): Contender {
  const bytes = (secret: string) => new TextEncoder().encode(secret);
  const verify = async ({ name, accessToken }: Actor) => {
    const { payload } = await jwtVerify(accessToken, bytes(ACCESS_SECRET));
    if (payload.username !== name) throw new Error('a token of somebody else');
  };
  return {
    // No storage: the accounts are their tokens.
    prepare: (accounts) =>
      Promise.all(
        Array.from({ length: accounts }, async (_, index) => {
          const name = `user${index}`;
          const sign = (secret: string) =>
            new SignJWT({ username: name })
              .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
              .setIssuedAt()
              .setExpirationTime('1d')
              .sign(bytes(secret));
          return {
            name,
            cookie: `jwt=${await sign(REFRESH_SECRET)}`,
            accessToken: await sign(ACCESS_SECRET),
          };
        }),
      ),
    operations: {
      refresh: {
        request: ({ cookie }) => toRequest('GET', '/refresh', { headers: `Cookie: ${cookie}\r\n` }),
        accept: (actor, { body }) => {
          actor.accessToken = /"accessToken":"([^"]+)"/.exec(body)?.[1] ?? '';
        },
        verify,
      },
      verify: {
        request: ({ accessToken }) =>
          toRequest('GET', '/verify', { headers: `Authorization: Bearer ${accessToken}\r\n` }),
      },
    },
  };
}
