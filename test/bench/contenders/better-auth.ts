// better-auth on the same workerd, with D1. Its refresh is the session cookie for an access token: the cookie stays.
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { type Actor, type Contender, PASSWORD, REFRESH_SECRET } from '../contract.ts';
import { type Answer, askAll, readSetCookie, toRequest } from '../load.ts';
import { bundle, serveWorker } from '../workerd.ts';

const ORIGIN = 'http://localhost';
const COOKIE = 'better-auth.session_token';
const HEADERS = `Origin: ${ORIGIN}\r\n`;

export async function serve({ state }: { state: string }) {
  const { url, server } = await serveWorker(await bundle('better-auth.ts'), {
    resourcePersistencePath: state,
    d1Databases: ['DB'],
    bindings: { ORIGIN, SECRET: REFRESH_SECRET },
  });
  await askAll(url, [toRequest('POST', '/migrate')]);
  return { url, stop: () => server.dispose() };
}

export function connectTo(url: string): Contender {
  const jwks = createRemoteJWKSet(new URL('/api/auth/jwks', url));
  const withCookie = (path: string) => (actor: Actor) =>
    toRequest('GET', path, { headers: `${HEADERS}Cookie: ${actor.cookie}\r\n` });
  return {
    async prepare(accounts) {
      const names = Array.from({ length: accounts }, (_, index) => `user${index}`);
      const requests = names.map((name) =>
        toRequest('POST', '/api/auth/sign-up/email', {
          headers: HEADERS,
          json: { name, email: `${name}@example.com`, password: PASSWORD },
        }),
      );
      const answers = await askAll(url, requests);
      return answers.map((answer, index) => {
        const actor = { name: names[index] ?? '', cookie: '', accessToken: '' };
        takeCookie(actor, answer);
        return actor;
      });
    },
    operations: {
      'sign-in': {
        request: ({ name }) =>
          toRequest('POST', '/api/auth/sign-in/email', {
            headers: HEADERS,
            json: { email: `${name}@example.com`, password: PASSWORD },
          }),
        accept: takeCookie,
      },
      refresh: {
        request: withCookie('/api/auth/token'),
        accept: (actor, { body }) => {
          actor.accessToken = /"token":"([^"]+)"/.exec(body)?.[1] ?? '';
        },
        async verify({ name, accessToken }) {
          const { payload } = await jwtVerify(accessToken, jwks, { issuer: ORIGIN, audience: ORIGIN });
          if (payload.email !== `${name}@example.com`) throw new Error('a token of somebody else');
        },
      },
      jwks: {
        request: () => toRequest('GET', '/api/auth/jwks'),
        accept: (_, { body }) => {
          if (!body.includes('"crv":"Ed25519"')) throw new Error(`no key set: ${body.slice(0, 200)}`);
        },
      },
      sessions: {
        request: withCookie('/api/auth/list-sessions'),
        accept: (_, { body }) => {
          if (!body.includes('"userId"')) throw new Error(`no session: ${body.slice(0, 200)}`);
        },
      },
    },
  };
}

function takeCookie(actor: Actor, answer: Answer): void {
  const cookie = readSetCookie(answer, COOKIE);
  if (cookie === undefined || cookie === actor.cookie) throw new Error('no session cookie in the answer');
  actor.cookie = cookie;
}
