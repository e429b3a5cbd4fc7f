// Latchkey below /auth of a Worker that does other things as well.
import { Hono } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import latchkey from 'latchkey';

export { Account } from 'latchkey';

const app = new Hono<{ Bindings: { GREETING: string } }>();
app.use(secureHeaders());
app.route('/auth', latchkey);
app.get('/', (c) => c.text(c.env.GREETING));

export default app;
