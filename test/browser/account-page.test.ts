// The page that mailed links lead to, with the mails that `npm start` shows in the terminal.
import { readFileSync } from 'node:fs';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { expectNoFault, expectStatus, LAUNCH_OPTIONS, PASSWORD, press, Stage } from './stage.ts';

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

/** The newest mail to an address, once its link is for `action`; the link with this run's address. */
async function awaitLink(address: string, action: string): Promise<string> {
  const findLink = () => {
    const mails = stage.service.output
      .split('send_email binding called')
      .filter((part) => part.includes(address));
    const path = /^Text: (.+)$/m.exec(mails.at(-1) ?? '')?.[1];
    const link = path && /https?:\/\/\S+/.exec(readFileSync(path, 'utf8'))?.[0];
    return link?.includes(`#${action}=`) ? link : undefined;
  };
  await expect.poll(findLink).toBeDefined();
  const { pathname, hash } = new URL(findLink() ?? '');
  return `${stage.service.url}${pathname}${hash}`;
}

async function open(link: string): Promise<Page> {
  const page = await profile.newPage();
  await page.goto(link);
  return page;
}

describe('the page of a mailed link', () => {
  it('confirms an address after a click, and keeps the token out of the address bar', async () => {
    const { username } = await stage.signUp(profile);
    const link = await awaitLink(`${username}@example.com`, 'verify-email');
    const page = await open(link);
    await expectStatus(page, 'Confirm that this address is yours.');
    expect(page.url()).toBe(`${stage.service.url}/account`);
    await expectNoFault(page);
    await press(page, 'Confirm this address');
    await expectStatus(page, 'Your e-mail address is confirmed.');
  });

  it('sets a new password, says what is wrong with a bad one, and signs everybody out', async () => {
    const { page, username } = await stage.signUp(profile);
    const email = `${username}@example.com`;
    await stage.service.fetch('/password/forgot', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ email }),
    });
    const link = await awaitLink(email, 'reset-password');
    const there = await open(link);
    await expectNoFault(there);
    await there.getByLabel('New password').fill('short');
    await press(there, 'Set new password');
    await expectStatus(there, 'The password must');
    await there.getByLabel('New password').fill(`${PASSWORD}, and another`);
    await press(there, 'Set new password');
    await expectStatus(there, 'Your new password is set');
    const again = await open(link);
    await again.getByLabel('New password').fill(PASSWORD);
    await press(again, 'Set new password');
    await expectStatus(again, 'This link has been used or has expired. If you have just set a new password,');
    expect(await again.getByRole('button').count()).toBe(0);
    await press(page, 'Refresh now');
    await expectStatus(page, 'Your session has ended');
    await page.getByLabel('Username').fill(username);
    await page.getByLabel('Password').fill(`${PASSWORD}, and another`);
    await press(page, 'Sign in');
    await expectStatus(page, `Signed in as ${username}.`);
  });

  it.each(['constructor', 'toString', '__proto__'])(
    'takes no name of Object.prototype for an action: %s',
    async (name) => {
      const page = await profile.newPage();
      const faults: Error[] = [];
      page.on('pageerror', (fault) => faults.push(fault));
      await page.goto(`${stage.service.url}/account#${name}=some-token`);
      await expectStatus(page, 'This link is not complete.');
      expect(faults).toEqual([]);
    },
  );

  it('says what it is for when it is opened without a link', async () => {
    const page = await open(`${stage.service.url}/account`);
    await expectStatus(page, 'Open this page with the link from your mail.');
    expect(await page.getByRole('button').count()).toBe(0);
  });

  it('follows a second link that is opened in the same tab', async () => {
    const page = await open(`${stage.service.url}/account#verify-email=first.token`);
    await expectStatus(page, 'Confirm that this address is yours.');
    await page.goto(`${stage.service.url}/account#reset-password=second.token`);
    await expectStatus(page, 'Choose a new password.');
    expect(page.url()).toBe(`${stage.service.url}/account`);
    expect(await page.getByRole('button').allTextContents()).toEqual(['Set new password']);
    const sent: unknown[] = [];
    await page.route('**/password/reset', (route) => {
      sent.push(route.request().postDataJSON());
      return route.fulfill({ status: 204 });
    });
    await page.getByLabel('New password').fill(PASSWORD);
    await press(page, 'Set new password');
    await expectStatus(page, 'Your new password is set');
    expect(sent).toEqual([{ token: 'second.token', newPassword: PASSWORD }]);
  });

  it('shows nothing of the first link once a second one is open', async () => {
    const page = await open(`${stage.service.url}/account#verify-email=first.token`);
    const { promise, resolve } = Promise.withResolvers<void>();
    await page.route('**/email/verify', async (route) => {
      await promise;
      await route.fulfill({ status: 204 });
    });
    await press(page, 'Confirm this address');
    await expectStatus(page, 'One moment');
    await page.goto(`${stage.service.url}/account#verify-email=second.token`);
    await expectStatus(page, 'Confirm that this address is yours.');
    const responded = page.waitForResponse('**/email/verify');
    resolve();
    await (await responded).finished();
    await page.evaluate(() => new Promise((done) => setTimeout(done, 100)));
    expect(await page.getByRole('status').textContent()).toBe('Confirm that this address is yours.');
    expect(await page.getByRole('button').isEnabled()).toBe(true);
  });

  it.each([
    '__proto__=token',
    'constructor=token',
    'toString=token',
    'hasOwnProperty=token',
    'verify-email',
    'verify-email=',
    'reset-password=',
    '=token',
    '%',
    'a',
  ])('says that a link is not complete, and breaks at none: #%s', async (fragment) => {
    const page = await profile.newPage();
    const errors: Error[] = [];
    page.on('pageerror', (error) => errors.push(error));
    for (const start of ['', 'verify-email=good.token']) {
      await page.goto('about:blank');
      await page.goto(`${stage.service.url}/account#${start}`);
      await page.goto(`${stage.service.url}/account#${fragment}`);
      await expectStatus(page, 'This link is not complete.');
      expect(await page.getByRole('button').count()).toBe(0);
      expect(page.url()).toBe(`${stage.service.url}/account`);
    }
    expect(errors).toEqual([]);
  });

  it('leaves no token in the session history, in a referrer, or after coming back, with and without a cache', async () => {
    for (const ignoreDefaultArgs of [[], ['--disable-back-forward-cache']]) {
      const browser = await chromium.launch({ ...LAUNCH_OPTIONS, ignoreDefaultArgs });
      const page = await (await browser.newContext()).newPage();
      const requests: string[] = [];
      page.on('request', (request) => requests.push(`${request.url()} ${JSON.stringify(request.headers())}`));
      await page.goto(`${stage.service.url}/docs`);
      await page.evaluate((url) => location.assign(url), '/account#verify-email=secret.token');
      await expectStatus(page, 'Confirm that this address is yours.');
      await page.evaluate((url) => location.assign(url), '/account#reset-password=secret.token');
      await expectStatus(page, 'Choose a new password.');
      await page.getByLabel('New password').fill('a password that was never sent');
      const entries = await page.evaluate(() => navigation.entries().map(({ url }) => url ?? ''));
      expect(entries).toHaveLength(3);
      expect(entries.join()).not.toContain('secret');
      await page.evaluate(() => Object.assign(globalThis, { wasHere: true }));

      await page.evaluate((url) => location.assign(url), `${stage.listedOrigin}/`);
      await page.waitForURL(`${stage.listedOrigin}/`);
      expect(await page.evaluate(() => document.referrer)).toBe('');
      await page.evaluate(() => history.back());
      await expect.poll(() => page.url()).toBe(`${stage.service.url}/account`);
      await expectStatus(page, 'Open this page with the link from your mail.');
      expect(await page.evaluate(() => 'wasHere' in globalThis)).toBe(ignoreDefaultArgs.length > 0);
      expect(await page.locator('#password').inputValue()).toBe('');
      expect(await page.evaluate(() => JSON.stringify([location.href, history.state]))).not.toContain(
        'secret',
      );

      await page.evaluate(() => location.reload());
      await page.waitForFunction(() => !('wasHere' in globalThis));
      await expectStatus(page, 'Open this page with the link from your mail.');
      expect(page.url()).toBe(`${stage.service.url}/account`);
      // Chromium shows the page's own address with its fragment here; it sends none.
      const sent = requests.filter((request) => !request.startsWith(`${stage.service.url}/account#`));
      expect(sent.join()).not.toContain('secret');
      await browser.close();
    }
  });
});

