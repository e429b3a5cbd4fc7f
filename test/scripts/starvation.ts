// `npm run test:starvation`: how long an owner's refresh waits while others make the service hash. Bursts of 50 of each kind,
// against the bundled Worker on workerd, without a proxy between. The unit is a lone hash of the same machine and moment. Ends
// with 1 when a refresh waited for more than four, or was refused.
// `-- --source FOLDER` bundles another checkout. `-- --start` sends bursts of 100 to `npm start` instead, and asks whether it
// lives: `wrangler dev` exits when requests wait for more than about 5 s.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { LocalRun, makeCheckout, removeCheckout } from '../support/local-run.ts';
import { alignTable } from '../support/markdown-table.ts';
import { quantile } from './rank-test.ts';
import { makeWorkFolder, WorkerProcess } from './worker-process.ts';

const MOST_LONE_HASHES = 4;
const PASSWORD = 'correct horse battery staple';
const NEW_PASSWORD = 'another battery horse staple';
/** Between two refreshes of the owner. */
const PAUSE_MS = 5;
/** How long a client stays that leaves before its response. */
const LEAVE_MS = 300;
/** By then a burst has arrived. */
const HEAD_START_MS = 30;
const MAIL_DEADLINE_MS = 60_000;

interface Reply {
  status: number;
  body: string;
  /** The value of the refresh cookie, if one was set. */
  cookie: string | undefined;
}

const GONE: Reply = { status: 0, body: '', cookie: undefined };

interface Member {
  name: string;
  accessToken: string;
  cookie: string;
}

interface Burst {
  title: string;
  send: (url: string, index: number) => Promise<Reply>;
}

const { values } = parseArgs({
  options: { source: { type: 'string' }, start: { type: 'boolean', default: false } },
});
const resetTokens = new Map<string, string>();
const mailbox = createServer(async (incoming, outgoing) => {
  const mail: { to: string; text: string } = JSON.parse(await readText(incoming));
  const token = /#reset[a-z-]*=(\S+)/.exec(mail.text)?.[1];
  if (token !== undefined) resetTokens.set(mail.to, token);
  outgoing.writeHead(204).end();
}).listen(0, '127.0.0.1');
await once(mailbox, 'listening');
const mailSettings = {
  MAIL_WEBHOOK_URL: `http://127.0.0.1:${(mailbox.address() as AddressInfo).port}/`,
  MAIL_WEBHOOK_SECRET: 'mail-webhook-secret-of-the-scripts-0123456789',
};

process.exitCode = (await (values.start ? burdenStart() : measure())) ? 0 : 1;
mailbox.close();

async function measure(): Promise<boolean> {
  const worker = await WorkerProcess.start(makeWorkFolder(values.source), mailSettings);
  try {
    const { owner, bursts } = await prepare(worker.url, 50);
    const rows = [['burst of 50', 'worst wait', 'median wait', 'lone hash, ms', 'burst, ms', 'responses']];
    let isFair = true;
    for (const burst of bursts) {
      const loneMs = await measureLoneHash(worker.url, owner);
      const { waits, statuses, ms } = await measureWaits(worker.url, owner, burst);
      const worst = (waits.at(-1) ?? 0) / loneMs;
      const median = quantile(waits, 0.5) / loneMs;
      isFair &&= worst <= MOST_LONE_HASHES;
      rows.push([
        burst.title,
        worst.toFixed(1),
        median.toFixed(2),
        loneMs.toFixed(0),
        ms.toFixed(0),
        statuses,
      ]);
    }
    console.log(alignTable(rows));
    return isFair;
  } finally {
    await worker.kill();
  }
}

/** Two bursts of 100 of each kind at `npm start`. */
async function burdenStart(): Promise<boolean> {
  const folder = await makeCheckout();
  const settings = { ...mailSettings, RATE_LIMIT: 'off' };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(join(folder, '.dev.vars'), lines.join(''));
  const run = await LocalRun.start(folder);
  try {
    const { bursts } = await prepare(run.url, 200);
    for (const { title, send } of bursts) {
      for (const from of [0, 100]) {
        const startedAt = performance.now();
        const sent = Array.from({ length: 100 }, (_, index) =>
          send(run.url, from + index).catch(() => undefined),
        );
        const statuses = tally((await Promise.all(sent)).map((reply) => reply?.status ?? 'no response'));
        const ms = (performance.now() - startedAt).toFixed(0);
        const lives = await run.responds();
        console.log(
          `${title}: ${statuses}; ${ms} ms; ${lives ? 'lives' : `gone:\n${run.output.slice(-2000)}`}`,
        );
        if (!lives) return false;
      }
    }
    return true;
  } finally {
    run.kill();
    await removeCheckout(folder);
  }
}

