// The demo page, used as people use it.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../support/cli.ts';
import { countRequests, expectNoFault, expectStatus, PASSWORD, press, Stage } from './stage.ts';

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

describe('the demo page', () => {
  it('takes somebody from sign-up to sign-out and back in', async () => {
    const { page, username } = await stage.signUp(profile);
    expect(await page.locator('#claims').textContent()).toContain(`${username}@example.com`);
    expect(await page.getByRole('timer').textContent()).toMatch(/^(10:00|9:\d\d) minutes$/);
    await press(page, 'Sign out');
    await expectStatus(page, 'You have signed out.');
    await page.reload();
    await expectStatus(page, 'Nobody is signed in.');
    await page.getByLabel('Username').fill(`${username}@example.com`);
    await page.getByLabel('Password').fill('not the password');
    await press(page, 'Sign in');
    await expectStatus(page, 'Invalid credentials.');
    await page.getByLabel('Password').fill(PASSWORD);
    await press(page, 'Sign in');
    await expectStatus(page, `Signed in as ${username}.`);
  });

  it('says in words what is wrong with a new account', async () => {
    const page = await stage.openDemo(profile);
    await page.getByLabel('Username').fill('a');
    await page.getByLabel('E-mail').fill('a@example.com');
    await page.getByLabel('Password').fill('short');
    await press(page, 'Create account');
    await expectStatus(page, 'The password must');
  });

  it('says what to do next where a new address has to be confirmed first', async () => {
    const page = await stage.openDemo(profile);
    await page.route('**/register', (route) =>
      route.fulfill({ status: 201, json: { user: { id: 'a', username: 'ada', email: 'a@example.com' } } }),
    );
    await page.getByLabel('Username').fill('ada');
    await page.getByLabel('E-mail').fill('a@example.com');
    await page.getByLabel('Password').fill(PASSWORD);
    await press(page, 'Create account');
    await expectStatus(page, 'Confirm your address with the link in your mail, then sign in.');
  });

  it('shows claims of any name and shape', async () => {
    const claims =
      '{"sub":"a","sid":"a","username":"ada","email":"ada@example.com","iat":1,"exp":2,"__proto__":{"a":1},"roles":{"toString":1}}';
    const accessToken = `e30.${Buffer.from(claims).toString('base64url')}.c2ln`;
    const page = await profile.newPage();
    await page.route('**/refresh', (route) => route.fulfill({ json: { accessToken } }));
    await page.goto(`${stage.service.url}/`);
    await expectStatus(page, 'Signed in as ada.');
    const shown = await page.locator('#claims').textContent();
    expect(shown).toContain('__proto__{"a":1}roles{"toString":1}');
  });

  it('stays signed in across reloads, with a new token each time', async () => {
    const { page, username } = await stage.signUp(profile);
    const readId = () => page.locator('dt:text("jti") + dd').textContent();
    const first = await readId();
    await page.reload();
    await expectStatus(page, `Signed in as ${username}.`);
    expect(await readId()).not.toBe(first);
  });

  it('refreshes when asked', async () => {
    const { page } = await stage.signUp(profile);
    const refreshes = countRequests(profile, '/refresh');
    await press(page, 'Refresh now');
    await expectStatus(page, 'Refreshed.');
    expect(refreshes()).toBe(1);
  });

  it('keeps every token out of reach: the cookie from script, the rest from storage', async () => {
    const { page } = await stage.signUp(profile);
    const [jar, seen, names] = await Promise.all([
      profile.cookies(),
      page.evaluate(() => document.cookie),
      page.evaluate(async () => [
        ...Object.keys(localStorage),
        ...Object.keys(sessionStorage),
        ...(await indexedDB.databases()).map((database) => database.name),
        ...(await caches.keys()),
      ]),
    ]);
    expect(seen).toBe('');
    expect(names).toEqual([]);
    expect(jar.map(({ name }) => name).sort()).toEqual(['__Host-device', '__Host-jwt']);
    for (const cookie of jar)
      expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Strict', path: '/' });
  });

  it('lists sessions, ends one, and ends all others', async () => {
    const { page, username } = await stage.signUp(profile);
    const others = [await stage.openProfile(), await stage.openProfile()];
    const pages = [];
    for (const other of others) {
      const there = await stage.openDemo(other);
      await there.getByLabel('Username').fill(username);
      await there.getByLabel('Password').fill(PASSWORD);
      await press(there, 'Sign in');
      await expectStatus(there, `Signed in as ${username}.`);
      pages.push(there);
    }
    await page.reload();
    const items = page.getByRole('listitem');
    await expect.poll(() => items.count()).toBe(3);
    expect(await items.first().textContent()).toMatch(/Chrome.*Last used/s);
    await items
      .filter({ hasNotText: 'This session' })
      .first()
      .getByRole('button', { name: 'End session' })
      .click();
    await expectStatus(page, 'That session has ended.');
    await expect.poll(() => items.count()).toBe(2);
    await press(page, 'End all other sessions');
    await expectStatus(page, 'All other sessions have ended.');
    await expect.poll(() => items.count()).toBe(1);
    for (const there of pages) {
      await press(there, 'Refresh now');
      await expectStatus(there, 'Your session has ended');
    }
    await press(page, 'End session');
    await expectStatus(page, 'You have signed out.');
  });

  it('signs out every tab, and signs them in again, together', async () => {
    const { page, username } = await stage.signUp(profile);
    const other = await stage.openDemo(profile);
    await expectStatus(other, `Signed in as ${username}.`);
    await press(other, 'Sign out');
    await expectStatus(page, 'You have signed out.');
    await page.getByLabel('Username').fill(username);
    await page.getByLabel('Password').fill(PASSWORD);
    await press(page, 'Sign in');
    await expectStatus(other, `Signed in as ${username}.`);
  });

  it('signs nobody out while it is offline, and goes on when it is back', async () => {
    const { page, username } = await stage.signUp(profile);
    await profile.setOffline(true);
    await press(page, 'Refresh now');
    await expectStatus(page, 'The service cannot be reached just now; trying again.');
    expect(await page.getByRole('status').textContent()).toContain(`Signed in as ${username}.`);
    await profile.setOffline(false);
    await expectStatus(page, 'Refreshed.');
  });

  it('waits for a service that responds 503, and signs in again without a password', async () => {
    const { page, username } = await stage.signUp(profile);
    await page.route('**/refresh', (route) =>
      route.fulfill({ status: 503, headers: { 'Retry-After': '1' } }),
    );
    await page.reload();
    await expectStatus(page, 'The service cannot be reached just now; trying again.');
    await page.unroute('**/refresh');
    await expectStatus(page, `Signed in as ${username}.`);
  });

  it('can be used with the keyboard alone', async () => {
    const page = await stage.openDemo(profile);
    // Slower than the keys: the list of sessions comes after the sign-in.
    await page.route('**/sessions', async (route) => {
      await new Promise((done) => setTimeout(done, 500));
      await route.continue();
    });
    await page.getByLabel('Username').focus();
    for (const text of ['keyboard', 'keyboard@example.com', PASSWORD]) {
      await page.keyboard.type(text);
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expectStatus(page, 'Signed in as keyboard.');
    await page.getByRole('button', { name: 'End session' }).waitFor();
    const focused: (string | null | undefined)[] = [];
    for (let step = 0; step < 8; step++) {
      await page.keyboard.press('Tab');
      focused.push(await page.evaluate(() => document.activeElement?.textContent?.trim()));
    }
    for (const name of ['Refresh now', 'Sign out', 'End session', 'End all other sessions'])
      expect(focused).toContain(name);
  });

  it('loads nothing that its policy forbids', async () => {
    const page = await profile.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`${stage.service.url}/`);
    await expectStatus(page, 'Nobody is signed in.');
    // The browser itself mentions the 401 of a first visit.
    expect(complaints.filter((text) => !/status of 401/.test(text))).toEqual([]);
  });
});

describe('the demo page, looked at', () => {
  const images = process.env.SCREENSHOTS === undefined ? undefined : join(PROJECT_ROOT, 'docs/images');
  const looks = {
    light: { colorScheme: 'light', viewport: { width: 900, height: 900 } },
    dark: { colorScheme: 'dark', viewport: { width: 900, height: 900 } },
    narrow: { colorScheme: 'light', viewport: { width: 320, height: 800 } },
  } as const;

  it.each(Object.entries(looks))(
    'has no fault that axe finds, and fits the window: %s',
    async (name, look) => {
      const page = await stage.openDemo(await stage.openProfile(look));
      await expectNoFault(page);
      const { page: inside } = await stage.signUp(await stage.openProfile(look));
      await inside.getByText('Its claims').click();
      await inside.getByRole('listitem').waitFor();
      await expectNoFault(inside);
      for (const shown of [page, inside]) {
        const overflow = await shown.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect(overflow).toBeLessThanOrEqual(0);
      }
      if (images === undefined) return;
      mkdirSync(images, { recursive: true });
      await inside.screenshot({ path: join(images, `demo-${name}.png`) });
    },
  );
});
