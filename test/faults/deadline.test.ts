import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readStored } from '../support/account.ts';
import { eventually } from '../support/eventually.ts';
import {
  expectOutage,
  Faults,
  loginEndpoint,
  losesResponse,
  readSessions,
  sessionEndpoints,
  waits,
} from '../support/faults.ts';
import { accountOf, PASSWORD, readCookie, Service, uniqueName } from '../support/service.ts';

/** How long a call to storage may take (storage-calls.ts). */
const DEADLINE_MS = 15_000;

const faults = new Faults();
const service = new Service(faults.bindings());

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
});

afterEach(() => {
  faults.clear();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Timers and clock stand still: only the test moves them. */
function freezeTimers(): void {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
}

/** Whether a response is there already. */
async function hasResponse(response: Promise<Response>): Promise<boolean> {
  return (await Promise.race([response, Promise.resolve('pending')])) !== 'pending';
}

describe('an account that never responds', () => {
  it.each([...sessionEndpoints, loginEndpoint].map((endpoint) => [endpoint.name, endpoint] as const))(
    'makes %s respond 503 at the deadline, and the request works afterwards',
    async (_, endpoint) => {
      const ada = await service.register();
      const before = await readStored(accountOf(ada.id));
      freezeTimers();
      const { fault, reached } = waits();
      faults.account = fault;
      const response = endpoint.send(service, ada);
      await reached;
      await vi.advanceTimersByTimeAsync(DEADLINE_MS - 1);
      expect(await hasResponse(response)).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      await expectOutage(await response);
      vi.useRealTimers();
      expect(await readStored(accountOf(ada.id))).toEqual(before);
      faults.clear();
      expect((await endpoint.send(service, ada)).status).toBe(endpoint.status);
    },
  );

  it('responds to a refresh that came too late with the same successor, still inside the window', async () => {
    const ada = await service.register();
    freezeTimers();
    const { fault, reached, release } = waits();
    faults.account = fault;
    const response = service.post('/refresh', { cookie: ada.cookie });
    await reached;
    await vi.advanceTimersByTimeAsync(DEADLINE_MS);
    const outage = await response;
    const retryAfterSeconds = Number(outage.headers.get('Retry-After'));
    await expectOutage(outage);

    // The call gets through after all: to the client, its successor is lost.
    release();
    await eventually(async () => expect(await readSessions(ada.id)).toEqual([{ sid: ada.sid, counter: 2 }]));
    faults.clear();
    await vi.advanceTimersByTimeAsync(retryAfterSeconds * 1000);
    const again = await service.post('/refresh', { cookie: ada.cookie });
    expect(again.status).toBe(200);
    expect(await readSessions(ada.id)).toEqual([{ sid: ada.sid, counter: 2 }]);
    const successor = readCookie(again) ?? '';
    expect((await service.post('/refresh', { cookie: successor })).status).toBe(200);
  });
});

describe('a slow directory', () => {
  it('is waited for until just before the deadline', async () => {
    const ada = await service.register();
    freezeTimers();
    const { fault, reached, release } = waits();
    faults.directory = fault;
    // Not a sign-in, whose hash would wait for timers that stand still.
    const response = service.post('/password/forgot', { json: { email: ada.email } });
    await reached;
    await vi.advanceTimersByTimeAsync(DEADLINE_MS - 1);
    release();
    expect((await response).status).toBe(202);
  });

  it('makes a sign-up respond 503 at the deadline, and no account was made', async () => {
    const name = uniqueName();
    const json = { username: name, email: `${name}@example.com`, password: PASSWORD };
    freezeTimers();
    const { fault, reached } = waits();
    faults.directory = fault;
    const response = service.post('/register', { json });
    await reached;
    await vi.advanceTimersByTimeAsync(DEADLINE_MS);
    await expectOutage(await response);
    expect(faults.calls).toEqual(['SELECT']);
    vi.useRealTimers();
    faults.clear();
    expect((await service.post('/register', { json })).status).toBe(201);
  });
});

describe('the deadline', () => {
  it('leaves no timer behind, whether the call succeeds or fails', async () => {
    const ada = await service.register();
    freezeTimers();
    const timers = vi.getTimerCount();
    expect((await service.fetch('/me', { bearer: ada.accessToken })).status).toBe(200);
    faults.account = losesResponse();
    await expectOutage(await service.fetch('/me', { bearer: ada.accessToken }));
    expect(vi.getTimerCount()).toBe(timers);
  });
});
