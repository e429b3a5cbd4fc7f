// The package entry: the Worker, as the default app; the Durable Object class that the platform looks for here; and what
// makes an app to mount in another.
import { createApp } from './app.ts';

export { Account } from './account/account.ts';
export { createApp } from './app.ts';

export default createApp();
