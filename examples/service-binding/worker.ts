// A Worker that reaches Latchkey over a service binding: its pages see the service on their own origin, and a request
// to its API is refused as soon as its session has ended.
import { Hono } from 'hono';

const app = new Hono<{ Bindings: { AUTH: Fetcher } }>();

// As it is: Cookie, Origin, Sec-Fetch-Site, CF-Connecting-IP and User-Agent all count, and so does Set-Cookie on the way back.
app.on('POST', ['/register', '/login', '/refresh', '/logout'], (c) => c.env.AUTH.fetch(c.req.raw));

app.get('/api/name', async (c) => {
  const headers = { Authorization: c.req.header('Authorization') ?? '' };
  const me = await c.env.AUTH.fetch('https://auth.example.com/me', { headers });
  if (!me.ok) return me;
  const { user } = await me.json<{ user: { username: string } }>();
  return c.text(user.username);
});

export default app;
