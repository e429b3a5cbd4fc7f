// What software asks of the service: GET /.well-known/…, where verifiers of access tokens find the keys (RFC 7517, OpenID
// Connect Discovery 1.0, RFC 8414), and GET /health.
import { version } from '../../../package.json';
import type { HealthResponse, MetadataResponse } from '../../api/wire.ts';
import { type AppContext, serviceOf } from '../context.ts';
import { type Route, route } from '../route.ts';

/** Five minutes: a new key has to be published that long before it signs (docs/how-to/deploy.md, "Rotating keys"). */
const CACHE_CONTROL = 'public, max-age=300';

export const wellKnown: Route[] = [
  route({
    method: 'GET',
    path: '/.well-known/jwks.json',
    auth: 'none',
    reference: {
      id: 'showKeys',
      tag: 'Service',
      summary: 'The public keys of access tokens (RFC 7517)',
      description: 'Empty for HS256.',
      status: 200,
      response: ['KeySet'],
      effect: 'cached',
    },
    handler: (c) => {
      c.header('Cache-Control', CACHE_CONTROL);
      return c.json({ keys: serviceOf(c).accessKeys.publicKeys });
    },
  }),
  discovery(
    '/.well-known/openid-configuration',
    'showOpenIdConfiguration',
    'Discovery, as in OpenID Connect Discovery 1.0',
  ),
  discovery('/.well-known/oauth-authorization-server', 'showServerMetadata', 'Discovery, as in RFC 8414'),
];

/** Both documents are one. */
function discovery(path: string, id: string, summary: string): Route {
  return route({
    method: 'GET',
    path,
    auth: 'none',
    reference: {
      id,
      tag: 'Service',
      summary,
      description:
        'For verifiers of access tokens. There are no endpoints of OAuth, and so no response types.',
      status: 200,
      response: ['Metadata'],
      effect: 'cached',
    },
    handler: showMetadata,
  });
}

/**
 * Only what is true is in it: no endpoint of OAuth exists here. RFC 8414 section 3.2 has empty lists left out, but
 * section 2 requires `response_types_supported`, and takes missing grant types for two that we lack.
 */
function showMetadata(c: AppContext): Response {
  const { config, accessKeys } = serviceOf(c);
  const { issuer } = config;
  const algorithms = new Set(accessKeys.verification.map(({ alg }) => alg));
  // As long as the keys themselves may be kept: the algorithms are theirs.
  c.header('Cache-Control', CACHE_CONTROL);
  return c.json({
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    response_types_supported: [],
    grant_types_supported: [],
    subject_types_supported: ['public'],
    // What access tokens are signed with, HS256 too: its key set is empty, so nobody takes a public key for the secret.
    id_token_signing_alg_values_supported: [...algorithms],
  } satisfies MetadataResponse);
}

/** Up, configured, and which version. With a faulty configuration the app responds 503 before it gets here. */
export const health = route({
  method: 'GET',
  path: '/health',
  auth: 'none',
  reference: {
    id: 'showHealth',
    tag: 'Service',
    summary: 'Whether the service is up, and its version',
    status: 200,
    response: ['Health'],
  },
  handler: (c) => c.json({ status: 'ok', version } satisfies HealthResponse),
});
