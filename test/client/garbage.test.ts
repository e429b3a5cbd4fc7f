// The client against responses that are not the service's: proxies, captive portals, cut connections, `fetch` of others.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Client, type ClientState, createClient, LatchkeyError } from '../../src/client/index.ts';
import { fakeTimeoutSignals } from '../support/timeout-signals.ts';
import { BASE, problem, ScriptedService } from './scripted-service.ts';

let service: ScriptedService;
let client: Client;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: new Date('2026-03-01T12:00:00Z') });
  fakeTimeoutSignals();
  service = new ScriptedService();
  client = createClient({ baseUrl: BASE, fetch: service.fetch });
});
afterEach(() => {
  client.close();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const PORTAL = '<!doctype html><title>Welcome to our network</title>';
const html = (status: number) => new Response(PORTAL, { status, headers: { 'Content-Type': 'text/html' } });
const tokenBody = (accessToken: unknown) =>
  Response.json({ accessToken, tokenType: 'Bearer', expiresIn: 600 });
const jwtOf = (claims: unknown) =>
  `e30.${btoa(JSON.stringify(claims)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}.c2ln`;

const CLAIMS = { sub: 's', sid: 's', username: 'ada', email: 'a@b.nl', iat: 1, exp: 2 };

/** A body that breaks off: the connection is lost after the first half. */
function cutOff(text: string): Response {
  let sent = false;
  const body = new ReadableStream({
    pull(controller) {
      if (sent) controller.error(new TypeError('connection lost'));
      else controller.enqueue(new TextEncoder().encode(text.slice(0, text.length / 2)));
      sent = true;
    },
  });
  return new Response(body, { headers: { 'Content-Type': 'application/json' } });
}

const FOREIGN: [string, () => Response | Promise<Response>][] = [
  ['a page with status 200', () => html(200)],
  ['a page with status 401', () => html(401)],
  ['a page with status 403', () => html(403)],
  ['a page with status 511', () => html(511)],
  ['nothing, with status 401', () => new Response(null, { status: 401 })],
  ['nothing, with status 204', () => new Response(null, { status: 204 })],
  ['JSON of a gateway, with status 401', () => Response.json({ code: 5 }, { status: 401 })],
  [
    'JSON of a gateway with our code',
    () => Response.json({ code: 'unauthorized', message: 'No' }, { status: 401 }),
  ],
  [
    'a problem document without a title',
    () =>
      Response.json(
        { type: 'urn:latchkey:error:unauthorized', status: 401, code: 'unauthorized' },
        { status: 401 },
      ),
  ],
  [
    'a problem document of a gateway',
    () =>
      Response.json(
        { type: 'https://gateway.test/denied', title: 'Denied', status: 401, code: 'unauthorized' },
        { status: 401 },
      ),
  ],
  [
    'a problem document that was meant for another status',
    async () => Response.json(await problem(401, 'unauthorized').json(), { status: 406 }),
  ],
  [
    'a problem document of no type',
    () => Response.json({ title: 'Unauthorized', status: 401, code: 'unauthorized' }, { status: 401 }),
  ],
  ['our code with another status', () => problem(503, 'unauthorized')],
  ['null', () => Response.json(null)],
  ['a number, with status 401', () => Response.json(7, { status: 401 })],
  ['JSON without a token', () => Response.json({ ok: true })],
  ['a token that is none', () => tokenBody('opaque')],
  ['a token that is a number', () => tokenBody(1)],
  ['a token whose claims are no JSON', () => tokenBody('e30.e30e30.c2ln')],
  ['a token without claims', () => tokenBody(jwtOf({}))],
  ['a token whose claims are null', () => tokenBody(jwtOf(null))],
  ['a token without a user name', () => tokenBody(jwtOf({ ...CLAIMS, username: undefined }))],
  ['a token whose address is a number', () => tokenBody(jwtOf({ ...CLAIMS, email: 1 }))],
  ['a token that no header can carry', () => tokenBody(`${jwtOf(CLAIMS)}\n`)],
  ['half a body', async () => new Response((await service.pair().text()).slice(0, 40))],
  ['a body that breaks off', async () => cutOff(await service.pair().text())],
  [
    'an error that looks like ours',
    () => {
      throw new LatchkeyError('Unauthorized', 'unauthorized', { status: 401 });
    },
  ],
];

describe('a response that is not the service\u2019s', () => {
  it.each(FOREIGN)('is tried again while restoring: %s', async (_, respond) => {
    const states: ClientState[] = [];
    client.subscribe((state) => states.push(state));
    service.on('POST /refresh', respond);
    const restored = client.restore();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(service.count('POST /refresh')).toBeGreaterThan(1);
    expect(client.state).toEqual({ status: 'unknown', isRetrying: true });
    service.on('POST /refresh', () => service.pair());
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await restored).toBe(true);
    expect(states.filter(({ status }) => status === 'signed_out')).toEqual([]);
  });

  it.each(FOREIGN)('is an error of its own for a sign-in, once: %s', async (_, respond) => {
    service.on('POST /login', respond);
    const refused = client.login({ username: 'ada', password: 'a password' });
    await expect(refused).rejects.toBeInstanceOf(LatchkeyError);
    await expect(refused).rejects.toMatchObject({ isTemporary: true, isSignedOut: false });
    expect(service.asked).toHaveLength(1);
    expect(client.state.status).toBe('unknown');
  });

  it.each([
    ['logout', 'POST /logout'],
    ['sessions.endAll', 'DELETE /sessions'],
    ['sessions.endOthers', 'DELETE /sessions'],
    ['sessions.list', 'GET /sessions'],
  ])('is no success of %s', async (name, route) => {
    service.on('POST /login', () => service.pair());
    service.on(route, () => html(200));
    await client.login({ username: 'ada', password: 'a password' });
    const calls: Record<string, () => Promise<unknown>> = {
      logout: client.logout,
      'sessions.endAll': client.sessions.endAll,
      'sessions.endOthers': client.sessions.endOthers,
      'sessions.list': client.sessions.list,
    };
    await expect(calls[name]?.()).rejects.toMatchObject({ code: 'network', status: 200 });
    expect(client.state.status).toBe('signed_in');
  });

  it.each([[{ sessions: 'none' }], [{ sessions: [null] }], [{}], [[]]])(
    'is no list of sessions: %j',
    async (body) => {
      service.on('POST /login', () => service.pair());
      service.on('GET /sessions', () => Response.json(body));
      await client.login({ username: 'ada', password: 'a password' });
      await expect(client.sessions.list()).rejects.toMatchObject({ code: 'network' });
    },
  );

  it.each([[{ ok: true }], [{ user: null }], [{ user: { id: 1 } }], [null]])(
    'is no new account: %j',
    async (body) => {
      service.on('POST /register', () => Response.json(body, { status: 201 }));
      const refused = client.register({ username: 'ada', email: 'ada@example.com', password: 'p' });
      await expect(refused).rejects.toMatchObject({ name: 'LatchkeyError', code: 'network' });
      expect(client.state.status).toBe('unknown');
    },
  );

  it.each([
    ['that runs out', () => vi.setSystemTime(Date.now() + 600_000), () => problem(500, 'internal')],
    ['that is refused', () => undefined, () => problem(401, 'unauthorized')],
  ])('holds up a call with a token %s for no longer than any other', async (_, age, respond) => {
    service.on('POST /login', () => service.pair());
    service.on('POST /refresh', () => html(200));
    service.on('GET /sessions', respond);
    await client.login({ username: 'ada', password: 'a password' });
    age();
    const listed = client.sessions.list().catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(16_000);
    expect(await listed).toMatchObject({ name: 'LatchkeyError', code: 'network' });
    expect(client.state.status).toBe('signed_in');
  });

  it('may name a wait of years: it is tried again after an hour', async () => {
    service.on(
      'POST /refresh',
      () => new Response(PORTAL, { status: 503, headers: { 'Retry-After': '999999999' } }),
    );
    const restored = client.restore();
    await vi.advanceTimersByTimeAsync(3_590_000);
    expect(service.count('POST /refresh')).toBe(1);
    service.on('POST /refresh', () => service.pair());
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await restored).toBe(true);
  });

  it('may hold errors of any shape: those that are ours are handed on', async () => {
    service.on('POST /login', () =>
      Response.json(
        {
          type: 'urn:latchkey:error:invalid_input',
          title: 'Some fields are not valid',
          status: 422,
          code: 'invalid_input',
          errors: [
            null,
            { field: 'password', code: 'of_tomorrow', message: 'must be longer', params: { min: 9 } },
            { field: 'password', message: 'has no code' },
            { field: 1 },
          ],
        },
        { status: 422 },
      ),
    );
    await expect(client.login({ username: 'ada', password: 'p' })).rejects.toMatchObject({
      code: 'invalid_input',
      errors: [{ field: 'password', code: 'of_tomorrow', message: 'must be longer', params: { min: 9 } }],
    });
  });
});

