// GET /health: up, configured, and which version. With a faulty configuration the app answers 503 before it gets here.
import { version } from '../../package.json';
import type { HealthResponse } from '../wire.ts';
import { answerJson } from './answer.ts';
import type { AppContext } from './service.ts';

export function health(c: AppContext): Response {
  const answer: HealthResponse = { status: 'ok', version };
  return answerJson(c, answer);
}
