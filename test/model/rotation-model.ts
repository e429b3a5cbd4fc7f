// What rotation promises, in as few lines as will hold it: the service runs beside this, and where they differ one is wrong.
// Written from the design's table and not from src/: of what it judges it shares only the type of the settings.
import type { SessionPolicy } from '../../src/domain/session.ts';

/** An account holds this many sessions; the next sign-in ends the one longest unused. */
export const MOST_SESSIONS = 100;

/** A session as it must be stored. `iat`, `exp` and `end` are in seconds; `end` is the absolute one. */
export interface ModelSession {
  readonly counter: number;
  readonly rotatedAtMs: number;
  readonly iat: number;
  readonly exp: number;
  readonly end: number;
}

export class RotationModel {
  readonly policy: SessionPolicy;
  sessions: Map<string, ModelSession>;

  constructor(policy: SessionPolicy, sessions: Iterable<[string, ModelSession]> = []) {
    this.policy = policy;
    this.sessions = new Map(sessions);
  }

  signIn(sid: string, nowMs: number): void {
    this.clearExpired(nowMs);
    const byUse = [...this.sessions].sort(
      ([a, x], [b, y]) => y.rotatedAtMs - x.rotatedAtMs || (a < b ? -1 : 1),
    );
    this.sessions = new Map(byUse.slice(0, MOST_SESSIONS - 1));
    this.#issue(sid, 1, Math.floor(nowMs / 1000) + this.policy.sessionTtlSeconds, nowMs);
  }

  refresh(sid: string, counter: number, nowMs: number): string {
    const session = this.sessions.get(sid);
    if (session === undefined) return 'session_over';
    if (nowMs >= session.exp * 1000) return 'session_expired';
    if (counter === session.counter) return this.#issue(sid, counter + 1, session.end, nowMs);
    const isInWindow = nowMs < session.rotatedAtMs + this.policy.graceSeconds * 1000;
    if (counter === session.counter - 1 && isInWindow) return 'repeated';
    this.sessions.delete(sid);
    return 'refresh_token_reuse';
  }

  signOut(sid: string): void {
    this.sessions.delete(sid);
  }

  endOne(by: string, target: string, nowMs: number): string {
    if (!this.isLive(by, nowMs)) return 'session_over';
    return this.sessions.delete(target) ? 'ended' : 'unknown_session';
  }

  endAll(by: string, keepsCurrent: boolean, nowMs: number): string {
    if (!this.isLive(by, nowMs)) return 'session_over';
    this.sessions = new Map([...this.sessions].filter(([sid]) => keepsCurrent && sid === by));
    return 'ended';
  }

  describe(by: string, nowMs: number): string {
    return this.isLive(by, nowMs) ? 'described' : 'session_over';
  }

  clearExpired(nowMs: number): void {
    for (const sid of this.sessions.keys()) if (!this.isLive(sid, nowMs)) this.sessions.delete(sid);
  }

  isLive(sid: string, nowMs: number): boolean {
    return nowMs < (this.sessions.get(sid)?.exp ?? 0) * 1000;
  }

  /** The same state once more, to try an order of events on. */
  copy(): RotationModel {
    return new RotationModel(this.policy, this.sessions);
  }

  #issue(sid: string, counter: number, end: number, nowMs: number): string {
    const iat = Math.floor(nowMs / 1000);
    const exp = Math.min(iat + this.policy.refreshTtlSeconds, end);
    this.sessions.set(sid, { counter, rotatedAtMs: nowMs, iat, exp, end });
    return 'rotated';
  }
}
