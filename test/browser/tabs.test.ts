// Many tabs, another profile, other origins. Access tokens live seven seconds here, and the window for retries is two.

import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { countRequests, expectStatus, PASSWORD, press, Stage } from './stage.ts';

const ACCESS_TTL_SECONDS = 7;
const GRACE_SECONDS = 2;

let stage: Stage;
let profile: BrowserContext;

beforeAll(async () => {
  stage = await Stage.open({
    ACCESS_TOKEN_TTL: `${ACCESS_TTL_SECONDS}s`,
    REFRESH_GRACE: `${GRACE_SECONDS}s`,
  });
});
afterAll(() => stage.close());
beforeEach(async () => {
  profile = await stage.openProfile();
});
afterEach(() => stage.closeProfiles());

describe('six tabs', () => {
  it('that wake at once with an expired token make few requests, and stay signed in with one session', async () => {
    const { page, username } = await stage.signUp(profile);
    const tabs = [page];
    while (tabs.length < 6) tabs.push(await stage.openDemo(profile));
    for (const tab of tabs) await expectStatus(tab, `Signed in as ${username}.`);
    await page.waitForTimeout(ACCESS_TTL_SECONDS * 1000 + 500);
    const refreshes = countRequests(profile, '/refresh');
    const lists = countRequests(profile, '/sessions');
    await Promise.all(
      tabs.map((tab) => tab.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))),
    );
    await expect.poll(lists).toBe(6);
    console.log(`six tabs made ${refreshes()} refresh requests`);
    expect(refreshes()).toBeGreaterThanOrEqual(1);
    expect(refreshes()).toBeLessThanOrEqual(3);
    for (const tab of tabs) await expectStatus(tab, `Signed in as ${username}.`);
    await page.reload();
    await expect.poll(() => page.getByRole('listitem').count()).toBe(1);
    const jar = await profile.cookies();
    expect(jar.filter(({ name }) => name === '__Host-jwt')).toHaveLength(1);
  });

  it('are not held up by one that froze while it refreshed', async () => {
    const { page, username } = await stage.signUp(profile);
    const other = await stage.openDemo(profile);
    // Its request never ends, so it keeps the lock.
    await page.route('**/refresh', () => undefined);
    const asked = page.waitForRequest('**/refresh');
    await press(page, 'Refresh now');
    await asked;
    await press(other, 'Refresh now');
    await expectStatus(other, `Signed in as ${username}. Refreshed.`);
  });
});

describe('a page without Web Locks and BroadcastChannel', () => {
  it('signs in, stays signed in, and refreshes', async () => {
    await profile.addInitScript(() => {
      Object.defineProperty(navigator, 'locks', { value: undefined });
      Object.defineProperty(globalThis, 'BroadcastChannel', { value: undefined });
    });
    const { page, username } = await stage.signUp(profile);
    await page.reload();
    await expectStatus(page, `Signed in as ${username}.`);
    await press(page, 'Refresh now');
    await expectStatus(page, 'Refreshed.');
  });
});

describe('a stolen cookie', () => {
  it('that comes back after the window ends the session for both', async () => {
    const { page } = await stage.signUp(profile);
    const stolen = (await profile.cookies()).filter(({ name }) => name === '__Host-jwt');
    expect(stolen).toHaveLength(1);
    await press(page, 'Refresh now');
    await expectStatus(page, 'Refreshed.');
    await page.waitForTimeout(GRACE_SECONDS * 1000 + 500);
    const copy = await stage.openProfile();
    await copy.addCookies(stolen);
    const there = await stage.openDemo(copy);
    await expectStatus(there, 'Your session has ended');
    await press(page, 'Refresh now');
    await expectStatus(page, 'Your session has ended');
  });
});

describe('a front end on another port', () => {
  /** As text: the test runner would rewrite an import in a function. */
  const ask = (page: Page, baseUrl: string, username: string) =>
    page.evaluate(`(async () => {
      const { createClient } = await import('/client.js');
      const client = createClient({ baseUrl: ${JSON.stringify(baseUrl)} });
      try {
        await client.login({ username: ${JSON.stringify(username)}, password: ${JSON.stringify(PASSWORD)} });
        return [client.state.status, (await client.sessions.list()).length, await client.restore()];
      } catch (error) {
        return [error.code];
      }
    })()`);

  it('is served when it is listed', async () => {
    const { username } = await stage.signUp(profile);
    const elsewhere = await stage.openProfile();
    const page = await elsewhere.newPage();
    await page.goto(stage.listedOrigin);
    expect(await ask(page, stage.service.url, username)).toEqual(['signed_in', 2, true]);
  });

  it('is refused when it is not, and cannot end a session either', async () => {
    const { page, username } = await stage.signUp(profile);
    const foreign = await profile.newPage();
    await foreign.goto(stage.foreignOrigin);
    expect(await ask(foreign, stage.service.url, username)).toEqual(['network']);
    await foreign.evaluate(async (url) => {
      await fetch(`${url}/logout`, { method: 'POST', mode: 'no-cors', credentials: 'include' });
    }, stage.service.url);
    await page.reload();
    await expectStatus(page, `Signed in as ${username}.`);
  });
});
