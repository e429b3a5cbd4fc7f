// The page that mailed links lead to, with the mails that `npm start` shows in the terminal.
import { readFileSync } from 'node:fs';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { expectNoFault, expectStatus, PASSWORD, press, Stage } from './stage.ts';

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
  it('confirms an address after a click, once, and keeps the token out of the address bar', async () => {
    const { username } = await stage.signUp(profile);
    const link = await awaitLink(`${username}@example.com`, 'verify-email');
    const page = await open(link);
    await expectStatus(page, 'Confirm that this address is yours.');
    expect(page.url()).toBe(`${stage.service.url}/account`);
    await expectNoFault(page);
    await press(page, 'Confirm this address');
    await expectStatus(page, 'Your e-mail address is confirmed.');
    const again = await open(link);
    await press(again, 'Confirm this address');
    await expectStatus(again, 'This link has been used or has expired.');
  });

  it('sets a new password, says what is wrong with a bad one, and signs everybody out', async () => {
    const { page, username } = await stage.signUp(profile);
    const email = `${username}@example.com`;
    await stage.service.fetch('/password/forgot', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ email }),
    });
    const there = await open(await awaitLink(email, 'reset-password'));
    await expectNoFault(there);
    await there.getByLabel('New password').fill('short');
    await press(there, 'Set new password');
    await expectStatus(there, 'The password must');
    await there.getByLabel('New password').fill(`${PASSWORD}, and another`);
    await press(there, 'Set new password');
    await expectStatus(there, 'Your new password is set');
    await press(page, 'Refresh now');
    await expectStatus(page, 'Your session has ended');
    await page.getByLabel('Username').fill(username);
    await page.getByLabel('Password').fill(`${PASSWORD}, and another`);
    await press(page, 'Sign in');
    await expectStatus(page, `Signed in as ${username}.`);
  });

  it('says what it is for when it is opened without a link', async () => {
    const page = await open(`${stage.service.url}/account`);
    await expectStatus(page, 'Open this page with the link from your mail.');
    expect(await page.getByRole('button').count()).toBe(0);
  });
});
