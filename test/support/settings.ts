// The least that a configuration holds: the real bindings, and the settings without a default.
import { env } from 'cloudflare:workers';
import { ACCESS_SECRET, ISSUER, REFRESH_SECRET } from './service.ts';

const { ACCOUNT, DIRECTORY, SIGN_IN_LIMIT, REGISTRATION_LIMIT, REFRESH_LIMIT } = env;

export const BINDINGS = { ACCOUNT, DIRECTORY, SIGN_IN_LIMIT, REGISTRATION_LIMIT, REFRESH_LIMIT };
export const REQUIRED = { ISSUER, ACCESS_TOKEN_SECRET: ACCESS_SECRET, REFRESH_TOKEN_SECRET: REFRESH_SECRET };
