import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { decodePayload, readCookie, Service } from '../support/service.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('a session, whatever happens to it', () => {
  it('gives no access token beyond its end, whatever lifetime the settings name', async () => {
    vi.setSystemTime('2035-01-01T00:00:00.250Z');
    const short = new Service({ ACCESS_TOKEN_TTL: '10m', REFRESH_TOKEN_TTL: '1m', SESSION_TTL: '90s' });
    const ada = await short.register();
    expect(decodePayload(ada.accessToken).exp).toBe(decodePayload(ada.cookie).exp);
    vi.setSystemTime('2035-01-01T00:00:50.250Z');
    const response = await short.post('/refresh', { cookie: ada.cookie });
    expect(await response.json()).toMatchObject({ expiresIn: 40 });
    expect(decodePayload(readCookie(response) ?? '').exp).toBe(Date.parse('2035-01-01T00:01:30Z') / 1000);
  });
});
