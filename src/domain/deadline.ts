// The deadline of a call to storage or to another service, which may never settle.

/**
 * Rejects with `deadline exceeded` when `call` has not settled after `deadlineMs`. Its timer ends with the call: a pending one keeps a Durable
 * Object in memory, and billed.
 */
export async function withDeadline<T>(call: Promise<T>, deadlineMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('deadline exceeded')), deadlineMs);
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(timer);
  }
}