describe('the page of a mailed link says what to do next when', () => {
  const VERIFY = 'verify-email=good.token';
  const RESET = 'reset-password=good.token';
  const fault = (status: number, code: string, more = {}) => ({
    status,
    contentType: 'application/problem+json',
    body: JSON.stringify({
      type: `urn:latchkey:error:${code}`,
      title: 'T',
      status,
      code,
      message: 'T',
      ...more,
    }),
  });

  it.each([
    [
      'the address is somebody else\u2019s',
      VERIFY,
      fault(409, 'email_taken'),
      'Your account keeps its old address.',
    ],
    ['a verification is over', VERIFY, fault(400, 'invalid_link'), 'sign in and ask for another mail.'],
    ['a reset is over', RESET, fault(400, 'invalid_link'), 'ask for another link there.'],
  ])('%s, and takes the form away', async (_, fragment, response, text) => {
    const page = await open(`${stage.service.url}/account#${fragment}`);
    await page.route(/email\/verify|password\/reset/, (route) => route.fulfill(response));
    if (fragment === RESET) await page.getByLabel('New password').fill(PASSWORD);
    await page.getByRole('button').click();
    await expectStatus(page, text);
    await expectNoFault(page);
    expect(await page.getByRole('button').count()).toBe(0);
  });

  it.each([
    [
      'there were too many attempts',
      { ...fault(429, 'too_many_attempts'), headers: { 'Retry-After': '42' } },
      'in 42 seconds.',
    ],
    ['the service has an outage', fault(503, 'unavailable'), 'press the button again in a minute.'],
    [
      'a captive portal responds',
      { status: 200, contentType: 'text/html', body: '<h1>Hello</h1>' },
      'Check your connection,',
    ],
    [
      'a proxy refuses',
      { status: 400, contentType: 'application/json', body: '{"code":"invalid_link"}' },
      'Check your connection,',
    ],
  ])('%s, and keeps the form', async (_, response, text) => {
    const page = await open(`${stage.service.url}/account#${VERIFY}`);
    await page.route('**/email/verify', (route) => route.fulfill(response));
    await press(page, 'Confirm this address');
    await expectStatus(page, text);
    await page.unroute('**/email/verify');
    await page.route('**/email/verify', (route) => route.fulfill({ status: 204 }));
    await press(page, 'Confirm this address');
    await expectStatus(page, 'Your e-mail address is confirmed.');
  });

  it('there is no network, and keeps the form', async () => {
    const page = await open(`${stage.service.url}/account#${VERIFY}`);
    await profile.setOffline(true);
    await press(page, 'Confirm this address');
    await expectStatus(page, 'Check your connection, then press the button again.');
    expect(await page.getByRole('button').isEnabled()).toBe(true);
  });

  it('scripts are turned off', async () => {
    const page = await (await stage.openProfile({ javaScriptEnabled: false })).newPage();
    await page.goto(`${stage.service.url}/account#${VERIFY}`);
    expect(await page.locator('main').textContent()).toContain('This page needs JavaScript');
  });
});
