// In place of `cloudflare:workers` where tests run in Node, which read declarations and start no Worker.

/** Never called there. */
export function waitUntil(): never {
  throw new Error('there is no platform in Node');
}
