import { describe, expect, it } from 'vitest';
import { deriveDecoyId, importDecoyKey } from '../../src/directory/decoy.ts';
import { expectAbsent } from '../support/absence.ts';
import { inStore, readStored } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { accountOf, REFRESH_SECRET, Service, uniqueName } from '../support/service.ts';

const service = new Service();

/** Where the attempts on a name that nobody has are counted. */
async function decoyIdOf(nameKey: string): Promise<string> {
  return deriveDecoyId(await importDecoyKey(REFRESH_SECRET), nameKey);
}

/** All that the response to an attempt shows, less the id of the request. */
async function attempt(username: string, password = 'wrong horse') {
  const response = await service.post('/login', { json: { username, password } });
  const headers = Object.fromEntries(response.headers);
  expect(headers['x-request-id']).toBeDefined();
  delete headers['x-request-id'];
  return { status: response.status, headers, body: await response.text() };
}

function readThrottle(id: string) {
  return inStore(id, (store) => store.throttles.read('other_browsers'));
}

describe('a name that nobody has', () => {
  it('gets the same response as one that somebody has, through twelve attempts and every wait between them', async () => {
    freezeClock();
    const { id, name } = await service.register();
    const nobody = uniqueName();
    const decoyId = await decoyIdOf(nobody);
    const seen: [number, string | undefined][] = [];
    for (let n = 1; n <= 12; n += 1) {
      const known = await attempt(name);
      expect(await attempt(nobody)).toEqual(known);
      expect(await readThrottle(decoyId)).toEqual(await readThrottle(id));
      const wait = known.headers['retry-after'];
      seen.push([known.status, wait]);
      if (wait !== undefined) passSeconds(Number(wait));
    }
    expect(seen).toEqual([
      ...Array(6).fill([401, undefined]),
      [429, '30'],
      [401, undefined],
      [429, '60'],
      [401, undefined],
      [429, '120'],
      [401, undefined],
    ]);
  });

  it('gets the same response as one that somebody has when it is an e-mail address', async () => {
    freezeClock();
    const { id, email } = await service.register();
    const nobody = `${uniqueName()}@example.com`;
    expect(await attempt(nobody)).toEqual(await attempt(email));
    expect(await readThrottle(await decoyIdOf(nobody))).toEqual(await readThrottle(id));
  });

  it('is one and the same in every spelling', async () => {
    const nobody = uniqueName();
    await attempt(nobody);
    await attempt(nobody.toUpperCase());
    await attempt(nobody.replace('person', '\uFF50erson'));
    expect(await readThrottle(await decoyIdOf(nobody))).toMatchObject({ failures: 3 });
  });

  it('has a wait of its own', async () => {
    freezeClock();
    const [nobody, another] = [uniqueName(), uniqueName()];
    const throttle = { failures: 6, lastFailureAtMs: Date.now() };
    await attempt(nobody);
    await inStore(await decoyIdOf(nobody), (store) => store.throttles.write('other_browsers', throttle));
    expect(await attempt(nobody)).toMatchObject({ status: 429 });
    expect(await attempt(another)).toMatchObject({ status: 401 });
  });

  it('is not stored, and neither is the password typed with it', async () => {
    const nobody = uniqueName();
    await attempt(nobody, 'a password in the wrong field');
    const stored = await readStored(accountOf(await decoyIdOf(nobody)));
    expect(stored.tables.account).toEqual([]);
    expect(stored.tables.session).toEqual([]);
    expect(stored.tables.event).toMatchObject([{ kind: 'sign_in_failed' }]);
    expectAbsent(JSON.stringify(stored), [nobody, 'a password in the wrong field']);
  });
});
