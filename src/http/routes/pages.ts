// Pages: static files of src/web/public, through the Worker, so that they carry our headers and stop with a faulty
// configuration like everything else.
import type { AppContext } from '../context.ts';
import { refuse } from '../problem.ts';
import { type Route, route } from '../route.ts';

/** Own files only, no inline script or style, nobody may frame it. `data:` for the icons in the reference's style. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

export const pages: Route[] = [
  page('/', 'demoPage', 'The demo page', 'text/html'),
  page('/demo.js', 'demoScript', 'Its script, with the client in it', 'text/javascript'),
  page('/demo.css', 'demoStyle', 'Its style', 'text/css'),
  page('/account', 'accountPage', 'The page that mailed links lead to', 'text/html'),
  page('/account.js', 'accountScript', 'Its script', 'text/javascript'),
  page('/account.css', 'accountStyle', 'Its style', 'text/css'),
  page('/openapi.json', 'openapi', 'This document', 'application/json'),
  page('/docs', 'docsPage', 'This reference, as a page', 'text/html'),
  page('/docs.js', 'docsScript', 'Its script', 'text/javascript'),
  page('/swagger-ui-bundle.js', 'rendererScript', 'Its renderer', 'text/javascript'),
  page('/swagger-ui.css', 'rendererStyle', 'The style of its renderer', 'text/css'),
];

function page(path: string, id: string, summary: string, type: `${string}/${string}`): Route {
  return route({
    method: 'GET',
    path,
    auth: 'none',
    reference: { id, tag: 'Service', summary, status: 200, response: type, refusals: ['not_found'] },
    handler: showFile,
  });
}

async function showFile(c: AppContext): Promise<Response> {
  // A Worker that mounts this app may have no such files: then there is no such page.
  const assets: Fetcher | undefined = c.env.ASSETS;
  if (assets === undefined) return refuse(c, 'not_found');
  // The whole path: a Worker that mounts this app below /auth has its own /account, which is not this page.
  const file = new URL(c.req.path, c.req.url);
  const asset = await assets.fetch(file, { headers: c.req.raw.headers });
  if (!asset.ok && asset.status !== 304) return refuse(c, 'not_found');
  c.header('Content-Security-Policy', PAGE_POLICY);
  // A page of another origin that opens one of these gets no handle on its window, and cannot embed its files.
  c.header('Cross-Origin-Opener-Policy', 'same-origin');
  c.header('Cross-Origin-Resource-Policy', 'same-origin');
  c.header('Cache-Control', 'no-cache');
  for (const name of ['Content-Type', 'ETag']) {
    const value = asset.headers.get(name);
    if (value !== null) c.header(name, value);
  }
  if (asset.status === 304 || asset.body === null) return c.body(null, 304);
  return c.body(asset.body, 200);
}
