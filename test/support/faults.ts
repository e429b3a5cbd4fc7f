// Storage that fails on demand: the real bindings behind a switch, and what every outage must look like on the wire.
import { env } from 'cloudflare:workers';
import { expect, vi } from 'vitest';
import { Account } from '../../src/account/account.ts';
import { inStore, runInside } from './account.ts';
import { expectProblem } from './problem.ts';
import { accountOf, ISSUER, PASSWORD, type Person, type Service } from './service.ts';

/** What becomes of a call to storage. `call` makes it; a fault that leaves it out keeps it from arriving. */
export type Fault = (call: () => Promise<unknown>) => Promise<unknown>;

/** The bindings of a service whose storage works until a test says otherwise. */
export class Faults {
  account: Fault = works;
  directory: Fault = works;
  limiter: Fault = works;
  /** Methods called on accounts and statements sent to the directory, in order; failed ones too. */
  readonly calls: string[] = [];
  /** Ids of the accounts that were called, one for each stub: after an exception a stub may refuse all further calls. */
  readonly opened: string[] = [];

  /** For `new Service(faults.bindings())`. */
  bindings(): Record<string, unknown> {
    const limit = () => this.limiter(() => Promise.resolve({ success: true }));
    return {
      ACCOUNT: { getByName: (name: string) => this.#openAccount(name) },
      DIRECTORY: {
        prepare: (sql: string) => this.#prepare(sql, env.DIRECTORY.prepare(sql)),
        batch: (statements: { real: D1PreparedStatement }[]) =>
          this.#ask('BATCH', () => env.DIRECTORY.batch(statements.map(({ real }) => real))),
      },
      SIGN_IN_LIMIT: { limit },
      REGISTRATION_LIMIT: { limit },
      REFRESH_LIMIT: { limit },
    };
  }

  /** Storage works again, and its calls are counted from here. */
  clear(): void {
    this.account = works;
    this.directory = works;
    this.limiter = works;
    this.calls.length = 0;
    this.opened.length = 0;
  }

  #openAccount(name: string): object {
    this.opened.push(name);
    // The stub's methods are the account's; each takes and returns plain data.
    const stub = accountOf(name) as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
    const get =
      (_: object, method: string) =>
      (...args: unknown[]) => {
        this.calls.push(method);
        return this.account(async () => stub[method]?.(...args));
      };
    return new Proxy({}, { get });
  }

  #ask(name: string, call: () => Promise<unknown>): Promise<unknown> {
    this.calls.push(name);
    return this.directory(call);
  }

  #prepare(sql: string, statement: D1PreparedStatement): object {
    const ask = (call: () => Promise<unknown>) => this.#ask(sql.split(' ', 1)[0] ?? '', call);
    return {
      real: statement,
      bind: (...values: unknown[]) => this.#prepare(sql, statement.bind(...values)),
      first: () => ask(() => statement.first()),
      all: () => ask(() => statement.all()),
      run: () => ask(() => statement.run()),
    };
  }
}

const works: Fault = (call) => call();

/** The call does not arrive. `details` go onto the error, as the platform sets `retryable` and `overloaded`. */
export function fails(details: object = {}): Fault {
  return () => Promise.reject(outage(details));
}

/** The call arrives and has its effect, but its response is lost. */
export function losesResponse(details: object = {}): Fault {
  return async (call) => {
    await call();
    throw outage(details);
  };
}

/** The first call meets the fault, the others work. */
export function once(fault: Fault): Fault {
  let isOver = false;
  return (call) => {
    if (isOver) return call();
    isOver = true;
    return fault(call);
  };
}

/** The calls wait until they are let through. `reached` resolves when the first one is there. */
export function waits(): { fault: Fault; reached: Promise<void>; release: () => void } {
  const arrival = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const fault: Fault = async (call) => {
    arrival.resolve();
    await gate.promise;
    return call();
  };
  return { fault, reached: arrival.promise, release: gate.resolve };
}

/** The inner message must reach nobody: it can quote a statement and its values. */
const INNER_MESSAGE = 'Network connection lost: internal detail';

function outage(details: object): Error {
  return Object.assign(new Error(INNER_MESSAGE), details);
}

/** Checks that a response says "not now, nothing is lost": 503, when to come back, and not a word about the cookie. */
export async function expectOutage(response: Response): Promise<void> {
  const { title } = await expectProblem(response, 503, 'unavailable');
  expect(title).toBe('Temporarily unavailable');
  expect(response.headers.get('Retry-After')).toBe('2');
}

/** One request of somebody who is signed in, and how it gets its response when storage works. */
export interface Endpoint {
  name: string;
  status: number;
  send: (service: Service, person: Person) => Promise<Response>;
}

/** Every endpoint that asks an account about a session. */
export const sessionEndpoints: Endpoint[] = [
  { name: 'POST /refresh', status: 200, send: (service, { cookie }) => service.post('/refresh', { cookie }) },
  { name: 'GET /me', status: 200, send: (service, person) => bearer(service, person, 'GET', '/me') },
  {
    name: 'GET /sessions',
    status: 200,
    send: (service, person) => bearer(service, person, 'GET', '/sessions'),
  },
  {
    name: 'DELETE /sessions/{id}',
    status: 204,
    send: (service, person) => bearer(service, person, 'DELETE', `/sessions/${person.sid}`),
  },
  {
    name: 'DELETE /sessions',
    status: 204,
    send: (service, person) => bearer(service, person, 'DELETE', '/sessions'),
  },
  { name: 'POST /logout', status: 204, send: (service, { cookie }) => service.post('/logout', { cookie }) },
];

/** Signing in with the password, as a browser does that still holds a refresh cookie. */
export const loginEndpoint: Endpoint = {
  name: 'POST /login',
  status: 200,
  send: (service, { name, cookie }) =>
    service.post('/login', { json: { username: name, password: PASSWORD }, cookie }),
};

function bearer(service: Service, { accessToken, cookie }: Person, method: string, path: string) {
  return service.fetch(path, { method, bearer: accessToken, cookie, headers: { Origin: ISSUER } });
}

/** The session rows of an account: `sid` and `counter`. */
export async function readSessions(accountId: string): Promise<{ sid: string; counter: number }[]> {
  const sessions = await inStore(accountId, (store) => store.sessions.listSessions());
  return sessions.map(({ sid, counter }) => ({ sid, counter }));
}

/** Breaks or mends a table of a real account: what its code then meets is SQLite's own error. */
export function execInAccount(accountId: string, sql: string): Promise<void> {
  return runInside(accountId, (_, { storage }) => {
    storage.sql.exec(sql);
  });
}

const METHODS = [
  'refresh',
  'signIn',
  'signOut',
  'describe',
  'listSessions',
  'endSession',
  'endSessions',
] as const;

/** From here to `vi.restoreAllMocks`, every account is reset in the middle of a call: all is written, nothing committed. */
export function resetDuringCalls(): void {
  // Every account has `ctx` from DurableObject; the methods are named above.
  const methods = Account.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const method of METHODS) {
    const original = methods[method];
    vi.spyOn(methods, method).mockImplementation(async function (this: { ctx: DurableObjectState }, ...args) {
      await original?.apply(this, args);
      this.ctx.abort('reset');
    });
  }
}
