// The queue for password hashes: one turn at a time, with a rest before each, so that other requests run between two hashes.
// It knows neither hashes nor accounts: what a turn does is passed in.
//
// The lines are module-level state on purpose. A hash blocks the thread of its isolate, which all accounts in it share, and a
// module is loaded once per isolate; an object of its own would see the hashes of one account only.
//
// An account object can be reset at any time. Its timers never fire then, its promises never settle and its `finally` never
// runs. So nothing here waits for another object: each waiter looks by timers of its own, a turn is a lease that runs out, and
// a waiter that gives no sign of life is passed over. Nor does one object settle a promise of another: without the flag
// handle_cross_request_promise_resolution (compatibility dates before 2024-10-14, and the test pool) the rest of that call
// would run in the wrong object, and fail at its first input or output.

/** The time before each hash in which other requests run. */
export const REST_MS = 5;
/** A rest whose timer is late shows that other requests have not run yet: it is taken again, up to this often. */
export const MOST_RESTS = 8;
/** A waiter looks at least this often. A hash takes longer, so that whoever is next looks as soon as it is over. */
export const LOOK_MS = 100;
/** How long a turn may take before another waiter may have the next one: its object was reset. */
export const LEASE_MS = 1_000;
/** A waiter that has not looked for this long is passed over: its object was reset. Should it live, it takes its place again. */
export const DEAD_MS = 1_000;
/** The longest wait for a turn. With the hash and a rest it stays below the 5 s after which `wrangler dev` gives up. */
export const LONGEST_WAIT_MS = 3_000;
/** Waiters in one line. */
export const MOST_WAITING = 64;
/** Turns of established browsers in a row while others wait. */
export const MOST_ESTABLISHED_IN_A_ROW = 3;

/**
 * Where to wait. `begun`: an operation that has spent a hash already, and is finished before another begins; `established`: a
 * browser that has been known to the account for a day; `other`: everybody else, and who finds the line of those full.
 */
export type Line = 'begun' | 'established' | 'other';

/** Nothing was done: too many hashes wait. */
export type TooBusy = { ok: false; reason: 'too_busy' };
export type Turn<T> = { ok: true; value: T } | TooBusy;

export interface HashQueue {
  /**
   * Runs `work` in a turn of its own; it may hash once, and must not wait for anything. What it reads, decides and writes is
   * one turn of the event loop with the hash. Throws what `work` throws.
   */
  takeTurn<T>(line: Line, work: () => T): Promise<Turn<T>>;
}

/** Time as the queue uses it. A timer belongs to the object that sets it. */
export interface Clock {
  now(): number;
  setTimer(run: () => void, ms: number): void;
}

interface Waiter {
  /** First come, first served. */
  readonly ticket: number;
  readonly line: Line;
  seenMs: number;
}

