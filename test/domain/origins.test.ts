import { describe, expect, it } from 'vitest';
import { findOriginFault, matchesOrigin, toAllowedOrigins } from '../../src/domain/origins.ts';
import { OTHER_BLANKS } from '../support/blanks.ts';

const EXTENSION = 'chrome-extension://abcdefghijklmnopabcdefghijklmnop';
const fault = (entry: string, allowsHttp = false) => findOriginFault(entry, { allowsHttp });

describe('an entry of the list', () => {
  it.each([
    'https://app.example',
    'https://app.example:8443',
    'https://localhost:5173',
    'https://*.example.dev',
    'https://*.example.dev:8443',
    'https://*.example.pages.dev',
    'https://*.team.example.vercel.app',
    'https://*.example.co.uk',
    'https://*.xn--mnchen-3ya.example',
    'https://*.x.io',
    EXTENSION,
    'moz-extension://0aa0aa00-1b2c-4d3e-8f90-0123456789ab',
    'safari-web-extension://0AA0AA00-1B2C-4D3E-8F90-0123456789AB',
    'capacitor://localhost',
    'ionic://localhost',
    'tauri://localhost',
    'capacitor://app.example.com',
  ])('is sound: %s', (entry) => {
    expect(fault(entry)).toBeUndefined();
  });

  it.each([
    '*',
    'null',
    'https://',
    'https://*',
    'https://*.',
    'https://*.com.',
    'https://*.example.com.',
    'https://*..com',
    'https://*.*.example.com',
    'https://a*.example.com',
    'https://a.*.example.com',
    'https://*example.com',
    'https://*.example.com/',
    'https://*.example.com:443',
    'https://*.example.com:99999',
    'https://*.Example.com',
    'https://*.münchen.example',
    'https://*.0.0.1',
    'https://*@example.com',
    'https://*.example.com?a',
    'http://*.example.com',
    '*.example.com',
    'chrome-extension://*',
    'chrome-extension://abc',
    `${EXTENSION}/popup.html`,
    'chrome-extension://ABCDEFGHIJKLMNOPqrstuvwxyzabcdef',
    'moz-extension://not-a-uuid',
    'capacitor://',
    'capacitor://*.example.com',
    'tauri://localhost/',
    'file:///app',
    'wss://app.example',
    'javascript://app.example',
    'htps://app.example',
    ...OTHER_BLANKS.flatMap(([, blank]) => [`${blank}https://app.example`, `https://app.example${blank}`]),
  ])('is no origin: %j', (entry) => {
    expect(fault(entry, true)).toBe('not_an_origin');
  });

  it.each([
    'com',
    'dev',
    'localhost',
    'co.uk',
    'com.au',
    'co.jp',
    'com.br',
    'ac.nz',
    'anything.ck',
    'pages.dev',
    'workers.dev',
    'github.io',
    'gitlab.io',
    'vercel.app',
    'netlify.app',
    'web.app',
    'firebaseapp.com',
    'herokuapp.com',
    'onrender.com',
    'fly.dev',
    'up.railway.app',
    'azurewebsites.net',
    'centralus.1.azurestaticapps.net',
    's3.eu-west-1.amazonaws.com',
    'amazonaws.com',
    'janeway.replit.dev',
    'ngrok-free.app',
    'trycloudflare.com',
  ])('must not open a public suffix: https://*.%s', (suffix) => {
    expect(fault(`https://*.${suffix}`)).toBe('public_suffix');
    expect(fault(`https://*.${suffix}:8443`)).toBe('public_suffix');
    expect(fault(`https://app.${suffix}`)).toBeUndefined();
  });

  it('may be an http origin only where the caller allows it', () => {
    for (const entry of ['http://localhost:5173', 'http://127.0.0.1:3000', 'http://app.example']) {
      expect(fault(entry)).toBe('plain_http');
      expect(fault(entry, true)).toBeUndefined();
    }
  });
});

describe('a pattern', () => {
  const allowed = toAllowedOrigins(['https://*.example.pages.dev', 'https://*.example.dev:8443', EXTENSION]);

  it.each([
    'https://a.example.pages.dev',
    'https://3f2a-branch.example.pages.dev',
    `https://${'a'.repeat(63)}.example.pages.dev`,
    'https://x.example.dev:8443',
    EXTENSION,
  ])('matches one label: %s', (origin) => {
    expect(matchesOrigin(allowed, origin)).toBe(true);
  });

  it.each([
    'https://example.pages.dev',
    'https://.example.pages.dev',
    'https://a.b.example.pages.dev',
    'https://aexample.pages.dev',
    'https://a.example.pages.dev.evil.example',
    'https://evil.example/.example.pages.dev',
    'https://evil.example?.example.pages.dev',
    'https://evil.example#.example.pages.dev',
    'https://user@.example.pages.dev',
    'https://user:x@a.example.pages.dev',
    'https://a.example.pages.dev:8443',
    'https://x.example.dev',
    'http://a.example.pages.dev',
    'https://A.example.pages.dev',
    'https://a_b.example.pages.dev',
    'https://*.example.pages.dev',
    'https://a\n.example.pages.dev',
    'https://\u212a.example.pages.dev',
    `https://${'a'.repeat(64)}.example.pages.dev`,
    'https://a.otherexample.pages.dev',
    'null',
    '',
  ])('matches nothing else: %j', (origin) => {
    expect(matchesOrigin(allowed, origin)).toBe(false);
  });
});
