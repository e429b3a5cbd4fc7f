import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { muteRequestLog } from '../support/quiet.ts';
import { routes } from '../support/routes.ts';
import { type Person, Service } from '../support/service.ts';
import { expectSound, readStorage, send } from '../support/soundness.ts';

const service = new Service();
muteRequestLog();
let witness: Person;
/** Both of her tokens: whatever should not be possible has the means to be. */
let tokens: Record<string, string>;

beforeAll(async () => {
  witness = await service.register();
  tokens = { Authorization: `Bearer ${witness.accessToken}`, Cookie: `__Host-jwt=${witness.cookie}` };
});

/** Every kind of method that workerd lets through, and some in lower case. */
const METHODS = [
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'QUERY', 'SEARCH', 'PURGE', 'BAN'],
  ...['PROPFIND', 'PROPPATCH', 'MKCOL', 'COPY', 'MOVE', 'LOCK', 'UNLOCK', 'REPORT', 'get', 'post', 'delete'],
];

/** Whatever stands behind `/sessions/` is an id, if only one that no session has. */
function isSession(path: string): boolean {
  return /^\/sessions\/[^/]+$/.test(new URL(path, 'https://auth.test').pathname);
}

describe.each(Object.entries(routes))('%s', (route, handlers) => {
  it('responds 405 to methods that it does not have, to HEAD like to GET, and to OPTIONS with what there is', async () => {
    const before = await readStorage(witness.id);
    const allowed = Object.keys(handlers);
    const path = route.replace(':id', witness.sid);
    for (const method of METHODS.filter((method) => !allowed.includes(method.toUpperCase()))) {
      const response = await send(service, path, { method, headers: tokens });
      const hasResponse = method === 'OPTIONS' || (method === 'HEAD' && allowed.includes('GET'));
      expect(response.status, method).toBe(method === 'OPTIONS' ? 204 : hasResponse ? 200 : 405);
      if (method !== 'HEAD' || !hasResponse) {
        const listed = response.headers.get('Allow')?.split(', ') ?? [];
        expect(listed.filter((one) => one !== 'HEAD' && one !== 'OPTIONS')).toEqual(allowed.toSorted());
      }
      if (method === 'HEAD') expect(await response.clone().text()).toBe('');
      const code = await expectSound(response, method);
      expect(code).toBe(hasResponse ? 'ok' : method === 'HEAD' ? 'no body' : 'method_not_allowed');
    }
    expect(await readStorage(witness.id)).toEqual(before);
  });

  it('is not reached by a path that only looks like it', async () => {
    const before = await readStorage(witness.id);
    const path = route.replace(':id', witness.sid);
    const lookalikes = [
      ...[
        `/${path}`,
        `${path}/`,
        `${path}//`,
        `${path}%00`,
        `${path}%20`,
        `${path}%`,
        `${path}%ff`,
        `${path};a`,
      ],
      ...[
        `${path}%2f`,
        `${path}/%2e%2f`,
        `/%2f${path.slice(1)}`,
        `/x${path}`,
        `${path}.json`,
        `${path}:`,
        `/.${path.slice(1)}`,
      ],
      ...[path.toUpperCase(), `${path}\u0130`, `${path}${'x'.repeat(16_384)}`, `${path}%2e`],
    ]
      // Some of the root's are the root itself once they are a URL, or another host.
      .filter((lookalike) => route !== '/' || !/^\/(\/|\.?$|%2e$)/.test(lookalike))
      .filter((lookalike) => !isSession(lookalike));
    for (const lookalike of lookalikes) {
      for (const method of Object.keys(handlers)) {
        const response = await send(service, lookalike, { method, headers: tokens });
        expect(await expectSound(response, method), lookalike).toBe('not_found');
      }
    }
    expect(await readStorage(witness.id)).toEqual(before);
  });
});

describe('an id that no session has', () => {
  it('is not found, however it is written, and no session ends', async () => {
    const before = await readStorage(witness.id);
    const { sid } = witness;
    const ids = [
      ...[
        '%00',
        `${sid}%00`,
        `%00${sid}`,
        '%',
        '%ff',
        '%ed%a0%80',
        "' OR 1=1 --",
        '*',
        '%25',
        ':id',
        'null',
        '-1',
      ],
      ...[
        sid.toLowerCase(),
        sid.slice(0, -1),
        `${sid}=`,
        ` ${sid}`,
        'current',
        '\u{1f600}',
        'x'.repeat(16_384),
      ],
    ].filter((id) => id !== sid);
    for (const id of ids) {
      const path = `/sessions/${id.includes('%') ? id : encodeURIComponent(id)}`;
      const response = await send(service, path, { method: 'DELETE', headers: tokens });
      expect(await expectSound(response), id).toBe('not_found');
    }
    expect(await readStorage(witness.id)).toEqual(before);
  });
});

describe('a query', () => {
  it.each([
    '',
    'Current',
    'current%00',
    '%20current',
    'true',
    'curren',
    'current&keep=current',
    'current&keep=',
  ])('of keep=%s ends no session', async (keep) => {
    const before = await readStorage(witness.id);
    const response = await send(service, `/sessions?keep=${keep}`, { method: 'DELETE', headers: tokens });
    expect(await expectSound(response)).toBe('invalid_input');
    expect(await readStorage(witness.id)).toEqual(before);
  });

  it('of any text is ignored where none is read', async () => {
    const before = await readStorage(witness.id);
    const queries = fc.oneof(
      fc.webQueryParameters(),
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.constantFrom(
        '%',
        '%ff=%00',
        'keep=current',
        '&&&===',
        `a=${'b'.repeat(16_384)}`,
        '__proto__=1',
        '?#',
      ),
    );
    const property = fc.asyncProperty(
      fc.constantFrom('/me', '/sessions', '/health'),
      queries,
      async (path, query) => {
        const response = await send(service, `${path}?${query}`, { headers: tokens });
        expect(await expectSound(response, 'GET')).toBe('ok');
      },
    );
    await fc.assert(property, { numRuns: 60 });
    expect(await readStorage(witness.id)).toEqual(before);
  });
});

describe('a path', () => {
  it('of any text that is not in the table is not found', async () => {
    const before = await readStorage(witness.id);
    const segment = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.constantFrom(
        'login',
        'sessions',
        'me',
        '..',
        '.',
        '%2e%2e',
        '%00',
        '%',
        '*',
        ':id',
        '',
        'refresh',
        '%2f',
      ),
    );
    const paths = fc.array(segment, { maxLength: 5 }).map((segments) => `/~${segments.join('/')}`);
    const property = fc.asyncProperty(paths, fc.constantFrom(...METHODS), async (path, method) => {
      // Dots may take the path anywhere, as they do in a browser.
      const { pathname } = new URL(path, 'https://auth.test');
      fc.pre(pathname.startsWith('/~'));
      const response = await send(service, path, { method, headers: tokens });
      expect(['not_found', 'no body']).toContain(await expectSound(response, method));
      expect(response.status).toBe(404);
    });
    await fc.assert(property, { numRuns: 200 });
    expect(await readStorage(witness.id)).toEqual(before);
  });
});