/** Makes a queue. The service has one per isolate, `hashQueue`; tests make their own. */
export function createHashQueue(clock: Clock): HashQueue {
  const lines: Record<Line, Waiter[]> = { begun: [], established: [], other: [] };
  let holder: { waiter: Waiter; sinceMs: number } | undefined;
  let tickets = 0;
  let establishedInARow = 0;

  async function takeTurn<T>(wanted: Line, work: () => T): Promise<Turn<T>> {
    const line = wanted === 'established' && isFull('established') ? 'other' : wanted;
    // What has begun has no limit: there is one such operation for each turn that another line was given.
    if (line !== 'begun' && isFull(line)) return { ok: false, reason: 'too_busy' };
    tickets += 1;
    const waiter: Waiter = { ticket: tickets, line, seenMs: clock.now() };
    if (!(await isGivenTurn(waiter))) return { ok: false, reason: 'too_busy' };
    const startedMs = clock.now();
    try {
      return { ok: true, value: work() };
    } finally {
      // Nobody could look meanwhile. A slow machine must not make the living look dead.
      const blockedMs = clock.now() - startedMs;
      for (const waiting of Object.values(lines).flat()) waiting.seenMs += blockedMs;
      release(waiter);
    }
  }

  /** Waits for the turn and for the rest before it; `false` when that took too long. */
  async function isGivenTurn(waiter: Waiter): Promise<boolean> {
    const startedMs = clock.now();
    for (;;) {
      const nowMs = clock.now();
      waiter.seenMs = nowMs;
      join(waiter);
      if (isFree(nowMs) && findNext(nowMs) === waiter) {
        leave(waiter);
        holder = { waiter, sinceMs: nowMs };
        establishedInARow =
          waiter.line === 'established'
            ? establishedInARow + 1
            : waiter.line === 'other'
              ? 0
              : establishedInARow;
        await rest();
        // On a machine that stood still for longer than the lease, another one has the turn.
        if (holder?.waiter === waiter) return true;
      } else if (isOver(startedMs, nowMs, LONGEST_WAIT_MS)) {
        leave(waiter);
        return false;
      } else await pause(Math.min(LOOK_MS, REST_MS * (1 + countAhead(waiter))));
    }
  }

  async function rest(): Promise<void> {
    for (let n = 0; n < MOST_RESTS; n += 1) {
      const startedMs = clock.now();
      await pause(REST_MS);
      if (clock.now() - startedMs <= 2 * REST_MS) return;
    }
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => clock.setTimer(resolve, ms));
  }

  function isFull(line: Line): boolean {
    const nowMs = clock.now();
    return lines[line].filter((waiter) => !isDead(waiter, nowMs)).length >= MOST_WAITING;
  }

  function release(waiter: Waiter): void {
    if (holder?.waiter === waiter) holder = undefined;
  }

  function isFree(nowMs: number): boolean {
    return holder === undefined || isOver(holder.sinceMs, nowMs, LEASE_MS);
  }

  /** Who has the next turn, with the dead ahead of it dropped. */
  function findNext(nowMs: number): Waiter | undefined {
    for (const line of Object.values(lines)) while (line[0] && isDead(line[0], nowMs)) line.shift();
    const { begun, established, other } = lines;
    const isOthersTurn = establishedInARow >= MOST_ESTABLISHED_IN_A_ROW && other.length > 0;
    return begun[0] ?? (isOthersTurn ? other[0] : (established[0] ?? other[0]));
  }

  /** Each needs a rest at the least: no turn comes sooner than that. */
  function countAhead({ line, ticket }: Waiter): number {
    const { begun, established } = lines;
    const before =
      line === 'begun' ? 0 : line === 'established' ? begun.length : begun.length + established.length;
    return before + lines[line].findIndex((waiter) => waiter.ticket === ticket);
  }

  /** Takes the place of its ticket: the last one, unless it was passed over. */
  function join(waiter: Waiter): void {
    const line = lines[waiter.line];
    if (line.includes(waiter)) return;
    const place = line.findIndex(({ ticket }) => ticket > waiter.ticket);
    line.splice(place < 0 ? line.length : place, 0, waiter);
  }

  function leave(waiter: Waiter): void {
    const line = lines[waiter.line];
    const place = line.indexOf(waiter);
    if (place >= 0) line.splice(place, 1);
  }

  return { takeTurn };
}

function isDead({ seenMs }: Waiter, nowMs: number): boolean {
  return isOver(seenMs, nowMs, DEAD_MS);
}

/** Also after a clock was set back, which would otherwise keep a dead holder for as long. */
function isOver(startedMs: number, nowMs: number, ms: number): boolean {
  return Math.abs(nowMs - startedMs) > ms;
}

/** The queue of this isolate. */
export const hashQueue = createHashQueue({
  now: () => Date.now(),
  // Each is waited for, so that none is left when the work is done: a pending one keeps its object in memory, and billed.
  setTimer: (run, ms) => {
    setTimeout(run, ms);
  },
});
