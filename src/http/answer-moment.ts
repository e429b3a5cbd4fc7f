// Answers that come at a fixed moment after their request, so that their time tells nothing of what was found.

/** Resolves when so many milliseconds have passed since the request came; at once when they are over. */
export async function waitSince(startedAtMs: number, ms: number): Promise<void> {
  await scheduler.wait(Math.max(0, startedAtMs + ms - Date.now()));
}
