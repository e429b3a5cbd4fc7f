// What a contender is, to the runner: a process that serves, and the requests it is asked with.
import type { Answer } from './load.ts';

export const OPERATIONS = ['sign-in', 'refresh', 'verify', 'jwks', 'sessions'] as const;
export type OperationName = (typeof OPERATIONS)[number];

/** An account as its client sees it. */
export interface Actor {
  name: string;
  cookie: string;
  accessToken: string;
}

export interface Operation {
  /** The whole request, as it goes over the wire. */
  request(actor: Actor): string;
  /** Called for every answer with status 200. Takes over what it brought; throws when it is wrong. Must be cheap. */
  accept?(actor: Actor, answer: Answer): void;
  /** Called after each turn for some of the actors: whether what they hold verifies. Rejects when it does not. */
  verify?(actor: Actor): Promise<void>;
}

/** The client's side of a contender, made once its process serves. */
export interface Contender {
  prepare(accounts: number): Promise<Actor[]>;
  operations: Partial<Record<OperationName, Operation>>;
}

export interface Entry {
  title: string;
  /** The module under contenders/, and what it is told. */
  module: string;
  alg: 'HS256' | 'ES256' | 'EdDSA';
}

/** What runs. The first that knows an operation is what the others are compared with. */
export const ENTRIES: Readonly<Record<string, Entry>> = {
  latchkey: { title: 'Latchkey, HS256', module: 'latchkey', alg: 'HS256' },
  'latchkey-es256': { title: 'Latchkey, ES256', module: 'latchkey', alg: 'ES256' },
  express: { title: 'Express tutorial, HS256', module: 'express', alg: 'HS256' },
  'better-auth': { title: 'better-auth, EdDSA', module: 'better-auth', alg: 'EdDSA' },
  prototype: { title: 'Bare rotation, HS256', module: 'prototype', alg: 'HS256' },
  'floor-empty': { title: 'Hono: empty route', module: 'floor-empty', alg: 'HS256' },
  floor: { title: 'Hono, HS256: no storage', module: 'floor', alg: 'HS256' },
  'resource-es256': { title: 'Hono, ES256', module: 'floor', alg: 'ES256' },
  'resource-eddsa': { title: 'Hono, EdDSA', module: 'floor', alg: 'EdDSA' },
};

export const ACCESS_SECRET = 'access-token-secret-of-the-bench-0123456789';
export const REFRESH_SECRET = 'refresh-token-secret-of-the-bench-0123456789';
export const PASSWORD = 'correct horse battery staple';
