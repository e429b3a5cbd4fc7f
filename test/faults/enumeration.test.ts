// That a refused sign-in tells nothing of whether the name exists. Its time is measured by test/scripts/enumeration.ts.
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { PASSWORD, Service, uniqueName } from '../support/service.ts';

const service = new Service({ ALLOWED_ORIGINS: 'https://app.test' });
/** Seconds that pass after each of the twelve attempts: waits that are asked for are kept by half, in full, or not at all. */
const PAUSES = [0, 0, 0, 0, 0, 0, 15, 15, 0, 60, 0, 0];

beforeEach(() => {
  freezeClock();
});

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Twelve wrong passwords for one name, all starting at the same time. Answers whole, but for the id of each request. */
async function guess(username: string): Promise<Answer[]> {
  const startedAtMs = Date.now();
  const answers: Answer[] = [];
  for (const pauseSeconds of PAUSES) {
    const response = await service.post('/login', {
      json: { username, password: `guess ${answers.length}` },
      headers: { Origin: 'https://app.test' },
    });
    const { 'x-request-id': requestId, ...headers } = Object.fromEntries(response.headers);
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
    answers.push({ status: response.status, headers, body: await response.text() });
    passSeconds(pauseSeconds);
  }
  vi.setSystemTime(startedAtMs);
  return answers;
}

function outline(answers: Answer[]): unknown[] {
  return answers.map(({ status, headers }) => headers['retry-after'] ?? status);
}

describe('twelve wrong passwords get the same response', () => {
  const expected = [401, 401, 401, 401, 401, 401, '30', '15', 401, '60', 401, '120'];

  it('for a user name that exists and one that does not', async () => {
    const ada = await service.register();
    const known = await guess(ada.name);
    expect(outline(known)).toEqual(expected);
    expect(await guess(uniqueName())).toEqual(known);
  });

  it('for an e-mail address that exists and one that does not', async () => {
    const ada = await service.register();
    const known = await guess(ada.email);
    expect(outline(known)).toEqual(expected);
    expect(await guess(`${uniqueName()}@example.com`)).toEqual(known);
  });

  it('in every spelling, which count together, and with the right password at the end', async () => {
    const ada = await service.register();
    const answers = [];
    for (const name of [ada.name, uniqueName()]) {
      const spellings = [name, name.toUpperCase(), `Ｐ${name.slice(1)}`];
      for (const username of [...spellings, ...spellings]) {
        const response = await service.post('/login', { json: { username, password: 'wrong' } });
        expect(response.status).toBe(401);
      }
      const response = await service.post('/login', { json: { username: name, password: PASSWORD } });
      answers.push([response.status, response.headers.get('Retry-After'), await response.text()]);
    }
    expect(answers[0]?.slice(0, 2)).toEqual([429, '30']);
    expect(answers[1]).toEqual(answers[0]);
  });

  it('in every spelling of an address with a domain in Unicode, and with blanks around it', async () => {
    const [ada, nobody] = [uniqueName(), uniqueName()];
    const json = { username: ada, email: `${ada}@münchen.example`, password: PASSWORD };
    expect((await service.post('/register', { json })).status).toBe(201);
    const answers = [];
    for (const name of [ada, nobody]) {
      const domains = ['münchen.example', 'xn--mnchen-3ya.example', 'MÜNCHEN.EXAMPLE'];
      const spellings = domains.map((domain) => `\u00a0${name}@${domain}\n`);
      for (const username of [...spellings, ...spellings]) {
        const response = await service.post('/login', { json: { username, password: 'wrong' } });
        expect(response.status).toBe(401);
      }
      const username = `${name}@xn--mnchen-3ya.example`;
      const response = await service.post('/login', { json: { username, password: PASSWORD } });
      answers.push([response.status, response.headers.get('Retry-After'), await response.text()]);
    }
    expect(answers[0]?.slice(0, 2)).toEqual([429, '30']);
    expect(answers[1]).toEqual(answers[0]);
  });
});
