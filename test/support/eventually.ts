// Waiting for what happens beside a response, such as a mail. In real time, whatever clocks a test has stopped: vi.waitFor
// and expect.poll give up after a second, and move a stopped clock on at every look.

/** As it is before any test stops it. */
const later = globalThis.setTimeout;
const PAUSE_MS = 10;
/** Looks, not time: on a busy machine each takes longer. A minute at the least. */
const LOOKS = 6_000;

/** Resolves to what `look` returns as soon as it throws nothing, and rejects with what it throws after a minute. */
export async function eventually<T>(look: () => T | Promise<T>): Promise<T> {
  for (let looks = 1; ; looks += 1) {
    try {
      return await look();
    } catch (error) {
      if (looks === LOOKS) throw error;
    }
    await new Promise<void>((resolve) => later(resolve, PAUSE_MS));
  }
}

/** Lets the runtime do what is due: timers, writing, the signs of life that it gives. */
export function passTurn(): Promise<void> {
  return new Promise((resolve) => later(resolve, 0));
}
