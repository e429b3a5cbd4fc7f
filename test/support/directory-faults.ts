// Faults in what an account asks of the directory: its own binding behind a switch, call by call. The Worker's is in faults.ts.
import { env } from 'cloudflare:workers';
import { expect, onTestFinished, vi } from 'vitest';
import { runInside } from './account.ts';
import { eventually } from './eventually.ts';

/** What a flow asks of the directory, by what its statements do. */
export type NamesCall = 'reserve' | 'look' | 'activate' | 'undo' | 'release';

const SIGNS: Record<NamesCall, string> = {
  reserve: "'reserving'\n         WHERE NOT EXISTS",
  look: 'SELECT 1 FROM names WHERE key IN (?, ?, ?) AND account_id',
  activate: "SET state = 'active'",
  undo: "UPDATE names SET state = 'released' WHERE",
  release: 'MAX(COALESCE(until_ms',
};

/** Decides about one call: `send` makes it. `calls`: all so far, this one included. */
export type Intercept = (
  call: NamesCall,
  send: () => Promise<unknown>,
  calls: NamesCall[],
) => Promise<unknown>;

/** Holds calls up until they are released. It looks by itself: an object cannot go on by what happens outside of it. */
export function holdCalls(): {
  reached: () => Promise<void>;
  wait: () => Promise<void>;
  release: () => void;
} {
  let [isReached, isReleased] = [false, false];
  const until = (look: () => boolean) => eventually(() => expect(look()).toBe(true));
  return {
    reached: () => until(() => isReached),
    wait: () => {
      isReached = true;
      return until(() => isReleased);
    },
    release: () => {
      isReleased = true;
    },
  };
}

/**
 * From here to the end of the test, all calls that accounts make to the directory for their names go through `intercept`. (All
 * objects of a test file share one environment.) Returns the calls that are made.
 */
export async function interceptNames(id: string, intercept: Intercept): Promise<NamesCall[]> {
  const bindings = await runInside(id, (account) => Reflect.get(account, 'env') as Env);
  const real = env.DIRECTORY;
  const calls: NamesCall[] = [];
  const texts = new WeakMap<object, string>();
  const remember = (statement: D1PreparedStatement, sql: string): D1PreparedStatement => {
    texts.set(statement, sql);
    const bind = (...values: unknown[]) => remember(statement.bind(...values), sql);
    return new Proxy(statement, {
      get: (target, name) => {
        if (name === 'bind') return bind;
        if (name === 'real') return target;
        const member: unknown = Reflect.get(target, name);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  };
  const proxy = {
    prepare: (sql: string) => remember(real.prepare(sql), sql),
    batch: (statements: D1PreparedStatement[]) => {
      const inner = statements.map((statement) => Reflect.get(statement, 'real') as D1PreparedStatement);
      const send = () => real.batch(inner);
      const sql = inner.map((statement) => texts.get(statement)).join(';');
      const call = (Object.keys(SIGNS) as NamesCall[]).find((name) => sql.includes(SIGNS[name]));
      if (call === undefined) return send();
      calls.push(call);
      return intercept(call, send, calls);
    },
  } as unknown as D1Database;
  const spy = vi.spyOn(bindings, 'DIRECTORY', 'get').mockReturnValue(proxy);
  onTestFinished(() => spy.mockRestore());
  return calls;
}
