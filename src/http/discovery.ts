// GET /.well-known/openid-configuration and /.well-known/oauth-authorization-server: where verifiers find the keys
// (OpenID Connect Discovery 1.0, RFC 8414).
import type { MetadataResponse } from '../wire.ts';
import { answerJson, setHeader } from './answer.ts';
import { type AppContext, serviceOf } from './service.ts';

/**
 * Both documents are one. Only what is true is in it: no endpoint of OAuth exists here. RFC 8414 section 3.2 has empty
 * lists left out, but section 2 requires `response_types_supported`, and takes missing grant types for two that we lack.
 */
export function metadata(c: AppContext): Response {
  const { config, accessKeys } = serviceOf(c);
  const { issuer } = config;
  const algorithms = new Set(accessKeys.verification.map(({ alg }) => alg));
  // As long as the keys themselves may be kept (jwks.ts): the algorithms are theirs.
  setHeader(c, 'Cache-Control', 'public, max-age=300');
  const answer: MetadataResponse = {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    response_types_supported: [],
    grant_types_supported: [],
    subject_types_supported: ['public'],
    // What access tokens are signed with, HS256 too: its key set is empty, so nobody takes a public key for the secret.
    id_token_signing_alg_values_supported: [...algorithms],
  };
  return answerJson(c, answer);
}