type Step = { kind: 'other' | 'ends' | 'pair' | 'gone' | 'hangs'; respond: () => unknown };

const other = (respond: () => unknown): Step => ({ kind: 'other', respond });
const status = fc.constantFrom(
  200,
  201,
  202,
  400,
  401,
  403,
  404,
  406,
  407,
  409,
  422,
  429,
  500,
  502,
  503,
  511,
);
const headers = fc.dictionary(
  fc.constantFrom('Retry-After', 'Date', 'WWW-Authenticate'),
  fc.oneof(
    fc.stringMatching(/^[!-~]{0,12}$/),
    fc.constantFrom('0', '30', '-1', '1e9', '99999999999999999999'),
  ),
);
const json = fc.json().map((text): unknown => JSON.parse(text));
/** Nearly a problem document of ours, and nearly a token. */
const nearProblem = fc.record(
  { type: json, title: json, status: json, code: fc.constantFrom('unauthorized', 'session_ended', 5, null) },
  { requiredKeys: ['code'] },
);
const claims = fc.record(
  { sub: json, sid: json, username: json, email: json, iat: json, exp: json },
  { requiredKeys: [] },
);
const nearToken = fc.oneof(json, claims.map(jwtOf), json.map(jwtOf)).map((accessToken) => ({ accessToken }));
const body = fc.oneof(
  fc.string(),
  fc.constant(PORTAL),
  fc.oneof(json, nearProblem, nearToken).map((value) => JSON.stringify(value)),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ status, headers, body }).map((made) => other(() => new Response(made.body, made))),
  fc.constant<Step>({ kind: 'gone', respond: () => new Response(null, { status: 204 }) }),
  fc.oneof(fc.constantFrom(undefined, null, {}), fc.anything()).map((value) => other(() => value)),
  fc.anything().map((value) => other(() => Promise.reject(value))),
  fc.anything().map((value) =>
    other(() => {
      throw value;
    }),
  ),
  fc.constant<Step>({ kind: 'hangs', respond: () => new Promise(() => undefined) }),
  fc.constant(other(() => cutOff(JSON.stringify({ accessToken: 'e30.e30.c2ln' })))),
  fc.constantFrom<Step>(
    { kind: 'ends', respond: () => problem(401, 'unauthorized') },
    { kind: 'ends', respond: () => problem(406, 'session_ended') },
    { kind: 'pair', respond: () => service.pair() },
  ),
);

