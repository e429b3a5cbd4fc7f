import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { muteRequestLog } from '../support/quiet.ts';
import { PASSWORD, type Person, Service } from '../support/service.ts';
import { expectSound, readStorage, send } from '../support/soundness.ts';

const service = new Service();
muteRequestLog();
let witness: Person;

beforeAll(async () => {
  witness = await service.register();
});

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A body that arrives in pieces, and then ends as the last argument says. */
function streamOf(chunks: Uint8Array[], end: 'close' | 'error' = 'close'): ReadableStream<Uint8Array> {
  const rest = [...chunks];
  return new ReadableStream({
    pull(controller) {
      const chunk = rest.shift();
      if (chunk !== undefined) controller.enqueue(chunk);
      else if (end === 'close') controller.close();
      else controller.error(new Error('the client went away'));
    },
  });
}

function post(path: string, body: BodyInit, headers: Record<string, string> = {}): Promise<Response> {
  return send(service, path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body,
  });
}

describe.each(['/register', '/login'])('a body of POST %s', (path) => {
  it('means the same in however many pieces it arrives', async () => {
    const whole = bytesOf('{"username":"Zo\u00eb \u{1f600}","email":null}');
    const whence = await (await post(path, whole)).json();
    const cuts = fc.array(fc.nat(whole.length), { maxLength: 20 });
    const property = fc.asyncProperty(cuts, async (cuts) => {
      const edges = [0, ...cuts.toSorted((a, b) => a - b), whole.length];
      const chunks = edges.slice(1).map((edge, index) => whole.slice(edges[index], edge));
      const response = await post(path, streamOf(chunks));
      expect(await response.clone().json()).toEqual(whence);
      expect(await expectSound(response)).toBe('invalid_input');
    });
    await fc.assert(property, { numRuns: 50 });
  });

  it('is counted as it arrives, whatever Content-Length says', async () => {
    const before = await readStorage(witness.id);
    const lengths = fc.constantFrom(
      '0',
      '1',
      '8192',
      '8193',
      '99999999999999999999',
      '-1',
      '1e3',
      '0x10',
      '',
      'x',
    );
    const sizes = fc.constantFrom(...[20, 8191, 8192, 8193, 20_000]);
    const property = fc.asyncProperty(lengths, sizes, fc.integer({ min: 1, max: 9000 }), async (...drawn) => {
      const [length, size, chunkSize] = drawn;
      const whole = bytesOf(`{"username":"${'a'.repeat(size - 15)}"}`);
      const chunks = Array.from({ length: Math.ceil(size / chunkSize) }, (_, index) =>
        whole.slice(index * chunkSize, (index + 1) * chunkSize),
      );
      const response = await post(path, streamOf(chunks), { 'Content-Length': length });
      expect(await expectSound(response)).toBe(size > 8192 ? 'body_too_large' : 'invalid_input');
    });
    await fc.assert(property, { numRuns: 60 });
    expect(await readStorage(witness.id)).toEqual(before);
  });

  it('without end is given up after the limit, and the client is told to stop', async () => {
    let sent = 0;
    let isCancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1024;
        controller.enqueue(new Uint8Array(1024));
      },
      cancel() {
        isCancelled = true;
      },
    });
    expect(await expectSound(await post(path, body))).toBe('body_too_large');
    expect(isCancelled).toBe(true);
    expect(sent).toBeLessThan(16 * 1024);
  });

  it('that breaks off is refused as malformed, wherever it does, and nothing is stored', async () => {
    const before = await readStorage(witness.id);
    const complete = JSON.stringify({ username: witness.name, email: 'new@example.com', password: PASSWORD });
    for (const sent of ['', '{"user', complete, 'a'.repeat(8192)]) {
      const response = await post(path, streamOf([bytesOf(sent)], 'error'));
      expect(response.headers.has('Set-Cookie')).toBe(false);
      expect(await expectSound(response)).toBe('malformed_body');
    }
    expect(await readStorage(witness.id)).toEqual(before);
  });

  it('that is too large is refused as such, even when the client cannot be told to stop', async () => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(5000)),
      cancel: () => Promise.reject(new Error('the client went away')),
    });
    expect(await expectSound(await post(path, body))).toBe('body_too_large');
  });
});

describe('a body that nobody asked for', () => {
  it.each(['/refresh', '/logout'])('is left unread by POST %s', async (path) => {
    const ada = await service.register();
    const response = await send(service, path, {
      method: 'POST',
      headers: { Cookie: `__Host-jwt=${ada.cookie}`, 'Content-Length': '7', 'Content-Type': 'text/plain' },
      body: streamOf([new Uint8Array(100_000)], 'error'),
    });
    expect(await expectSound(response)).toBe('ok');
  });
});
