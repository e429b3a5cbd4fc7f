// GET /.well-known/jwks.json: the public halves of the access token keys (RFC 7517), for any resource server.
import { answerJson, setHeader } from './answer.ts';
import { type AppContext, serviceOf } from './service.ts';

export function jwks(c: AppContext): Response {
  // Five minutes: a new key has to be published that long before it signs (README, "Rotating keys").
  setHeader(c, 'Cache-Control', 'public, max-age=300');
  return answerJson(c, { keys: serviceOf(c).accessKeys.publicKeys });
}
