// Accounts written straight into a stopped Latchkey's storage: at a tenth of a second a hash, 10,000 sign-ups and as many
// sign-ins would take an evening. One real account is the pattern; the others are copies of its file under their own names.
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SignJWT } from 'jose';
import { type Actor, REFRESH_SECRET } from './contract.ts';

const ISSUER = 'https://auth.test';
const DAY_SECONDS = 24 * 60 * 60;

/** Where the accounts' files lie, below the state of a contender. */
export interface Storage {
  folder: string;
  /** What the platform derives an object's id from, beside its name. */
  uniqueKey: string;
}

/** Finds the accounts' files. Throws when there are none. */
export function findStorage(state: string): Storage {
  const namespaces = join(state, 'storage/do');
  const uniqueKey = readdirSync(namespaces).find((name) => name.endsWith('-Account'));
  if (uniqueKey === undefined) throw new Error(`no accounts in ${namespaces}`);
  return { folder: join(namespaces, uniqueKey), uniqueKey };
}

/** The only account of a storage, made by a real registration: all of its writes in one file. */
export function takePattern({ folder }: Storage): string {
  const files = readdirSync(folder).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
  const [first] = files;
  if (first === undefined || files.length !== 1)
    throw new Error(`${files.length} accounts where one was expected`);
  const path = join(folder, first);
  const database = new DatabaseSync(path);
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
  return path;
}

/** Copies the pattern to a new account with so many sessions. Returns its client, with the cookie of one of them. */
export async function plantAccount(
  { folder, uniqueKey }: Storage,
  pattern: string,
  name: string,
  sessions: number,
): Promise<Actor> {
  const id = randomId();
  const path = join(folder, `${deriveObjectId(uniqueKey, id)}.sqlite`);
  copyFileSync(pattern, path);
  const database = new DatabaseSync(path);
  const nowSeconds = Math.floor(Date.now() / 1000);
  const exp = nowSeconds + DAY_SECONDS;
  database.prepare('UPDATE account SET id = ?, username = ?, email = ?').run(id, name, `${name}@example.com`);
  database.exec('DELETE FROM session');
  const insert = database.prepare(
    `INSERT INTO session (sid, counter, rotated_at_ms, iat, exp, created_at_ms, expires_at_ms, last_used_at_ms,
       user_agent, ip, country) VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, '203.0.113.7', 'DE')`,
  );
  const sids = Array.from({ length: sessions }, () => randomId());
  const nowMs = nowSeconds * 1000;
  database.exec('BEGIN');
  for (const sid of sids)
    insert.run(
      sid,
      nowMs,
      nowSeconds,
      exp,
      nowMs,
      nowMs + 30 * DAY_SECONDS * 1000,
      nowMs,
      'Mozilla/5.0 (X11; Linux x86_64) '.repeat(4),
    );
  database.exec('COMMIT');
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
  const token = await new SignJWT({ sid: sids[sessions >> 1], ctr: 1 })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuer(ISSUER)
    .setAudience(`${ISSUER}/refresh`)
    .setSubject(id)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(exp)
    .sign(new TextEncoder().encode(REFRESH_SECRET));
  return { name, cookie: `__Host-jwt=${token}`, accessToken: '' };
}

/** Adds names to the stopped directory until it holds so many. */
export function fillDirectory(state: string, count: number): void {
  const namespaces = join(state, 'storage/d1');
  const paths = readdirSync(namespaces, { recursive: true, encoding: 'utf8' });
  const path = paths.find((name) => /[0-9a-f]{64}\.sqlite$/.test(name));
  if (path === undefined) throw new Error(`no directory in ${namespaces}`);
  const database = new DatabaseSync(join(namespaces, path));
  const insert = database.prepare(
    'INSERT INTO accounts (id, username_key, email_key, username, email, created_at_ms) VALUES (?, ?, ?, ?, ?, ?)',
  );
  database.exec('BEGIN');
  for (let index = 1; index < count; index++) {
    const [name, email] = [`planted${index}`, `planted${index}@example.com`];
    insert.run(randomId(), name, email, name, email, Date.now());
  }
  database.exec('COMMIT');
  database.close();
}

/** Bytes of an account on disk, its write-ahead log apart. */
export function sizeOf(path: string): { database: number; log: number } {
  const log = `${path}-wal`;
  return { database: statSync(path).size, log: existsSync(log) ? statSync(log).size : 0 };
}

/** workerd's `idFromName`: a keyed hash of the name, and a check value of that. */
export function deriveObjectId(uniqueKey: string, name: string): string {
  const key = createHash('sha256').update(uniqueKey).digest();
  const mac = (data: string | Buffer) => createHmac('sha256', key).update(data).digest().subarray(0, 16);
  const first = mac(name);
  return Buffer.concat([first, mac(first)]).toString('hex');
}

/** As long as an id of the service, and of its characters. */
function randomId(): string {
  return randomUUID().replaceAll('-', '').slice(0, 22);
}
