import { describe, expect, it } from 'vitest';
import { expectAbsent } from '../support/absence.ts';
import { captureLogs, parseLine } from '../support/logs.ts';
import { expectProblem } from '../support/problem.ts';
import {
  ACCESS_SECRET,
  PASSWORD,
  REFRESH_SECRET,
  Service,
  type Settings,
  uniqueName,
} from '../support/service.ts';
import { findInDirectory, listStoredUsernames, readSessions } from '../support/storage.ts';

const PUBLIC_KEY = {
  kty: 'EC',
  crv: 'P-256',
  x: 'MpO-JJ9UsVei5YASkEdWTPxtlXFpRiRj-lrYV6qvY38',
  y: 'z-0bnsYRiaZmdUEmzVOYUKk8F-WaBm8u7rYIueEm5tE',
};
const PRIVATE_PART = 'Wzk7loMH8ZoGUmp7OZhveRwxLv4vn-riueKpCUAgonQ';
/** A private part and a public one, each sound, of two key pairs. */
const MISMATCHED_KEY = {
  kty: 'OKP',
  crv: 'Ed25519',
  d: '1S-_jUPJZKq4DPhCPEdjSiI_G0HPXrbww7AQGovJ8xk',
  x: 'Cy245wAdJIdp9kcAcn0b50E-omZtJQR6II8TWPrdpSo',
};
const jwk = (changes: object) => JSON.stringify({ ...PUBLIC_KEY, d: PRIVATE_PART, ...changes });

const faults: [string, Settings][] = [
  ['ISSUER', { ISSUER: '' }],
  ['ISSUER', { ISSUER: 'http://auth.example' }],
  ['ISSUER', { ISSUER: 'https://auth.example/' }],
  ['ISSUER', { ISSUER: 'https://auth.example?tenant=1' }],
  ['ISSUER', { ISSUER: 'auth.example' }],
  ['AUDIENCE', { AUDIENCE: 'https://auth.test/refresh' }],
  ['ACCESS_TOKEN_SECRET', { ACCESS_TOKEN_SECRET: '' }],
  ['ACCESS_TOKEN_SECRET', { ACCESS_TOKEN_SECRET: 'too-short-by-one-byte-012345678' }],
  ['ACCESS_TOKEN_SECRET', { ACCESS_TOKEN_SECRET: '{"kty":' }],
  ['ACCESS_TOKEN_SECRET', { ACCESS_TOKEN_SECRET: '{"keys":[]}' }],
  ['ACCESS_TOKEN_SECRET', { ACCESS_TOKEN_SECRET: JSON.stringify(PUBLIC_KEY) }],
  ['ACCESS_TOKEN_SECRET', { ACCESS_TOKEN_SECRET: jwk({ alg: 'RS256' }) }],
  ['ACCESS_TOKEN_SECRET', { ACCESS_TOKEN_SECRET: jwk({ x: PUBLIC_KEY.y }) }],
  ['ACCESS_TOKEN_SECRET', { ACCESS_TOKEN_SECRET: jwk({ d: PUBLIC_KEY.x }) }],
  ['ACCESS_TOKEN_SECRET', { ACCESS_TOKEN_SECRET: JSON.stringify(MISMATCHED_KEY) }],
  ['REFRESH_TOKEN_SECRET', { REFRESH_TOKEN_SECRET: '' }],
  ['REFRESH_TOKEN_SECRET', { REFRESH_TOKEN_SECRET: 'too-short-by-one-byte-012345678' }],
  ['REFRESH_TOKEN_SECRET', { REFRESH_TOKEN_SECRET: `${REFRESH_SECRET},short` }],
  ['REFRESH_TOKEN_SECRET', { REFRESH_TOKEN_SECRET: ACCESS_SECRET }],
  ['ACCESS_TOKEN_TTL', { ACCESS_TOKEN_TTL: '10' }],
  ['ACCESS_TOKEN_TTL', { ACCESS_TOKEN_TTL: '0s' }],
  ['ACCESS_TOKEN_TTL', { ACCESS_TOKEN_TTL: '2d' }],
  ['REFRESH_TOKEN_TTL', { REFRESH_TOKEN_TTL: 'a day' }],
  ['SESSION_TTL', { SESSION_TTL: '401d' }],
  ['REFRESH_GRACE', { REFRESH_GRACE: '11m' }],
  ['ALLOWED_ORIGINS', { ALLOWED_ORIGINS: '*' }],
  ['ALLOWED_ORIGINS', { ALLOWED_ORIGINS: 'null' }],
  ['ALLOWED_ORIGINS', { ALLOWED_ORIGINS: 'https://app.example/' }],
  ['COOKIE_NAME', { COOKIE_NAME: 'two words' }],
  ['COOKIE_SAME_SITE', { COOKIE_SAME_SITE: 'strict' }],
  ['PASSWORD_MIN_LENGTH', { PASSWORD_MIN_LENGTH: '7' }],
  ['PASSWORD_MIN_LENGTH', { PASSWORD_MIN_LENGTH: '65' }],
  ['REGISTRATION', { REGISTRATION: 'maybe' }],
  ['RATE_LIMIT', { RATE_LIMIT: 'true' }],
  ['UNAUTHORIZED_STATUS', { UNAUTHORIZED_STATUS: '403' }],
  ['ACCOUNT', { ACCOUNT: undefined }],
  ['DIRECTORY', { DIRECTORY: undefined }],
  ['SIGN_IN_LIMIT', { RATE_LIMIT: 'on', SIGN_IN_LIMIT: undefined }],
];

