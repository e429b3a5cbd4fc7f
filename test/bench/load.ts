// The load generator: one process, keep-alive sockets of node:net. The same for all contenders. It reads as much of HTTP/1.1 as they answer with: Content-Length and chunked bodies.
import { connect, type Socket } from 'node:net';
import type { Actor, Operation } from './contract.ts';

export interface Answer {
  status: number;
  /** Status line and header lines. */
  head: string;
  body: string;
}

export interface Turn {
  seconds: number;
  /** Sorted, of every answer. */
  latenciesMs: Float64Array;
  /** Answers with another status than 200, or that the operation would not accept. */
  errors: string[];
}

const MOST_ERRORS = 100;

/** One keep-alive connection. */
class Connection {
  readonly #socket: Socket;
  readonly host: string;
  #buffered = '';
  #resolve: ((answer: Answer) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;

  constructor(url: string) {
    const { hostname, port, host } = new URL(url);
    this.host = host;
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true });
    // latin1: a character is a byte, which is what Content-Length counts. The bodies here are ASCII.
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (data: string) => this.#read(data));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the connection was closed')));
  }

  /** Sends a whole request and waits for the whole answer. Rejects when the connection ends first. */
  ask(request: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#socket.write(request, 'latin1');
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(data: string): void {
    this.#buffered = this.#buffered === '' ? data : this.#buffered + data;
    const answer = parseResponse(this.#buffered);
    if (answer === undefined) return;
    this.#buffered = '';
    const resolve = this.#resolve;
    this.#resolve = undefined;
    this.#reject = undefined;
    resolve?.(answer);
  }

  #fail(error: Error): void {
    this.#reject?.(error);
    this.#reject = undefined;
  }
}

/**
 * Keep-alive connections, twice as many as there are requests at a time: a connection that was just answered rests while
 * another is used. workerd looks for input only when it has nothing left to do, and a client on the same machine that asks
 * again on the same connection within microseconds keeps it from ever looking at the others, and at its timers. (Seen: of
 * two connections one was served for 100 s and the other not once, and then closed. No network is that fast.)
 */
export class Connections {
  readonly #idle: Connection[];

  constructor(url: string, atATime: number) {
    this.#idle = Array.from({ length: 2 * atATime }, () => new Connection(url));
  }

  /** Asks on the connection that has rested longest. Rejects when it ends before its answer; it is not used again then. */
  async ask(request: string): Promise<Answer> {
    const connection = this.#idle.shift();
    if (connection === undefined) throw new Error('no connection is left');
    const answer = await connection.ask(request);
    this.#idle.push(connection);
    return answer;
  }

  close(): void {
    for (const connection of this.#idle) connection.close();
  }
}

/** The request text of a method and path. */
export function toRequest(
  method: 'GET' | 'POST',
  path: string,
  { headers = '', json }: { headers?: string; json?: object } = {},
): string {
  const body = json === undefined ? '' : JSON.stringify(json);
  const type = json === undefined ? '' : 'Content-Type: application/json\r\n';
  const length = method === 'POST' ? `Content-Length: ${body.length}\r\n` : '';
  return `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}${type}${length}\r\n${body}`;
}

/** The `name=value` of a cookie that an answer sets. */
export function readSetCookie(answer: Answer, name: string): string | undefined {
  const at = answer.head.indexOf(`${name}=`);
  if (at < 0) return undefined;
  const end = /[;\r]|$/.exec(answer.head.slice(at));
  return answer.head.slice(at, at + (end?.index ?? 0));
}

/** Drives an operation for some seconds. Each actor has at most one request under way, and they take turns. */
export async function drive(
  url: string,
  actors: Actor[],
  operation: Operation,
  { seconds, connections }: { seconds: number; connections: number },
): Promise<Turn> {
  const latencies: number[] = [];
  const errors: string[] = [];
  const idle = [...actors];
  const startedAtMs = performance.now();
  const endsAtMs = startedAtMs + seconds * 1000;
  const pool = new Connections(url, connections);
  await Promise.all(Array.from({ length: Math.min(connections, actors.length) }, driveOne));
  const took = (performance.now() - startedAtMs) / 1000;
  pool.close();
  return { seconds: took, latenciesMs: Float64Array.from(latencies).sort(), errors };

  async function driveOne(): Promise<void> {
    while (performance.now() < endsAtMs && errors.length < MOST_ERRORS) {
      const actor = idle.shift();
      if (actor === undefined) break;
      const sentAtMs = performance.now();
      try {
        const answer = await pool.ask(operation.request(actor));
        latencies.push(performance.now() - sentAtMs);
        if (answer.status !== 200) errors.push(`${answer.status} ${answer.body.slice(0, 200)}`);
        else operation.accept?.(actor, answer);
      } catch (error) {
        errors.push(String(error));
      }
      idle.push(actor);
    }
  }
}

/** One request for each actor, in turn. Returns what went wrong. */
export async function askOnce(url: string, actors: Actor[], operation: Operation): Promise<string[]> {
  const errors: string[] = [];
  const pool = new Connections(url, 1);
  for (const actor of actors) {
    try {
      const answer = await pool.ask(operation.request(actor));
      if (answer.status === 200) operation.accept?.(actor, answer);
      else errors.push(`afterwards: ${answer.status} ${answer.body.slice(0, 200)}`);
    } catch (error) {
      errors.push(`afterwards: ${error}`);
    }
  }
  pool.close();
  return errors;
}

/** Asks several things over a few connections, in order; for preparation and final checks. */
export async function askAll(
  url: string,
  requests: string[],
  { connections = 2, status = 200 } = {},
): Promise<Answer[]> {
  const answers: Answer[] = [];
  let next = 0;
  const pool = new Connections(url, connections);
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (let index = next++; index < requests.length; index = next++) {
        const answer = await pool.ask(requests[index] ?? '');
        if (answer.status !== status)
          throw new Error(`${url}: ${answer.status} ${answer.head} ${answer.body}`);
        answers[index] = answer;
      }
    }),
  );
  pool.close();
  return answers;
}

function parseResponse(text: string): Answer | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = text.slice(0, headEnd);
  const status = Number(head.slice(9, 12));
  const bodyStart = headEnd + 4;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    const end = bodyStart + Number(length);
    return text.length < end ? undefined : { status, head, body: text.slice(bodyStart, end) };
  }
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return { status, head, body: '' };
  const body = readChunks(text, bodyStart);
  return body === undefined ? undefined : { status, head, body };
}

function readChunks(text: string, start: number): string | undefined {
  let body = '';
  for (let at = start; ; ) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    const chunkEnd = lineEnd + 2 + size;
    if (text.length < chunkEnd + 2) return undefined;
    if (size === 0) return body;
    body += text.slice(lineEnd + 2, chunkEnd);
    at = chunkEnd + 2;
  }
}
