// Ours: the bundle that would be deployed, real Durable Objects and D1 on disk.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose';
import { bundleWorker, migrateDirectory } from '../../support/bundled-worker.ts';
import {
  ACCESS_SECRET,
  type Actor,
  type Contender,
  type Entry,
  PASSWORD,
  REFRESH_SECRET,
} from '../contract.ts';
import { askAll, readSetCookie, toRequest } from '../load.ts';
import { serveWorker } from '../workerd.ts';

const ISSUER = 'https://auth.test';
const COOKIE = '__Host-jwt';

interface Place {
  alg: Entry['alg'];
  state: string;
}

export function serve({ alg, state }: Place) {
  const folder = join(state, 'bundle');
  if (!existsSync(folder)) bundleWorker(folder);
  return serveBundle(readFileSync(join(folder, 'index.js'), 'utf8'), { alg, state });
}

/** Starts any bundle of Latchkey, with the settings of the bench. */
export async function serveBundle(contents: string, { alg, state }: Place) {
  const { url, server } = await serveWorker(contents, {
    resourcePersistencePath: join(state, 'storage'),
    durableObjects: { ACCOUNT: { className: 'Account', useSQLite: true } },
    d1Databases: ['DIRECTORY'],
    bindings: {
      ISSUER,
      ACCESS_TOKEN_SECRET: alg === 'HS256' ? ACCESS_SECRET : await makeKey(),
      REFRESH_TOKEN_SECRET: REFRESH_SECRET,
      // One machine is one address: the limits per address would stop any load.
      RATE_LIMIT: 'off',
    },
  });
  await migrateDirectory(await server.getD1Database('DIRECTORY'));
  return { url, stop: () => server.dispose() };
}

async function makeKey(): Promise<string> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return JSON.stringify(await exportJWK(privateKey));
}

export function connectTo(url: string, { alg }: Entry): Contender {
  const bytes = (secret: string) => new TextEncoder().encode(secret);
  const jwks = createRemoteJWKSet(new URL('/.well-known/jwks.json', url));
  return {
    prepare,
    operations: {
      'sign-in': {
        request: ({ name }) => toRequest('POST', '/login', { json: { username: name, password: PASSWORD } }),
        accept: takePair,
        verify: verifyPair,
      },
      refresh: {
        request: ({ cookie }) => toRequest('POST', '/refresh', { headers: `Cookie: ${cookie}\r\n` }),
        accept: takePair,
        verify: verifyPair,
      },
      ...(alg !== 'HS256' && {
        jwks: {
          request: () => toRequest('GET', '/.well-known/jwks.json'),
          accept: (_, { body }) => holds(body, '"kty":"EC"'),
        },
      }),
      sessions: {
        request: ({ accessToken }) =>
          toRequest('GET', '/sessions', { headers: `Authorization: Bearer ${accessToken}\r\n` }),
        accept: (_, { body }) => holds(body, '"current":true'),
      },
    },
  };

  async function prepare(accounts: number): Promise<Actor[]> {
    const names = Array.from({ length: accounts }, (_, index) => `user${index}`);
    const requests = names.map((name) =>
      toRequest('POST', '/register', {
        json: { username: name, email: `${name}@example.com`, password: PASSWORD },
      }),
    );
    const answers = await askAll(url, requests, { status: 201 });
    return answers.map((answer, index) => {
      const actor = { name: names[index] ?? '', cookie: '', accessToken: '' };
      takePair(actor, answer);
      return actor;
    });
  }

  async function verifyPair({ accessToken, cookie }: Actor): Promise<void> {
    const options = { issuer: ISSUER, audience: ISSUER, algorithms: [alg] };
    const access =
      alg === 'HS256'
        ? await jwtVerify(accessToken, bytes(ACCESS_SECRET), options)
        : await jwtVerify(accessToken, jwks, options);
    const refresh = await jwtVerify(cookie.slice(COOKIE.length + 1), bytes(REFRESH_SECRET), {
      issuer: ISSUER,
      audience: `${ISSUER}/refresh`,
    });
    if (access.payload.sub !== refresh.payload.sub) throw new Error('the tokens of a pair differ in sub');
    if (access.payload.sid !== refresh.payload.sid) throw new Error('the tokens of a pair differ in sid');
  }
}

function takePair(actor: Actor, answer: { status: number; head: string; body: string }): void {
  const cookie = readSetCookie(answer, COOKIE);
  if (cookie === undefined || cookie === actor.cookie) throw new Error('no successor in the answer');
  actor.cookie = cookie;
  actor.accessToken = /"accessToken":"([^"]+)"/.exec(answer.body)?.[1] ?? '';
}

function holds(body: string, text: string): void {
  if (!body.includes(text)) throw new Error(`the answer lacks ${text}: ${body.slice(0, 200)}`);
}
