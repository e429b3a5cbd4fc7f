// A service that responds as a test tells it, and remembers what it was sent. The real one is in real-service.test.ts.

export const BASE = 'https://auth.test';

export interface Asked {
  method: string;
  path: string;
  authorization: string | null;
}

export class ScriptedService {
  readonly asked: Asked[] = [];
  #answers: Record<string, (asked: Asked) => Response | Promise<Response>> = {};
  #minted = 0;

  /** Answers requests such as `POST /refresh`, until told otherwise. */
  on(route: string, answer: (asked: Asked) => Response | Promise<Response>): this {
    this.#answers[route] = answer;
    return this;
  }

  count(route: string): number {
    return this.asked.filter(({ method, path }) => `${method} ${path}` === route).length;
  }

  readonly fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const { pathname, search } = new URL(request.url);
    const asked = {
      method: request.method,
      path: pathname + search,
      authorization: request.headers.get('Authorization'),
    };
    this.asked.push(asked);
    const answer = this.#answers[`${asked.method} ${pathname}`];
    if (answer === undefined) throw new Error(`nobody said how to respond to ${asked.method} ${pathname}`);
    return answer(asked);
  };

  /** A fresh token of a session, as the service would send it. */
  pair({ sid = 'session', ttlSeconds = 600, date = new Date(), member = {} } = {}): Response {
    const iat = Math.floor(date.getTime() / 1000);
    const names = { username: 'ada', email: 'ada@example.com' };
    const claims = { sub: 'ada-id', sid, ...names, jti: ++this.#minted, iat, exp: iat + ttlSeconds };
    const accessToken = `e30.${btoa(JSON.stringify(claims)).replace(/=+$/, '')}.signature${this.#minted}`;
    return Response.json(
      { accessToken, tokenType: 'Bearer', expiresIn: ttlSeconds, ...member },
      { headers: { Date: date.toUTCString() } },
    );
  }
}

/** A problem document. */
export function problem(status: number, code: string, headers: Record<string, string> = {}): Response {
  const type = `urn:latchkey:error:${code}`;
  return Response.json({ type, title: 'Refused', status, code, message: 'Refused' }, { status, headers });
}