const CALLS: Record<string, (subject: Client) => Promise<unknown>> = {
  register: (subject) => subject.register({ username: 'ada', email: 'ada@example.com', password: 'p' }),
  login: (subject) => subject.login({ username: 'ada', password: 'p' }),
  logout: (subject) => subject.logout(),
  restore: (subject) => subject.restore(),
  getAccessToken: (subject) => subject.getAccessToken({ refresh: true }),
  fetch: (subject) => subject.fetch(`${BASE}/api`),
  list: (subject) => subject.sessions.list(),
  end: (subject) => subject.sessions.end('session'),
  endOthers: (subject) => subject.sessions.endOthers(),
  endAll: (subject) => subject.sessions.endAll(),
};
/** Those that a response without content completes, and that then sign out. */
const SIGN_OUTS = ['logout', 'end', 'endAll'];

describe('whatever comes instead of a response', () => {
  it.each(Object.keys(CALLS))(
    'makes %s reject with a LatchkeyError or not at all, and signs nobody out',
    async (name) => {
      await fc.assert(
        fc.asyncProperty(fc.boolean(), fc.array(step, { maxLength: 4 }), async (isSignedIn, steps) => {
          const used: Step[] = [];
          const subject = createClient({
            baseUrl: BASE,
            fetch: (() => {
              const next = rest.shift();
              if (next === undefined) return problem(403, 'origin_not_allowed');
              used.push(next);
              return next.respond();
            }) as unknown as typeof fetch, // what it returns is what the test is about
          });
          const rest: Step[] = isSignedIn ? [{ kind: 'pair', respond: () => service.pair() }] : [];
          if (isSignedIn) await subject.login({ username: 'ada', password: 'p' });
          // A request to another API may take as long as its caller lets it.
          rest.push(...steps.filter(({ kind }) => name !== 'fetch' || kind !== 'hangs'));
          const before = subject.state.status;

          const outcome = settle(CALLS[name]?.(subject) ?? Promise.reject());
          for (let hours = 0; outcome.isPending && hours < 20; hours++)
            await vi.advanceTimersByTimeAsync(4_000_000);
          expect(outcome.isPending).toBe(false);
          if (outcome.error !== undefined) expect(outcome.error[0]).toBeInstanceOf(LatchkeyError);

          const mayEnd =
            used.some(({ kind }) => kind === 'ends') ||
            (SIGN_OUTS.includes(name) && used.some(({ kind }) => kind === 'gone'));
          const after = subject.state.status;
          if (!mayEnd && before === 'signed_in') expect(after).toBe('signed_in');
          if (!mayEnd) expect(after).not.toBe('signed_out');
          subject.close();
        }),
        { numRuns: 150 },
      );
    },
  );
});

interface Outcome {
  isPending: boolean;
  /** In an array, since anything can be thrown. */
  error?: [unknown];
}

function settle(promise: Promise<unknown>): Outcome {
  const outcome: Outcome = { isPending: true };
  promise.then(
    () => {
      outcome.isPending = false;
    },
    (error: unknown) => {
      outcome.isPending = false;
      outcome.error = [error];
    },
  );
  return outcome;
}
