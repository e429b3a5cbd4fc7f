// One account under one policy, and the model of it: each step is done to both, and what is seen must be the same.
import { expect, vi } from 'vitest';
import type { SessionPolicy } from '../../src/domain/session.ts';
import type { Driver, RefreshResponse, StoredSession } from './driver.ts';
import { Ledger } from './ledger.ts';
import { RotationModel } from './rotation-model.ts';
import type { Call, Passing, Step } from './steps.ts';

/** A call that is settled but for its order among others: how it is made, and what a model says to it. */
export interface PreparedCall {
  send: () => Promise<RefreshResponse>;
  expect: (model: RotationModel) => ExpectedResponse;
}

export interface ExpectedResponse {
  outcome: string;
  token?: { counter: number; iat: number; exp: number };
}

type AuthenticatedCall = Exclude<Call, { do: 'refresh' | 'sign out' }>;

export class World {
  readonly driver: Driver;
  readonly #sids: string[] = [];
  readonly #ledger = new Ledger();
  model: RotationModel;

  constructor(driver: Driver, policy: SessionPolicy) {
    this.driver = driver;
    this.model = new RotationModel(policy);
    // Not a whole second. And far beyond the real clock, so that no alarm goes off by itself.
    vi.setSystemTime('2035-01-01T00:00:00.250Z');
  }

  /** Does it, and compares the response and all that is stored. */
  async perform(step: Step): Promise<void> {
    if (step.do === 'sign in') await this.signIn(step.replaces);
    else if (isCall(step)) await this.#call(step);
    else await this.#pass(step);
    expect(await this.driver.rows()).toEqual(modelRows(this.model));
  }

  async signIn(replaces = false): Promise<void> {
    const latest = replaces ? this.#sid(0) : undefined;
    const replaced = latest === undefined ? undefined : this.#token(latest, 0);
    const { sid, token } = await this.driver.signIn(replaced);
    this.model.signIn(sid, Date.now());
    if (replaced?.isTaken) this.model.signOut(replaced.sid);
    this.#sids.push(sid);
    const end = Math.floor(Date.now() / 1000) + this.model.policy.sessionTtlSeconds;
    this.#ledger.recordSignIn(sid, token, end);
    this.noteEnds();
  }

  /** Hears of sessions that nobody here holds a token of. */
  noteOthers(sids: string[]): void {
    for (const sid of sids) this.model.signIn(sid, Date.now());
  }

  /** From now on, whoever refreshes a session that has ended is caught. */
  noteEnds(): void {
    for (const sid of this.#sids) if (!this.model.sessions.has(sid)) this.#ledger.recordEnd(sid);
  }

  /** A step as a call on the service, and the same call on any model; `undefined` while there is nobody to make it. */
  prepare(step: Call): PreparedCall | undefined {
    const target = this.#sid('session' in step ? step.session : 0);
    if (target === undefined) return undefined;
    if (step.do === 'refresh') return this.#prepareRefresh(target, step.offset);
    if (step.do === 'sign out') return this.#prepareSignOut(target, step.offset);
    return this.#prepareAuthenticated(step, this.#sid(step.by) ?? target, target);
  }

  #prepareRefresh(sid: string, offset: number): PreparedCall {
    const { counter, isTaken } = this.#token(sid, offset);
    const nowMs = Date.now();
    return {
      send: async () => {
        const answer = await this.driver.refresh(sid, counter);
        if (answer.token !== undefined) this.#ledger.recordResponse(sid, counter, answer.token);
        return answer;
      },
      expect: (model) => {
        if (!isTaken) return { outcome: 'unauthorized' };
        const outcome = model.refresh(sid, counter, nowMs);
        const session = model.sessions.get(sid);
        const publicOutcome = this.driver.publicOutcome(outcome);
        if (session === undefined || (outcome !== 'rotated' && outcome !== 'repeated'))
          return { outcome: publicOutcome };
        const { counter: current, iat, exp } = session;
        return { outcome: publicOutcome, token: { counter: current, iat, exp } };
      },
    };
  }

  #prepareSignOut(sid: string, offset: number): PreparedCall {
    const { counter, isTaken } = this.#token(sid, offset);
    return {
      send: async () => ({ outcome: await this.driver.signOut(sid, counter) }),
      expect: (model) => {
        if (isTaken) model.signOut(sid);
        return { outcome: 'signed_out' };
      },
    };
  }

  #prepareAuthenticated(step: AuthenticatedCall, by: string, target: string): PreparedCall {
    const { driver } = this;
    const nowMs = Date.now();
    const isTaken = nowMs < driver.accessTokenEnd(by) * 1000;
    const send = async () => {
      if (step.do === 'end one') return { outcome: await driver.endOne(by, target) };
      if (step.do === 'end all') return { outcome: await driver.endAll(by, step.keep) };
      return { outcome: await driver.describe(by) };
    };
    const expect = (model: RotationModel) => {
      if (!isTaken) return { outcome: 'unauthorized' };
      if (step.do === 'end one') return { outcome: model.endOne(by, target, nowMs) };
      if (step.do === 'end all') return { outcome: model.endAll(by, step.keep, nowMs) };
      return { outcome: model.describe(by, nowMs) };
    };
    return { send, expect };
  }

  async #call(step: Call): Promise<void> {
    const prepared = this.prepare(step);
    if (prepared === undefined) return;
    const answer = await prepared.send();
    expect(withoutBytes(answer)).toEqual(prepared.expect(this.model));
    this.noteEnds();
  }

  async #pass(step: Passing): Promise<void> {
    switch (step.do) {
      case 'wait':
        vi.setSystemTime(Date.now() + step.ms);
        break;
      case 'wait for':
        vi.setSystemTime(Math.max(Date.now(), this.#edgeMs(step) + step.ms));
        break;
      case 'restart':
        await this.driver.restart();
        break;
      case 'alarm':
        await this.driver.alarm();
        this.model.clearExpired(Date.now());
    }
  }

  /** The past, for a session that has none of these edges any more. */
  #edgeMs({ session, edge }: Passing & { do: 'wait for' }): number {
    const waited = this.model.sessions.get(this.#sid(session) ?? '');
    if (waited === undefined) return 0;
    if (edge === 'grace') return waited.rotatedAtMs + this.model.policy.graceSeconds * 1000;
    return (edge === 'idle' ? waited.exp : waited.end) * 1000;
  }

  #sid(index: number): string | undefined {
    const { length } = this.#sids;
    return this.#sids[length - 1 - (index % Math.max(1, length))];
  }

  /** `isTaken`: the edge passes it on. Counters below 0 cannot be written into a token. */
  #token(sid: string, offset: number): { sid: string; counter: number; isTaken: boolean } {
    const counter = Math.max(0, this.#ledger.currentCounter(sid) + offset);
    return { sid, counter, isTaken: Date.now() < this.driver.refreshTokenEnd(sid, counter) * 1000 };
  }
}

/** What a model expects to be stored. */
export function modelRows(model: RotationModel): StoredSession[] {
  return [...model.sessions]
    .map(([sid, session]): StoredSession => [sid, { ...session, lastUsedAtMs: session.rotatedAtMs }])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

export function withoutBytes({ outcome, token }: RefreshResponse): ExpectedResponse {
  if (token === undefined) return { outcome };
  const { counter, iat, exp } = token;
  return { outcome, token: { counter, iat, exp } };
}

function isCall(step: Step): step is Call {
  return ['refresh', 'sign out', 'end one', 'end all', 'describe'].includes(step.do);
}
