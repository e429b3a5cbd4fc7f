// The result of reading something that an operator wrote: the value, or every fault in it.

export type Parsed<T> = { ok: true; value: T } | { ok: false; faults: string[] };