describe('a faulty setting', () => {
  it.each(faults)(
    '%s stops the service and is named in the log, without a secret: %o',
    async (name, settings) => {
      const lines = captureLogs();
      const service = new Service(settings);
      await expectProblem(await service.fetch('/health'), 503, 'unavailable');
      const report = parseLine(lines[0]);
      expect(lines[0]?.level).toBe('error');
      expect(report).toEqual({
        event: 'configuration',
        code: 'unavailable',
        faults: [expect.stringMatching(new RegExp(`^${name} `))],
      });
      const log = lines.map(({ text }) => text).join('\n');
      const secrets = [ACCESS_SECRET, REFRESH_SECRET, PRIVATE_PART, MISMATCHED_KEY.d, PUBLIC_KEY.x];
      expectAbsent(log, [...secrets, 'too-short-by-one-byte', ',short']);
    },
  );
});

describe('a faulty configuration', () => {
  const broken: Settings = {
    ISSUER: 'ftp://auth.example',
    ACCESS_TOKEN_SECRET: 'weak-access-secret',
    REFRESH_TOKEN_SECRET: 'weak-refresh-secret',
    SESSION_TTL: 'long',
    COOKIE_SAME_SITE: 'Sometimes',
    REGISTRATION: 'perhaps',
  };

  it('names what only Web Crypto can see together with everything else', async () => {
    const lines = captureLogs();
    const service = new Service({ ACCESS_TOKEN_SECRET: JSON.stringify(MISMATCHED_KEY), SESSION_TTL: 'long' });
    await expectProblem(await service.fetch('/health'), 503, 'unavailable');
    expect(parseLine(lines[0]).faults).toEqual([
      expect.stringMatching(/^SESSION_TTL /),
      expect.stringMatching(/^ACCESS_TOKEN_SECRET key 1: /),
    ]);
  });

  it('is reported whole, and once, however many requests come', async () => {
    const lines = captureLogs();
    const service = new Service(broken);
    await Promise.all(['/health', '/me', '/nowhere'].map((path) => service.fetch(path)));
    await service.fetch('/health');
    const reports = lines.map(parseLine).filter(({ event }) => event === 'configuration');
    expect(reports).toHaveLength(1);
    const named = [reports[0]?.faults].flat().map((fault) => String(fault).split(' ')[0]);
    expect(named.sort()).toEqual(Object.keys(broken).sort());
    expect(lines.map(({ text }) => text).join('\n')).not.toMatch(/weak-(access|refresh)/);
    expect(lines.map(parseLine).filter(({ reason }) => reason === 'misconfigured')).toHaveLength(4);
  });

  it.each([
    ['POST', '/register'],
    ['POST', '/login'],
    ['POST', '/refresh'],
    ['POST', '/logout'],
    ['GET', '/me'],
    ['GET', '/sessions'],
    ['DELETE', '/sessions'],
    ['DELETE', '/sessions/some-id'],
    ['GET', '/.well-known/jwks.json'],
    ['GET', '/health'],
    ['OPTIONS', '/login'],
    ['GET', '/nowhere'],
  ])('responds 503 to %s %s, does nothing, and keeps the cookie', async (method, path) => {
    const ada = await new Service().register();
    const name = uniqueName();
    const response = await new Service(broken).fetch(path, {
      method,
      cookie: ada.cookie,
      bearer: ada.accessToken,
      ...(method === 'POST' && {
        json: { username: name, email: `${name}@example.com`, password: PASSWORD },
      }),
    });
    // A problem has no other members: the response names no setting.
    expect(await expectProblem(response, 503, 'unavailable')).toMatchObject({
      type: 'urn:latchkey:error:unavailable',
      title: 'Temporarily unavailable',
    });
    expect(await readSessions(ada.id)).toMatchObject([{ sid: ada.sid, counter: 1 }]);
    expect(await findInDirectory(name)).toBeUndefined();
    expect(await listStoredUsernames()).not.toContainEqual(name);
  });

  it('is over with the next deployment: the cookie still holds', async () => {
    const ada = await new Service().register();
    expect((await new Service(broken).post('/refresh', { cookie: ada.cookie })).status).toBe(503);
    expect((await new Service().post('/refresh', { cookie: ada.cookie })).status).toBe(200);
  });
});
