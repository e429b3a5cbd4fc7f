// Answers, with all their headers in one go: each `set` on a Headers object leaves JavaScript, and an answer has ten.
import { type AppContext, headOf } from './service.ts';

/** Sets a header of the answer to come, in place of one of the same name. */
export function setHeader(c: AppContext, name: string, value: string): void {
  headOf(c).headers[name] = value;
}

/** Adds a `Set-Cookie` to the answer to come. */
export function addCookie(c: AppContext, cookie: string): void {
  headOf(c).cookies.push(cookie);
}

export function answerJson(c: AppContext, value: unknown, status = 200): Response {
  setHeader(c, 'Content-Type', 'application/json');
  return answer(c, JSON.stringify(value), status);
}

export function answerEmpty(c: AppContext, status: 202 | 204 | 304 | 308): Response {
  return answer(c, null, status);
}

/** The answer, with what was set until now. */
export function answer(c: AppContext, body: string | ReadableStream | null, status: number): Response {
  const { headers, cookies, isMounted } = headOf(c);
  if (isMounted) return answerInside(c, body, status);
  const [cookie] = cookies;
  if (cookie === undefined) return new Response(body, { status, headers });
  if (cookies.length === 1)
    return new Response(body, { status, headers: { ...headers, 'Set-Cookie': cookie } });
  const lines = cookies.map((each): [string, string] => ['Set-Cookie', each]);
  return new Response(body, { status, headers: [...Object.entries(headers), ...lines] });
}

function answerInside(c: AppContext, body: string | ReadableStream | null, status: number): Response {
  const { headers, cookies } = headOf(c);
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
  for (const cookie of cookies) c.header('Set-Cookie', cookie, { append: true });
  return c.newResponse(body, { status: status as 200 });
}
