// A browser, a service started with `npm start`, and a page of another origin.
import { readFileSync } from 'node:fs';
import { appendFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { PROJECT_ROOT, runCli } from '../support/cli.ts';
import { LocalRun, makeCheckout, removeCheckout } from '../support/local-run.ts';

export const PASSWORD = 'correct horse battery staple';

const CHROMIUM_FLAGS = [
  // Chromium's sandbox does not start as root, which is what containers run as. Only our own pages are opened.
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-quic',
];

/** How to start the browser. CHROMIUM names it where it is not Debian's. */
export const LAUNCH_OPTIONS = {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: CHROMIUM_FLAGS,
};

export class Stage {
  readonly browser: Browser;
  #service: LocalRun;
  /** Origins of two other front ends: one that the service lists, one that it does not. */
  readonly listedOrigin: string;
  readonly foreignOrigin: string;
  readonly #folder: string;
  readonly #servers: Server[];
  readonly #contexts: BrowserContext[] = [];
  #people = 0;

  private constructor(
    browser: Browser,
    service: LocalRun,
    folder: string,
    servers: Server[],
    origins: string[],
  ) {
    this.browser = browser;
    this.#service = service;
    this.#folder = folder;
    this.#servers = servers;
    const [listed = '', foreign = ''] = origins;
    this.listedOrigin = listed;
    this.foreignOrigin = foreign;
  }

  static async open(settings: Record<string, string> = {}): Promise<Stage> {
    const servers = [serveClient(), serveClient()];
    const origins = await Promise.all(servers.map(listen));
    const folder = await makeCheckout();
    const { stdout } = await runCli('keys.ts', []);
    const lines = { RATE_LIMIT: 'off', ALLOWED_ORIGINS: origins[0] ?? '', ...settings };
    await writeFile(join(folder, '.dev.vars'), stdout, { mode: 0o600 });
    await appendFile(
      join(folder, '.dev.vars'),
      Object.entries(lines)
        .map(([name, value]) => `\n${name}=${value}`)
        .join(''),
    );
    const [service, browser] = await Promise.all([LocalRun.start(folder), chromium.launch(LAUNCH_OPTIONS)]);
    return new Stage(browser, service, folder, servers, origins);
  }

  async close(): Promise<void> {
    await this.browser.close();
    this.#service.kill();
    for (const server of this.#servers) server.close();
    await removeCheckout(this.#folder);
  }

  get service(): LocalRun {
    return this.#service;
  }

  /**
   * Starts the service again when it has gone, at the same address and with what it stored: `wrangler dev` ends when something holds its
   * requests up for more than five seconds, as a slow machine does.
   */
  async #reviveService(): Promise<void> {
    if (await this.#service.responds()) return;
    this.#service.kill();
    this.#service = await LocalRun.start(this.#folder, Number(new URL(this.#service.url).port));
  }

  /** A profile of its own: its own cookies and storage. */
  async openProfile(options: Parameters<Browser['newContext']>[0] = {}): Promise<BrowserContext> {
    await this.#reviveService();
    const context = await this.browser.newContext(options);
    this.#contexts.push(context);
    return context;
  }

  /** Ends what a test opened. Throws when the service has gone meanwhile: vitest.config.ts knows the message. */
  async closeProfiles(): Promise<void> {
    for (const context of this.#contexts.splice(0)) await context.close();
    if (!(await this.#service.responds())) throw new Error('the service has gone while the test ran');
  }

  /** The demo page, once it knows whether somebody is signed in. */
  async openDemo(context: BrowserContext): Promise<Page> {
    const page = await context.newPage();
    await page.goto(`${this.service.url}/`);
    await page.waitForFunction(
      () => !/One moment/.test(document.querySelector('#status')?.textContent ?? 'One moment'),
    );
    return page;
  }

  /** A new account, made with the page's own form. */
  async signUp(context: BrowserContext): Promise<{ page: Page; username: string }> {
    const username = `ada${++this.#people}`;
    const page = await this.openDemo(context);
    await page.getByLabel('Username').fill(username);
    await page.getByLabel('E-mail').fill(`${username}@example.com`);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Create account' }).click();
    await expectStatus(page, `Signed in as ${username}.`);
    return { page, username };
  }
}

/** Presses the button of that name. */
export function press(page: Page, name: string): Promise<void> {
  return page.getByRole('button', { name, exact: true }).click();
}

/** Waits until the page says so, in words. */
export async function expectStatus(page: Page, text: string): Promise<void> {
  try {
    await page.getByRole('status').filter({ hasText: text }).waitFor({ timeout: 60_000 });
  } catch {
    expect(await page.getByRole('status').textContent()).toContain(text);
  }
}

interface AxeResult {
  violations: { id: string; impact: string }[];
}

const AXE = readFileSync(join(PROJECT_ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8');

/** Expects that axe finds nothing on the page as it stands, serious or not. */
export async function expectNoFault(page: Page): Promise<void> {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<AxeResult> } }; // put there just now
    return (await axe.run()).violations.map(({ id, impact }) => `${impact}: ${id}`);
  });
  expect(found).toEqual([]);
}

/** Collects the requests to a path, from now on. */
export function countRequests(context: BrowserContext, path: string): () => number {
  let count = 0;
  context.on('request', (request) => {
    if (new URL(request.url()).pathname === path) count++;
  });
  return () => count;
}

/** A worker of any kind with a client in it, which calls what it is told to: `[baseUrl, method, ...args]`. */
const WORKER = `
import { createClient } from '/client.js';
let client;
async function run([baseUrl, method, ...args]) {
  client ??= createClient({ baseUrl });
  if (method === 'state') return client.state.status;
  try {
    return (await client[method](...args)) ?? 'done';
  } catch (error) {
    return [error.name, error.code];
  }
}
const serve = (port) => {
  port.onmessage = async ({ data, ports: [reply] }) => reply.postMessage(await run(data));
};
if ('onconnect' in self) self.onconnect = ({ ports: [port] }) => serve(port);
else serve(self);
`;

/** Another front end: an empty page, one in a sandbox, and the client as it is published. */
function serveClient(): Server {
  const client = readFileSync(join(PROJECT_ROOT, 'dist/client/index.js'));
  const scripts = new Map<string | undefined, string | Buffer>([
    ['/client.js', client],
    ['/worker.js', WORKER],
  ]);
  return createServer((request, response) => {
    const script = scripts.get(request.url);
    response.setHeader('Content-Type', script === undefined ? 'text/html' : 'text/javascript');
    // The page in the sandbox has no origin, so that the script comes from another one.
    response.setHeader('Access-Control-Allow-Origin', '*');
    if (request.url === '/sandboxed') response.setHeader('Content-Security-Policy', 'sandbox allow-scripts');
    response.end(script ?? '<!doctype html><title>Another front end</title>');
  });
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://localhost:${address.port}`;
}