/** The accounts that the bursts need. One after the other: none may be refused for its hash. */
async function prepare(url: string, count: number): Promise<{ owner: Member; bursts: Burst[] }> {
  const owner = await register(url, 'owner');
  const members: Member[] = [];
  for (let index = 0; index < 2 * count; index += 1) members.push(await register(url, `member-${index}`));
  const member = (index: number) => members[index] ?? owner;
  // The second half is for the resets: a changed password takes the link with it.
  for (const { name } of members.slice(count)) await post(url, '/password/forgot', { email: toEmail(name) });
  const mailDeadline = performance.now() + MAIL_DEADLINE_MS;
  while (resetTokens.size < count) {
    if (performance.now() > mailDeadline) throw new Error(`${resetTokens.size} of ${count} mails arrived`);
    await wait(HEAD_START_MS);
  }
  const signIn = (url: string, username: string, password: string) =>
    post(url, '/login', { username, password });
  const bursts: Burst[] = [
    { title: 'wrong passwords, the owner', send: (url) => signIn(url, owner.name, 'a wrong password') },
    { title: 'unknown names', send: (url, index) => signIn(url, `nobody-${index}`, 'a wrong password') },
    {
      title: 'unknown names, clients that leave',
      send: (url, index) => {
        const json = { username: `gone-${index}`, password: 'a wrong password' };
        return post(url, '/login', json, { signal: AbortSignal.timeout(LEAVE_MS) }).catch(() => GONE);
      },
    },
    { title: 'correct sign-ins', send: (url, index) => signIn(url, member(index).name, PASSWORD) },
    {
      title: 'password changes',
      send: (url, index) => {
        const json = { currentPassword: PASSWORD, newPassword: `${NEW_PASSWORD}, changed` };
        return post(url, '/password', json, { method: 'PUT', bearer: member(index).accessToken });
      },
    },
    {
      title: 'resets',
      send: (url, index) => {
        const token = resetTokens.get(toEmail(member(count + index).name));
        return post(url, '/password/reset', { token, newPassword: NEW_PASSWORD });
      },
    },
    {
      title: 'registrations',
      send: (url, index) => post(url, '/register', toRegistration(`newcomer-${index}`)),
    },
  ];
  return { owner, bursts };
}

async function measureWaits(url: string, owner: Member, { send }: Burst) {
  let isOver = false;
  const startedAt = performance.now();
  const burst = Promise.all(
    Array.from({ length: 50 }, (_, index) => send(url, index).catch(() => GONE)),
  ).finally(() => {
    isOver = true;
  });
  const waits: number[] = [];
  await wait(HEAD_START_MS);
  while (!isOver) {
    const askedAt = performance.now();
    const { status, cookie } = await post(url, '/refresh', undefined, { cookie: owner.cookie });
    waits.push(performance.now() - askedAt);
    if (status !== 200 || cookie === undefined) throw new Error(`a refresh responded ${status}`);
    owner.cookie = cookie;
    await wait(PAUSE_MS);
  }
  const statuses = tally((await burst).map(({ status }) => status || 'no response'));
  return { waits: waits.sort((a, b) => a - b), statuses, ms: performance.now() - startedAt };
}

/** The median of five registrations, one after the other. The owner's own sign-ins may have to wait. */
async function measureLoneHash(url: string, owner: Member): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < 5; n += 1) {
    const startedAt = performance.now();
    await register(url, `lone-${times.length}-${Math.round(startedAt)}`);
    times.push(performance.now() - startedAt);
    await post(url, '/refresh', undefined, { cookie: owner.cookie });
  }
  return quantile(
    times.sort((a, b) => a - b),
    0.5,
  );
}

async function register(url: string, name: string): Promise<Member> {
  const { status, body, cookie } = await post(url, '/register', toRegistration(name));
  if (status !== 201 || cookie === undefined) throw new Error(`a registration responded ${status}: ${body}`);
  return { name, cookie, accessToken: JSON.parse(body).accessToken };
}

function toRegistration(username: string) {
  return { username, email: toEmail(username), password: PASSWORD };
}

function toEmail(name: string): string {
  return `${name}@example.com`;
}

interface Parts {
  method?: string;
  bearer?: string;
  cookie?: string;
  signal?: AbortSignal;
}

/** On a connection of its own: workerd closes one that waited for long. */
function post(
  url: string,
  path: string,
  json?: object,
  { method = 'POST', bearer, cookie, signal }: Parts = {},
): Promise<Reply> {
  const body = json === undefined ? '' : JSON.stringify(json);
  const headers = {
    'Content-Length': Buffer.byteLength(body),
    ...(json !== undefined && { 'Content-Type': 'application/json' }),
    ...(bearer !== undefined && { Authorization: `Bearer ${bearer}` }),
    ...(cookie !== undefined && { Cookie: `__Host-jwt=${cookie}` }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${url}${path}`,
      { method, headers, agent: false, ...(signal && { signal }) },
      async (incoming) => {
        const text = await readText(incoming);
        const line = incoming.headers['set-cookie']?.find((set) => set.startsWith('__Host-jwt='));
        const cookieSet = line?.slice('__Host-jwt='.length).split(';', 1)[0];
        resolve({ status: incoming.statusCode ?? 0, body: text, cookie: cookieSet });
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

/** `6 × 401, 44 × 429`. */
function tally(statuses: (number | string)[]): string {
  const counts = new Map<number | string, number>();
  for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${count} × ${status}`).join(', ');
}
