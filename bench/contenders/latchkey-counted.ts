// Latchkey with a Worker that counts what it uses (workers/counted.ts). For bench/cost.ts.
import { bundle } from '../workerd.ts';
import { serveBundle } from './latchkey.ts';

export const serve = async ({ state }: { state: string }) =>
  serveBundle(await bundle('counted.ts'), { alg: 'HS256', state });
