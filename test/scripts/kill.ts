// `npm run test:kill -- --rounds 20`: the Worker is killed with SIGKILL under load, again and again, on the same state.
// After each restart, what was acknowledged must hold: every client's last token works, or its successor; a sign-up
// can be used or made again; a sign-out stays one. SIGKILL loses what the process held; it does not show a power cut.
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { makeWorkFolder, WorkerProcess } from './worker-process.ts';

const PASSWORD = 'correct horse battery staple';
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    clients: { type: 'string', default: '24' },
    newcomers: { type: 'string', default: '2' },
  },
});

/** A session, and the last token of it that its client was given. */
interface Client {
  token: string;
}

/** What somebody new did in this round, as far as it was acknowledged. */
interface Newcomer {
  registered: string[];
  signedOut: string[];
  /** A sign-up that was sent and got no response. */
  pending: string | undefined;
}

const losses: string[] = [];
const totals = {
  refreshes: 0,
  replays: 0,
  signUps: 0,
  signUpsCutShort: 0,
  signUpsCutShortButStored: 0,
  signOuts: 0,
};
let names = 0;

const folder = makeWorkFolder();
let worker = await WorkerProcess.start(folder);
const clients = await Promise.all(Array.from({ length: Number(values.clients) }, openSession));

for (let round = 1; round <= Number(values.rounds); round += 1) {
  // In every other round only: their hashes leave little time for refreshes.
  const newcomers = Array.from({ length: round % 2 === 0 ? Number(values.newcomers) : 0 }, makeNewcomer);
  const before = { ...totals };
  const load = [...clients.map(refreshUntilKilled), ...newcomers.map(comeAndGoUntilKilled)];
  const loadMs = 200 + Math.random() * 1800;
  await wait(loadMs);
  const killedAtMs = Date.now();
  await worker.kill();
  await Promise.all(load);

  worker = await WorkerProcess.start(folder);
  const backMs = Date.now() - killedAtMs;
  for (const client of clients) await checkToken(client, killedAtMs, round);
  for (const newcomer of newcomers) await checkNewcomer(newcomer, round);
  console.log(
    `round ${round}: killed after ${loadMs.toFixed(0)} ms and ${totals.refreshes - before.refreshes} refreshes, ` +
      `back after ${backMs} ms; ${totals.replays - before.replays} lost responses came again, ${losses.length} losses so far`,
  );
}
await worker.kill();

console.log(
  JSON.stringify({ rounds: Number(values.rounds), clients: clients.length, ...totals, losses }, null, 2),
);
process.exitCode = losses.length === 0 ? 0 : 1;

async function openSession(): Promise<Client> {
  const { status, cookie } = await register(nextName());
  if (status !== 201 || cookie === undefined) throw new Error(`a sign-up responded ${status}`);
  return { token: cookie };
}

/** Refreshes without a pause. A response counts as acknowledged once its cookie is here. */
async function refreshUntilKilled(client: Client): Promise<void> {
  for (;;) {
    const answer = await worker.post('/refresh', { cookie: client.token }).catch(() => undefined);
    if (answer === undefined) return;
    if (answer.status !== 200 || answer.cookie === undefined) {
      losses.push(`a refresh responded ${answer.status} before the kill: ${answer.body}`);
      return;
    }
    client.token = answer.cookie;
    totals.refreshes += 1;
  }
}

async function comeAndGoUntilKilled(newcomer: Newcomer): Promise<void> {
  try {
    for (;;) {
      newcomer.pending = nextName();
      const { cookie = '' } = await register(newcomer.pending);
      newcomer.registered.push(newcomer.pending);
      newcomer.pending = undefined;
      totals.signUps += 1;
      await worker.post('/logout', { cookie });
      newcomer.signedOut.push(cookie);
      totals.signOuts += 1;
    }
  } catch {
    // Killed.
  }
}

/** The last acknowledged token rotates, or was rotated already and its successor comes again: never anything else. */
async function checkToken(client: Client, killedAtMs: number, round: number): Promise<void> {
  const presented = readClaims(client.token);
  const answer = await worker.post('/refresh', { cookie: client.token });
  const successor = readClaims(answer.cookie ?? '');
  if (answer.status !== 200 || answer.cookie === undefined || successor.ctr !== presented.ctr + 1) {
    losses.push(
      `round ${round}: token ${presented.ctr} responded ${answer.status}, ${successor.ctr}: ${answer.body}`,
    );
    return;
  }
  if (successor.iat * 1000 <= killedAtMs) totals.replays += 1;
  client.token = answer.cookie;
}

async function checkNewcomer({ registered, signedOut, pending }: Newcomer, round: number): Promise<void> {
  for (const name of registered) {
    const status = await signIn(name);
    if (status !== 200)
      losses.push(`round ${round}: a sign-up was acknowledged, and its sign-in responded ${status}`);
  }
  for (const cookie of signedOut) {
    const { status } = await worker.post('/refresh', { cookie });
    if (status !== 401)
      losses.push(`round ${round}: a sign-out was acknowledged, and its cookie responded ${status}`);
  }
  if (pending === undefined) return;
  totals.signUpsCutShort += 1;
  if ((await signIn(pending)) === 200) totals.signUpsCutShortButStored += 1;
  else {
    const { status } = await register(pending);
    if (status !== 201) losses.push(`round ${round}: a name can neither be used nor claimed (${status})`);
  }
}

function makeNewcomer(): Newcomer {
  return { registered: [], signedOut: [], pending: undefined };
}

function nextName(): string {
  names += 1;
  return `person-${names}`;
}

function register(name: string) {
  return worker.post('/register', {
    json: { username: name, email: `${name}@example.com`, password: PASSWORD },
  });
}

async function signIn(username: string): Promise<number> {
  return (await worker.post('/login', { json: { username, password: PASSWORD } })).status;
}

function readClaims(token: string): { ctr: number; iat: number } {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  return payload === '' ? { ctr: Number.NaN, iat: Number.NaN } : JSON.parse(payload);
}
