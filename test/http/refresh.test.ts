import { describe, expect, it } from 'vitest';
import { readCookie, Service } from '../support/service.ts';

const service = new Service();

describe('POST /refresh', () => {
  it('trades the cookie for the next pair', async () => {
    const ada = await service.register();
    const response = await service.post('/refresh', { cookie: ada.cookie });
    expect(response.status).toBe(200);
    expect(readCookie(response)).not.toBe(ada.cookie);
    expect(await response.json()).toEqual({
      accessToken: expect.any(String),
      tokenType: 'Bearer',
      expiresIn: 600,
    });
  });
});
