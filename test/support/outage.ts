// Storage that fails: bindings that stand in for the platform's when it does not respond. They are outside our code.
import { env } from 'cloudflare:workers';
import { accountOf } from './service.ts';

/** Decides about one call to an account: `proceed` makes it. */
export type Intercept = (method: string, proceed: () => Promise<unknown>) => unknown;

/** An account binding that passes each call through `intercept`. */
export function interceptAccounts(intercept: Intercept): object {
  return {
    getByName: (id: string) =>
      new Proxy(
        {},
        {
          get:
            (_, method) =>
            async (...args: unknown[]) =>
              intercept(String(method), () => callAccount(id, String(method), args)),
        },
      ),
  };
}

/** An account binding whose every call fails, as the platform fails it. `details` go onto the error. */
export function brokenAccounts(details: object = {}): object {
  return interceptAccounts(() => Promise.reject(platformError(details)));
}

/** What a call to an object throws when the platform lost it. */
export function platformError(details: object = {}): Error {
  return Object.assign(new Error('internal error; reference = 3f1u0k'), details);
}

/** A directory that fails each query that `isLost` picks: before it is carried out, or only afterwards. */
export function breakDirectory(
  isLost: (query: string) => boolean = () => true,
  when: 'before' | 'after' = 'before',
): object {
  const fail = () => {
    throw new Error('D1_ERROR: Network connection lost: SELECT id FROM accounts');
  };
  const lost = new WeakSet<object>();
  return {
    async batch(statements: D1PreparedStatement[]) {
      if (!statements.some((statement) => lost.has(statement))) return env.DIRECTORY.batch(statements);
      return fail();
    },
    prepare(query: string) {
      const statement = env.DIRECTORY.prepare(query);
      if (!isLost(query)) return statement;
      const run = (values: unknown[]) => async () => {
        if (when === 'after') await statement.bind(...values).run();
        fail();
      };
      return {
        bind: (...values: unknown[]) => {
          const bound = { run: run(values), first: run(values), all: run(values) };
          lost.add(bound);
          return bound;
        },
      };
    },
  };
}

async function callAccount(id: string, method: string, args: unknown[]): Promise<unknown> {
  // The methods of the stub, by name; what they take and give is not this file's matter.
  const stub = accountOf(id) as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  return stub[method]?.(...args);
}
