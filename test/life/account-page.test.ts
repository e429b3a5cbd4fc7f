import { describe, expect, it } from 'vitest';
import { expectProblem } from '../support/problem.ts';
import { Service } from '../support/service.ts';

const service = new Service();

describe('the account page', () => {
  it.each([
    ['/account', 'text/html; charset=utf-8'],
    ['/account.js', 'text/javascript; charset=utf-8'],
    ['/account.css', 'text/css; charset=utf-8'],
    ['/docs', 'text/html; charset=utf-8'],
    ['/docs.js', 'text/javascript; charset=utf-8'],
    ['/swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
    ['/swagger-ui.css', 'text/css; charset=utf-8'],
  ])('is served from %s under a policy without inline script', async (path, type) => {
    const response = await service.fetch(path);
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toBe(type);
    const policy = response.headers.get('Content-Security-Policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain('unsafe-inline');
    expect(response.headers.get('Referrer-Policy')).toBe('no-referrer');
    expect(response.headers.get('X-Content-Type-Options')).toBe('nosniff');
  });

  it('holds no inline script and no inline style', async () => {
    for (const path of ['/account', '/docs']) {
      const html = await (await service.fetch(path)).text();
      expect(html).not.toMatch(/<script(?![^>]*\bsrc=)/);
      expect(html).not.toMatch(/<style|\sstyle=|\son\w+=/);
    }
  });

  it('stops with a faulty configuration like everything else', async () => {
    await expectProblem(await new Service({ ISSUER: '' }).fetch('/account'), 503, 'unavailable');
  });

  it('is missing where the app is mounted without its files', async () => {
    await expectProblem(await new Service({ ASSETS: undefined }).fetch('/account'), 404, 'not_found');
  });
});
