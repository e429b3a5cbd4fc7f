// A hash queue on a clock of its own: objects that wait in it, hash, and are reset, and a thread that only one of them has.
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHashQueue, type HashQueue, type Line } from '../../src/passwords/hash-queue.ts';

/** A call that takes a turn, and what became of it. */
export interface Call {
  line: Line;
  joinedMs: number;
  isReset: boolean;
  hashedMs?: { from: number; to: number };
  outcome?: 'done' | 'too_busy';
  settledMs?: number;
}

interface Timer {
  atMs: number;
  run: () => void;
  owner: Call | undefined;
}

const RESET = new Error('the object was reset');

export class QueueWorld {
  nowMs = 1_000_000;
  /** Timers that are set, in the order of their setting. */
  readonly timers: Timer[] = [];
  /** In the order of the calls. */
  readonly calls: Call[] = [];
  readonly #queue: HashQueue;
  readonly #owner = new AsyncLocalStorage<Call>();

  constructor() {
    this.#queue = createHashQueue({
      now: () => {
        this.#endIfReset();
        return this.nowMs;
      },
      setTimer: (run, ms) => {
        const timer = { atMs: this.nowMs + ms, run, owner: this.#owner.getStore() };
        this.timers.push(timer);
      },
    });
  }

  /** An object waits for a turn, to hash for so long. */
  call(line: Line, hashMs: number): Call {
    const call: Call = { line, joinedMs: this.nowMs, isReset: false };
    this.calls.push(call);
    const hash = () => {
      const from = this.nowMs;
      this.nowMs += hashMs;
      call.hashedMs = { from, to: this.nowMs };
    };
    this.#owner
      .run(call, () => this.#queue.takeTurn(line, hash))
      .then(
        (turn) => Object.assign(call, { outcome: turn.ok ? 'done' : turn.reason, settledMs: this.nowMs }),
        // A reset object: nobody hears of it.
        () => undefined,
      );
    return call;
  }

  /** Its timers never fire, and its code never runs again. */
  reset(call: Call): void {
    call.isReset = true;
    for (const timer of [...this.timers]) if (timer.owner === call) this.#remove(timer);
  }

  /** The thread does something else. */
  block(ms: number): void {
    this.nowMs += ms;
  }

  /** Lets time pass until then, or until nothing is left to happen. */
  async passUntil(untilMs = Number.POSITIVE_INFINITY): Promise<void> {
    for (;;) {
      await settle();
      const [next] = this.timers.toSorted((a, b) => a.atMs - b.atMs);
      if (next === undefined || next.atMs > untilMs) break;
      this.#remove(next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
    if (Number.isFinite(untilMs)) this.nowMs = Math.max(this.nowMs, untilMs);
  }

  /** The calls that hashed, in the order of their hashes. */
  get hashed(): Call[] {
    return this.calls
      .filter(({ hashedMs }) => hashedMs !== undefined)
      .sort((a, b) => (a.hashedMs?.from ?? 0) - (b.hashedMs?.from ?? 0));
  }

  #remove(timer: Timer): void {
    const at = this.timers.indexOf(timer);
    if (at >= 0) this.timers.splice(at, 1);
  }

  #endIfReset(): void {
    if (this.#owner.getStore()?.isReset) throw RESET;
  }
}

/** All promises that are due. */
async function settle(): Promise<void> {
  for (let n = 0; n < 30; n += 1) await undefined;
}
