// better-auth on Workers, as its documentation sets it up: D1, e-mail and password, the jwt plugin. Its defaults, save
// the limits per address, which would stop any load.
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { jwt } from 'better-auth/plugins';

interface Env {
  DB: D1Database;
  ORIGIN: string;
  SECRET: string;
}

let auth: ReturnType<typeof makeAuth> | undefined;

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    auth ??= makeAuth(env);
    if (new URL(request.url).pathname !== '/migrate') return auth.handler(request);
    const { runMigrations } = await getMigrations(auth.options);
    await runMigrations();
    return new Response('migrated');
  },
};

function makeAuth({ DB, ORIGIN, SECRET }: Env) {
  return betterAuth({
    database: DB,
    baseURL: ORIGIN,
    secret: SECRET,
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    plugins: [jwt()],
  });
}
