// GET /health: up, configured, and which version. With a faulty configuration the app responds 503 before it gets here.
import { version } from '../../../package.json';
import type { HealthResponse } from '../../wire.ts';
import { route } from '../route.ts';

export const health = route({
  method: 'GET',
  path: '/health',
  auth: 'none',
  reference: {
    id: 'showHealth',
    tag: 'Service',
    summary: 'Whether the service is up, and its version',
    status: 200,
    answer: ['Health'],
  },
  handler: (c) => c.json({ status: 'ok', version } satisfies HealthResponse),
});
