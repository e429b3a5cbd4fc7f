// What the tests use of express, and express-oauth2-jwt-bearer of its types: express comes without any.
declare module 'express' {
  import type { RequestListener } from 'node:http';

  export interface Request {
    auth?: { payload: Record<string, unknown> };
  }
  interface Response {
    send(body: string): void;
  }
  export type Handler = (request: Request, response: Response, next: (error?: unknown) => void) => void;
  interface Application extends RequestListener {
    set(name: string, value: unknown): void;
    get(path: string, ...handlers: Handler[]): void;
  }
  // biome-ignore lint/style/noDefaultExport: express has no other export.
  export default function express(): Application;
}
