// Origins of front ends as operators list them: exact, one label below a domain, or of an app or a browser extension. Pure.

/** What a list allows: whole origins, and the two ends of those whose first label is free. */
export interface AllowedOrigins {
  exact: ReadonlySet<string>;
  patterns: readonly { start: string; end: string }[];
}

export type OriginFault = 'not_an_origin' | 'public_suffix' | 'plain_http';

/** Pages of apps and extensions have origins of these schemes, whose ids or hosts nobody else can take. */
const APP_ORIGIN =
  /^(?:chrome-extension:\/\/[a-p]{32}|(?:moz|safari-web)-extension:\/\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?:capacitor|ionic|tauri):\/\/[a-z0-9-]+(?:\.[a-z0-9-]+)*)$/i;
const PATTERN = /^https:\/\/\*\.([a-z0-9.-]+)(:\d{1,5})?$/;

/** Whether a browser's `Origin` is in the list. A free label is one label: letters, digits and hyphens. */
export function matchesOrigin({ exact, patterns }: AllowedOrigins, origin: string): boolean {
  return (
    exact.has(origin) ||
    patterns.some(
      ({ start, end }) =>
        origin.startsWith(start) &&
        origin.endsWith(end) &&
        /^[a-z0-9-]{1,63}$/.test(origin.slice(start.length, -end.length)),
    )
  );
}

/** Sorts entries that `findOriginFault` finds no fault with. */
export function toAllowedOrigins(entries: readonly string[]): AllowedOrigins {
  return {
    exact: new Set(entries.filter((entry) => !entry.includes('*'))),
    patterns: entries
      .filter((entry) => entry.includes('*'))
      .map((entry) => ({ start: 'https://', end: entry.slice('https://*'.length) })),
  };
}

/**
 * What is wrong with an entry, if anything. Exact origins are spelt as browsers spell them (RFC 6454): scheme, host, and a
 * port that is not the default.
 */
export function findOriginFault(
  entry: string,
  { allowsHttp }: { allowsHttp: boolean },
): OriginFault | undefined {
  if (APP_ORIGIN.test(entry)) return undefined;
  if (entry.includes('*')) return findPatternFault(entry);
  const url = URL.parse(entry);
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (!isWeb || url.origin !== entry) return 'not_an_origin';
  return url.protocol === 'http:' && !allowsHttp ? 'plain_http' : undefined;
}

function findPatternFault(entry: string): OriginFault | undefined {
  const [, domain = ''] = PATTERN.exec(entry) ?? [];
  const example = entry.replace('*', 'a');
  const labels = domain.split('.');
  if (URL.parse(example)?.origin !== example || labels.includes('')) return 'not_an_origin';
  return isPublicSuffix(labels) ? 'public_suffix' : undefined;
}

/**
 * Whether anybody can get a name below a domain: a top-level domain, a second level that registries sell names under, or a
 * hosting service's. A short list of our own and not the Public Suffix List, which has ten thousand rules, is read once
 * per isolate here, and would double the bundle. It need not be complete: it stops slips, and the operator chooses the domain.
 */
function isPublicSuffix(labels: string[]): boolean {
  const domain = labels.join('.');
  const [second = '', top] = labels.slice(-2);
  if (labels.length === 1 || SUFFIXES.has(domain)) return true;
  if (SUFFIX_TREES.some((tree) => domain === tree || domain.endsWith(`.${tree}`))) return true;
  if (labels.length > 2 || top === undefined) return false;
  return WHOLE_TOP_LEVELS.has(top) || (top.length === 2 && SECOND_LEVELS.has(second));
}

const toSet = (words: string): ReadonlySet<string> => new Set(words.trim().split(/\s+/));

/** Second levels below countries' domains, such as `co.uk`: what the Public Suffix List has below three countries or more. */
const SECOND_LEVELS = toSet(`
  ac ai art arts asso biz co com coop ed edu eng fin firm fm gen go gob gouv gov govt gv id in ind inf info int k12 ltd me med
  mil mo mobi museum muni name ne net ngo nhs nom nt or org per plc police press pri priv pro rec sc sch school store tm tur tv
  web
`);

/** Countries that give names at the third level only. */
const WHOLE_TOP_LEVELS = toSet('bd ck er fk jm kh mm np pg');

/** Domains that everybody can get one label below. */
const SUFFIXES = toSet(`
  pages.dev workers.dev r2.dev trycloudflare.com cloudflare.app
  myfritz.net
  github.io gitlab.io codeberg.page bitbucket.io githubpreview.dev app.github.dev preview.app.github.dev gitpod.io
  vercel.app vercel.dev now.sh v0.build netlify.app netlify.com surge.sh onrender.com render.com fly.dev railway.app
  up.railway.app deno.dev deno.net val.run
  web.app firebaseapp.com appspot.com cloudfunctions.net translate.goog withgoogle.com blogspot.com web.goog
  amplifyapp.com cloudfront.net elasticbeanstalk.com awsapps.com on.aws
  azurewebsites.net azureedge.net azurefd.net azure-api.net cloudapp.net trafficmanager.net web.core.windows.net
  herokuapp.com ondigitalocean.app on-forge.com on-vapor.com laravel.cloud northflank.app koyeb.app zeabur.app upsunapp.com
  platformsh.site pantheonsite.io wpenginepowered.com easypanel.app easypanel.host edgecompute.app akamaized.net
  replit.app repl.co repl.run glitch.me csb.app codesandbox.io stackblitz.io bolt.host codepen.app codepen.dev
  lovable.app lovableproject.com lovable.run base44.app same-app.com emergent.host figma.site framer.app framer.ai framer.website
  webflow.io wixsite.com wixstudio.com wix.run carrd.co notion.site bubbleapps.io flutterflow.app softr.app weebly.com square.site
  myshopify.com wordpress.com altervista.org hf.space streamlit.app gradio.live claude.app chatgpt.site
  convex.app convex.site supabase.co expo.app hasura.app appwrite.network appwrite.global
  ngrok.io ngrok.app ngrok.dev ngrok-free.app ngrok-free.dev loca.lt localhost.run lhr.life serveo.net ts.net tunnelmole.net
  duckdns.org ddns.net no-ip.org dyndns.org dynu.net nip.io sslip.io eu.org us.org js.org is-a.dev
  br.com cn.com de.com eu.com jpn.com ru.com sa.com uk.com us.com za.com gb.net uk.net se.net jp.net com.de com.se it.com
`);

/** Domains whose customers are at several depths. */
const SUFFIX_TREES = [
  'amazonaws.com',
  'azurestaticapps.net',
  'cloudapp.azure.com',
  'replit.dev',
  'run.app',
  'webcontainer.io',
];
