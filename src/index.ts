// The Worker entry: the app, and the Durable Object class that the platform looks for here.
import { createApp } from './app.ts';

export { Account } from './account/account.ts';

export default createApp();
