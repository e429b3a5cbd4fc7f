// Every token that clients were given in a run, and what must hold among them whatever the model says.
import { expect } from 'vitest';
import type { IssuedToken } from './driver.ts';

export class Ledger {
  readonly #sessions = new Map<string, SessionRecord>();

  recordSignIn(sid: string, token: IssuedToken, end: number): void {
    expect(token.exp, 'no token outlives its session').toBeLessThanOrEqual(end);
    this.#sessions.set(sid, {
      end,
      current: token.counter,
      hasEnded: false,
      bytes: new Map([[token.counter, token.bytes]]),
      successors: new Map(),
    });
  }

  recordResponse(sid: string, presented: number, { bytes, counter, exp }: IssuedToken): void {
    const record = this.#record(sid);
    expect(record.hasEnded, 'a session that has ended mints nothing').toBe(false);
    expect(exp, 'no token outlives its session').toBeLessThanOrEqual(record.end);
    const first = record.successors.get(presented) ?? bytes;
    expect(bytes, 'a replay equals the first response, byte for byte').toBe(first);
    const sibling = record.bytes.get(counter) ?? bytes;
    expect(bytes, 'a session has one branch').toBe(sibling);
    record.successors.set(presented, bytes);
    record.bytes.set(counter, bytes);
    record.current = Math.max(record.current, counter);
  }

  recordEnd(sid: string): void {
    this.#record(sid).hasEnded = true;
  }

  /** The latest counter that anybody was given. */
  currentCounter(sid: string): number {
    return this.#record(sid).current;
  }

  #record(sid: string): SessionRecord {
    const record = this.#sessions.get(sid);
    if (record === undefined) throw new Error('a session that was never opened');
    return record;
  }
}

interface SessionRecord {
  /** The absolute end, in seconds. */
  end: number;
  current: number;
  hasEnded: boolean;
  /** Tokens by counter; and by the counter that they were the response to. */
  bytes: Map<number, string>;
  successors: Map<number, string>;
}
