// Pages: static files of src/web/public, through the Worker, so that they carry our headers and stop with a faulty
// configuration like everything else.
import { answer, answerEmpty, setHeader } from './answer.ts';
import { refuse } from './refusal.ts';
import type { AppContext } from './service.ts';

/** Own files only, no inline script or style, nobody may frame it. `data:` for the icons in the reference's style. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

export async function page(c: AppContext): Promise<Response> {
  // A Worker that mounts this app may have no such files: then there is no such page.
  const assets: Fetcher | undefined = c.env.ASSETS;
  if (assets === undefined) return refuse(c, 'not_found');
  // The whole path: a Worker that mounts this app below /auth has its own /account, which is not this page.
  const file = new URL(c.req.path, c.req.url);
  const asset = await assets.fetch(file, { headers: c.req.raw.headers });
  if (!asset.ok && asset.status !== 304) return refuse(c, 'not_found');
  setHeader(c, 'Content-Security-Policy', PAGE_POLICY);
  // A page of another origin that opens one of these gets no handle on its window, and cannot embed its files.
  setHeader(c, 'Cross-Origin-Opener-Policy', 'same-origin');
  setHeader(c, 'Cross-Origin-Resource-Policy', 'same-origin');
  setHeader(c, 'Cache-Control', 'no-cache');
  for (const name of ['Content-Type', 'ETag']) {
    const value = asset.headers.get(name);
    if (value !== null) setHeader(c, name, value);
  }
  if (asset.status === 304 || asset.body === null) return answerEmpty(c, 304);
  return answer(c, asset.body, 200);
}
