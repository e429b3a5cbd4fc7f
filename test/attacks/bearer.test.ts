import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freezeClock } from '../support/clock.ts';
import { captureLogs, parseLine } from '../support/logs.ts';
import { CHALLENGE, expectProblem, INVALID_TOKEN } from '../support/problem.ts';
import { ALGORITHMS, listAttacks } from './attacks.ts';
import { findLeak, openTarget, type Target } from './target.ts';

describe.each(ALGORITHMS)('an access token of %s', (alg) => {
  const attacks = listAttacks('access', alg);
  let target: Target;
  let before: unknown;

  beforeAll(async () => {
    target = await openTarget('access', alg);
    expect((await target.service.fetch('/me', { bearer: target.subject.token })).status).toBe(200);
    before = await target.readStorage();
  });

  // After all attacks: nothing was changed by any of them, and the genuine token is as good as before.
  afterAll(async () => {
    expect(await target.readStorage()).toEqual(before);
    expect((await target.service.fetch('/me', { bearer: target.subject.token })).status).toBe(200);
  });

  it('is attacked in at least 120 ways', () => {
    expect(new Set(attacks.map(({ name }) => name)).size).toBeGreaterThanOrEqual(120);
  });

  it.each(attacks)(
    '$name is refused, for that reason and without a trace of it in the log',
    async (attack) => {
      const nowSeconds = Math.floor(freezeClock() / 1000);
      const token = await attack.forge({ ...target.subject, nowSeconds });
      expect(token).not.toBe(target.subject.token);
      const lines = captureLogs();
      const response = await target.service.fetch('/me', { bearer: token });
      const reason = token === '' ? 'no_token' : attack.reason;
      const challenge = reason === 'no_token' ? CHALLENGE : INVALID_TOKEN;
      await expectProblem(response, 401, 'unauthorized', { challenge });
      expect(lines).toHaveLength(1);
      expect(parseLine(lines[0]).reason).toBe(reason);
      expect(findLeak(lines, token)).toBeUndefined();
    },
  );
});
