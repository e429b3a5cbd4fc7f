// GET /.well-known/jwks.json: the public halves of the access token keys (RFC 7517), for any resource server.
import type { AppContext } from './service.ts';

export function jwks(c: AppContext): Response {
  // Five minutes: a new key has to be published that long before it signs (README, "Rotating keys").
  c.header('Cache-Control', 'public, max-age=300');
  return c.json({ keys: c.var.service.accessKeys.publicKeys });
}
