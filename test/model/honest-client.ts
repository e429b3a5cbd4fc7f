// A client that does as docs/tutorial.md tells it: one token, presented again only while its response has not arrived.
import { expect } from 'vitest';
import type { SessionPolicy } from '../../src/domain/session.ts';
import type { Driver, IssuedToken } from './driver.ts';

export class HonestClient {
  readonly #driver: Driver;
  readonly #policy: SessionPolicy;
  readonly #sid: string;
  /** The absolute end, in milliseconds: only then may it be signed out. */
  readonly #endMs: number;
  /** The latest token that arrived; and the response to it that was lost, with the end of its window. */
  #token: IssuedToken;
  #lost: { bytes: string; windowEndMs: number } | undefined;

  static async signIn(driver: Driver, policy: SessionPolicy): Promise<HonestClient> {
    const { sid, token } = await driver.signIn();
    return new HonestClient(driver, policy, sid, token);
  }

  private constructor(driver: Driver, policy: SessionPolicy, sid: string, token: IssuedToken) {
    this.#driver = driver;
    this.#policy = policy;
    this.#sid = sid;
    this.#token = token;
    this.#endMs = (Math.floor(Date.now() / 1000) + policy.sessionTtlSeconds) * 1000;
  }

  /** The last millisecond at which it must have refreshed, or tried again; never, once nothing can keep it alive. */
  get dueMs(): number {
    const tokenEndMs = this.#token.exp * 1000;
    if (this.#lost !== undefined) return Math.min(this.#lost.windowEndMs, tokenEndMs, this.#endMs) - 1;
    return tokenEndMs < this.#endMs ? tokenEndMs - 1 : Number.POSITIVE_INFINITY;
  }

  /** Refreshes. So many responses are lost at first; what was not lost by then is tried again later, on time. */
  async refresh(losses: number): Promise<void> {
    if (Date.now() >= this.#endMs) return;
    const { token } = await this.#send();
    if (losses === 0) this.#accept(token);
    else await this.#lose(token, losses);
  }

  /** Two tabs share one cookie, and do not know of each other. */
  async refreshTwice(): Promise<void> {
    // Without a window, the second of two such calls is reuse by definition.
    if (this.#policy.graceSeconds === 0) return this.refresh(0);
    if (Date.now() >= this.#endMs) return;
    const [one, other] = await Promise.all([this.#send(), this.#send()]);
    expect(one.token.bytes).toBe(other.token.bytes);
    this.#accept(one.token);
  }

  async #send(): Promise<{ token: IssuedToken }> {
    const { outcome, token } = await this.#driver.refresh(this.#sid, this.#token.counter);
    if (token === undefined) expect.fail(`an honest client was signed out: ${outcome}`);
    if (this.#lost !== undefined)
      expect(token.bytes, 'a replay equals the first response').toBe(this.#lost.bytes);
    return { token };
  }

  #accept(token: IssuedToken): void {
    this.#token = token;
    this.#lost = undefined;
  }

  async #lose(token: IssuedToken, losses: number): Promise<void> {
    const windowMs = this.#policy.graceSeconds * 1000;
    // Without a window, nobody can afford to lose a response.
    if (windowMs === 0) return this.#accept(token);
    this.#lost ??= { bytes: token.bytes, windowEndMs: Date.now() + windowMs };
    for (let loss = 1; loss < losses; loss += 1) await this.#send();
  }
}
