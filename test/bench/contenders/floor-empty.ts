// The floor beneath everything else: an empty Hono route on the same workerd, asked in place of a refresh and of a JWKS.
import type { Contender } from '../contract.ts';
import { toRequest } from '../load.ts';
import { serve as serveFloor } from './floor.ts';

export function serve(options: { state: string }) {
  return serveFloor(options);
}

export function connectTo(): Contender {
  const operation = { request: () => toRequest('GET', '/empty') };
  return {
    prepare: async (accounts) =>
      Array.from({ length: accounts }, (_, index) => ({ name: `user${index}`, cookie: '', accessToken: '' })),
    operations: { refresh: operation, jwks: operation },
  };
}
