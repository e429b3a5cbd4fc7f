import { describe, expect, it } from 'vitest';
import { decodeHeader, decodePayload, readCookie, Service } from '../support/service.ts';
import { ALGORITHMS, makeJwk } from '../support/tokens.ts';

const OLD_SECRET = 'old-refresh-token-secret-of-these-tests';
const NEW_SECRET = 'new-refresh-token-secret-of-these-tests';

function withKeys(...keys: object[]): Service {
  return new Service({ ACCESS_TOKEN_SECRET: JSON.stringify({ keys }) });
}

function withSecrets(...secrets: string[]): Service {
  return new Service({ REFRESH_TOKEN_SECRET: secrets.join(',') });
}

async function fetchKids(service: Service): Promise<unknown[]> {
  const response = await service.fetch('/.well-known/jwks.json');
  const { keys } = await response.json<{ keys: { kid: string }[] }>();
  return keys.map(({ kid }) => kid);
}

describe('rotating the key of access tokens', () => {
  it.each(ALGORITHMS)('keeps tokens of the old key good until it is dropped: %s', async (alg) => {
    const oldKey = await makeJwk('ES256', 'old');
    const newKey = await makeJwk(alg, 'new');
    const before = withKeys(oldKey);
    const ada = await before.register();
    expect(decodeHeader(ada.accessToken)).toMatchObject({ kid: 'old' });

    const during = withKeys(newKey, oldKey);
    expect(await fetchKids(during)).toEqual(['new', 'old']);
    expect((await during.fetch('/me', { bearer: ada.accessToken })).status).toBe(200);
    const refreshed = await during.post('/refresh', { cookie: ada.cookie });
    expect(refreshed.status).toBe(200);
    const { accessToken } = await refreshed.json<{ accessToken: string }>();
    expect(decodeHeader(accessToken)).toEqual({ alg, typ: 'JWT', kid: 'new' });
    expect((await during.fetch('/me', { bearer: accessToken })).status).toBe(200);

    const after = withKeys(newKey);
    expect(await fetchKids(after)).toEqual(['new']);
    const refused = await after.fetch('/me', { bearer: ada.accessToken });
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({ code: 'unauthorized' });
    expect(refused.headers.get('WWW-Authenticate')).toContain('error="invalid_token"');
    expect((await after.fetch('/me', { bearer: accessToken })).status).toBe(200);
  });

  it('ends no session: the refresh cookie has another secret', async () => {
    const ada = await withKeys(await makeJwk('ES256', 'old')).register();
    const after = withKeys(await makeJwk('ES256', 'new'));
    expect((await after.fetch('/me', { bearer: ada.accessToken })).status).toBe(401);
    const refreshed = await after.post('/refresh', { cookie: ada.cookie });
    expect(refreshed.status).toBe(200);
    const { accessToken } = await refreshed.json<{ accessToken: string }>();
    expect(decodePayload(accessToken)).toMatchObject({ sid: ada.sid });
    expect((await after.fetch('/me', { bearer: accessToken })).status).toBe(200);
  });

  it('does not mistake a new key for the old one of the same name', async () => {
    const ada = await withKeys(await makeJwk('ES256', 'same')).register();
    const after = withKeys(await makeJwk('ES256', 'same'));
    expect((await after.fetch('/me', { bearer: ada.accessToken })).status).toBe(401);
  });
});

describe('rotating the secret of refresh tokens', () => {
  it('keeps cookies of the old secret good, and trades them for ones of the new', async () => {
    const ada = await withSecrets(OLD_SECRET).register();
    const during = withSecrets(NEW_SECRET, OLD_SECRET);
    const refreshed = await during.post('/refresh', { cookie: ada.cookie });
    expect(refreshed.status).toBe(200);
    const successor = readCookie(refreshed) ?? '';

    const after = withSecrets(NEW_SECRET);
    const again = await after.post('/refresh', { cookie: successor });
    expect(again.status).toBe(200);
    expect(decodePayload(readCookie(again) ?? '')).toMatchObject({ sid: ada.sid, ctr: 3 });
  });

  it('ends those of a secret that was dropped, without touching the session', async () => {
    const before = withSecrets(OLD_SECRET);
    const ada = await before.register();
    const after = withSecrets(NEW_SECRET);
    const refused = await after.post('/refresh', { cookie: ada.cookie });
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({ code: 'unauthorized' });
    expect(readCookie(refused)).toBe('');
    const put = await before.post('/refresh', { cookie: ada.cookie });
    expect(put.status).toBe(200);
    expect(decodePayload(readCookie(put) ?? '')).toMatchObject({ sid: ada.sid, ctr: 2 });
  });
});
