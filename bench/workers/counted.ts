// Latchkey with every billed thing counted: calls to accounts, rows of their storage, alarms, queries and rows of the
// directory. The service itself is unchanged: only what the platform hands to it is wrapped.
import { Account as PlainAccount } from '../../src/account/account.ts';
import { createApp } from '../../src/app.ts';

const NONE = {
  accountRequests: 0,
  rowsRead: 0,
  rowsWritten: 0,
  alarmsSet: 0,
  queries: 0,
  directoryRowsRead: 0,
  directoryRowsWritten: 0,
};
const counts = { ...NONE };
/** A cursor knows its rows only once it has been read. */
let cursors: { rowsRead: number; rowsWritten: number }[] = [];
const watched = new WeakSet<object>();

export class Account extends PlainAccount {
  constructor(ctx: DurableObjectState, env: Env) {
    watchStorage(ctx.storage);
    super(ctx, env);
  }
}

/** Prototypes, once per isolate: each object's storage has its own object of the same kind. */
function watchStorage(storage: DurableObjectStorage): void {
  const sql: SqlStorage = Object.getPrototypeOf(storage.sql);
  if (watched.has(sql)) return;
  watched.add(sql);
  const { exec } = sql;
  Object.assign(sql, {
    exec(this: SqlStorage, ...args: Parameters<SqlStorage['exec']>) {
      const cursor = exec.apply(this, args);
      cursors.push(cursor);
      return cursor;
    },
  });
  const alarms: DurableObjectStorage = Object.getPrototypeOf(storage);
  const { setAlarm } = alarms;
  Object.assign(alarms, {
    setAlarm(this: DurableObjectStorage, ...args: Parameters<DurableObjectStorage['setAlarm']>) {
      counts.alarmsSet++;
      return setAlarm.apply(this, args);
    },
  });
}

function watchAccounts(namespace: Env['ACCOUNT']): Env['ACCOUNT'] {
  return wrap(
    namespace,
    'getByName',
    (stub: object) =>
      new Proxy(stub, {
        get:
          (target, name) =>
          (...args: unknown[]) => {
            counts.accountRequests++;
            return (target as Record<PropertyKey, (...args: unknown[]) => unknown>)[name]?.(...args);
          },
      }),
  );
}

interface Result {
  meta: { rows_read?: number; rows_written?: number };
}

function watchDirectory(db: D1Database): D1Database {
  return wrap(db, 'prepare', watchStatement);
}

function watchStatement(statement: D1PreparedStatement): D1PreparedStatement {
  const count = ({ meta }: Result) => {
    counts.queries++;
    counts.directoryRowsRead += meta.rows_read ?? 0;
    counts.directoryRowsWritten += meta.rows_written ?? 0;
  };
  const all = async () => {
    const result = await statement.all();
    count(result);
    return result;
  };
  return {
    bind: (...values: unknown[]) => watchStatement(statement.bind(...values)),
    all,
    run: all,
    first: async () => (await all()).results[0] ?? null,
  } as unknown as D1PreparedStatement;
}

/** The same object, with what one of its methods returns passed through a function. */
function wrap<T extends object>(target: T, method: keyof T, change: (result: never) => unknown): T {
  return new Proxy(target, {
    get(_, name) {
      const member = target[name as keyof T];
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        const result = member.apply(target, args);
        return name === method ? change(result as never) : result;
      };
    },
  });
}

const app = createApp();
let env: Env | undefined;

export default {
  fetch(request: Request, bindings: Env, ctx: ExecutionContext) {
    if (new URL(request.url).pathname === '/counts') return Response.json(take());
    env ??= {
      ...bindings,
      ACCOUNT: watchAccounts(bindings.ACCOUNT),
      DIRECTORY: watchDirectory(bindings.DIRECTORY),
    };
    return app.fetch(request, env, ctx);
  },
};

/** What was counted since the last time. */
function take(): typeof counts {
  for (const cursor of cursors) {
    counts.rowsRead += cursor.rowsRead;
    counts.rowsWritten += cursor.rowsWritten;
  }
  cursors = [];
  const taken = { ...counts };
  Object.assign(counts, NONE);
  return taken;
}
