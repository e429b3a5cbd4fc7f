// The client in the workers of a front end on another origin, beside a page of it; and in a page that may share nothing.
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PASSWORD, Stage } from './stage.ts';

let stage: Stage;
let profile: BrowserContext;

beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage.close());
beforeEach(async () => {
  profile = await stage.openProfile();
});
afterEach(() => stage.closeProfiles());

/** How a page opens each kind of worker: expressions for something that takes messages. */
const KINDS = {
  dedicated: `new Worker('/worker.js', { type: 'module' })`,
  shared: `(() => {
    const { port } = new SharedWorker('/worker.js', { type: 'module' });
    port.start();
    return port;
  })()`,
  service: `navigator.serviceWorker.register('/worker.js', { type: 'module' })
    .then(() => navigator.serviceWorker.ready)
    .then(({ active }) => active)`,
};

/** A page of the front end: `client` in it, `worker` beside it, and `ask` for a call in the worker. */
async function openFrontEnd(kind: keyof typeof KINDS): Promise<Page> {
  const page = await profile.newPage();
  await page.goto(stage.listedOrigin);
  // As text: the test runner would rewrite an import in a function.
  await page.evaluate(`(async () => {
    const { createClient } = await import('/client.js');
    const baseUrl = ${JSON.stringify(stage.service.url)};
    const worker = await ${KINDS[kind]};
    globalThis.client = createClient({ baseUrl });
    globalThis.lockName = 'latchkey ' + baseUrl + '/';
    globalThis.ask = (...message) => new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = ({ data }) => resolve(data);
      worker.postMessage([baseUrl, ...message], [port2]);
    });
  })()`);
  return page;
}

describe.each(['dedicated', 'shared', 'service'] as const)('in a %s worker', (kind) => {
  it('signing in reaches the page, and the cookie is kept and sent', async () => {
    const { username } = await stage.signUp(await stage.openProfile());
    const page = await openFrontEnd(kind);
    const login = JSON.stringify({ username, password: PASSWORD });
    expect(await page.evaluate(`ask('login', ${login})`)).toBe('done');
    await expect.poll(() => page.evaluate('client.state.status')).toBe('signed_in');
    expect((await profile.cookies()).map(({ name }) => name)).toContain('__Host-jwt');
    // Other memory, same cookie.
    const other = await openFrontEnd(kind);
    expect(await other.evaluate(`ask('restore')`)).toBe(true);
    expect(await other.evaluate('client.getAccessToken({ refresh: true })')).toMatch(/^ey/);
    await other.evaluate('client.logout()');
    await expect.poll(() => page.evaluate(`ask('state')`)).toBe('signed_out');
    await expect.poll(() => page.evaluate('client.state.status')).toBe('signed_out');
  });

  it('waits for the lock of a page', async () => {
    const page = await openFrontEnd(kind);
    await page.evaluate(`new Promise((locked) => {
      navigator.locks.request(lockName, () => {
        locked();
        return new Promise((resolve) => { globalThis.release = resolve; });
      });
    })`);
    const restored = page.evaluate(`ask('restore')`);
    await expect
      .poll(() =>
        page.evaluate(`navigator.locks.query().then(({ pending }) => pending.map(({ name }) => name))`),
      )
      .toEqual([`latchkey ${stage.service.url}/`]);
    await page.evaluate('release()');
    expect(await restored).toBe(false);
  });
});

describe('in a sandbox, where locks are refused', () => {
  it('the client signs in all the same', async () => {
    const page = await profile.newPage();
    await page.goto(`${stage.listedOrigin}/sandboxed`);
    expect(await page.evaluate(`navigator.locks.request('a', () => 0).catch((error) => error.name)`)).toBe(
      'SecurityError',
    );
    const outcome = await page.evaluate(`(async () => {
      const { createClient } = await import('/client.js');
      const claims = { sub: 'a', sid: 'a', username: 'ada', email: 'a@b.nl', iat: 1, exp: 4e9 };
      const accessToken = 'e30.' + btoa(JSON.stringify(claims)).replaceAll('=', '') + '.c2ln';
      const client = createClient({
        baseUrl: ${JSON.stringify(stage.service.url)},
        fetch: async () => Response.json({ accessToken }),
      });
      await client.login({ username: 'ada', password: 'p' });
      const { status } = client.state;
      client.close();
      return status;
    })()`);
    expect(outcome).toBe('signed_in');
  });
});
