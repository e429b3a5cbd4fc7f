import { describe, expect, it } from 'vitest';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { expectProblem } from '../support/problem.ts';
import { PASSWORD, Service, uniqueName } from '../support/service.ts';
import { readFailures, readSessions } from '../support/storage.ts';

const service = new Service();

describe('POST /login after many failures', () => {
  it('makes the account wait, even for the right password, and says how long', async () => {
    freezeClock();
    const ada = await service.register();
    for (let failure = 1; failure <= 6; failure += 1) {
      await expectProblem(await attempt(ada.name), 401, 'invalid_credentials');
    }
    for (const password of ['wrong', PASSWORD]) {
      const response = await attempt(ada.name, password);
      expect(response.headers.get('Retry-After')).toBe('30');
      await expectProblem(response, 429, 'too_many_attempts');
    }
    // Refused before it was tried: neither a failure nor a session more.
    expect(await readFailures(ada.id)).toBe(6);
    expect(await readSessions(ada.id)).toHaveLength(1);
  });

  it('counts the account’s name and e-mail address, however they are spelt, as one', async () => {
    freezeClock();
    const ada = await service.register();
    for (const spelling of [ada.name, ada.email, ada.name.toUpperCase(), ada.email.toUpperCase()]) {
      await attempt(spelling);
    }
    await attempt(ada.name);
    await attempt(ada.name);
    await expectProblem(await attempt(ada.email), 429, 'too_many_attempts');
  });

  it('tells the seconds that are left, and tries again when they are over', async () => {
    freezeClock();
    const ada = await service.register();
    for (let failure = 1; failure <= 6; failure += 1) await attempt(ada.name);
    passSeconds(29);
    expect((await attempt(ada.name, PASSWORD)).headers.get('Retry-After')).toBe('1');
    passSeconds(1);
    await expectProblem(await attempt(ada.name), 401, 'invalid_credentials');
    expect((await attempt(ada.name, PASSWORD)).headers.get('Retry-After')).toBe('60');
    passSeconds(60);
    expect((await attempt(ada.name, PASSWORD)).status).toBe(200);
    // The count that unknown browsers share stays, and decays with time.
    expect(await readFailures(ada.id)).toBe(7);
  });

  it('treats a name that nobody has the same, to the second', async () => {
    freezeClock();
    const [ada, nobody] = [await service.register(), uniqueName()];
    for (let failure = 1; failure <= 6; failure += 1) {
      const [known, unknown] = [await attempt(ada.name), await attempt(nobody)];
      expect(unknown.status).toBe(known.status);
      expect(await unknown.text()).toBe(await known.text());
    }
    const [known, unknown] = [await attempt(ada.name), await attempt(nobody.toUpperCase())];
    expect(unknown.headers.get('Retry-After')).toBe(known.headers.get('Retry-After'));
    expect(await unknown.text()).toBe(await known.text());
    await expectProblem(await attempt(nobody), 429, 'too_many_attempts');
  });

  it('does not keep the owner’s other sessions from refreshing', async () => {
    freezeClock();
    const ada = await service.register();
    for (let failure = 1; failure <= 6; failure += 1) await attempt(ada.name);
    expect((await service.post('/refresh', { cookie: ada.cookie })).status).toBe(200);
    expect((await service.fetch('/me', { bearer: ada.accessToken })).status).toBe(200);
  });

  it('cannot be outrun by guessing all at once', async () => {
    freezeClock();
    const ada = await service.register();
    const guesses = Array.from({ length: 12 }, () => attempt(ada.name));
    const statuses = (await Promise.all(guesses)).map(({ status }) => status);
    expect(statuses.sort()).toEqual([...Array(6).fill(401), ...Array(6).fill(429)]);
    expect(await readFailures(ada.id)).toBe(6);
  });
});

function attempt(username: string, password = 'wrong'): Promise<Response> {
  return service.post('/login', { json: { username, password } });
}
