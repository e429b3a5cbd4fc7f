// What is sent to a Latchkey that is mounted in a parent app, where `Service` (service.ts) does not reach.
import { PASSWORD, uniqueName } from './service.ts';

/** A POST with JSON. */
export function json(body: object, headers: Record<string, string> = {}): RequestInit {
  return {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
}

/** The body of a registration, under a name that nobody has. */
export function newPerson(): { username: string; email: string; password: string } {
  const username = uniqueName();
  return { username, email: `${username}@example.com`, password: PASSWORD };
}
