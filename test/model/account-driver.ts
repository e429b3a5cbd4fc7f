// Model runs inside one account object: its own methods on its own SQLite, without the wire between. They have no await,
// so nothing is lost but the way there, and a call costs microseconds.
import type { Session, SessionPolicy } from '../../src/domain/session.ts';
import type { Account } from '../../src/index.ts';
import {
  type Driver,
  type IssuedToken,
  NO_DEVICE,
  openRow,
  type RefreshResponse,
  readRows,
} from './driver.ts';

export class AccountDriver implements Driver {
  readonly #account: Account;
  readonly #policy: SessionPolicy;

  /** Begins with an account that has no session. */
  constructor(account: Account, sql: SqlStorage, policy: SessionPolicy) {
    this.#account = account;
    this.#policy = policy;
    sql.exec('DELETE FROM session');
  }

  async signIn(replaced?: { sid: string }) {
    const session = openRow(this.#account.state.sessions, this.#policy);
    if (replaced !== undefined) this.#account.signOut(replaced.sid, NO_DEVICE);
    return { sid: session.sid, token: toToken(session) };
  }

  async refresh(sid: string, counter: number): Promise<RefreshResponse> {
    const result = this.#account.refresh(sid, counter, NO_DEVICE, this.#policy);
    if (!result.ok) return { outcome: result.reason };
    return { outcome: result.value.rotation, token: toToken(result.value.session) };
  }

  async signOut(sid: string) {
    this.#account.signOut(sid, NO_DEVICE);
    return 'signed_out';
  }

  async endOne(by: string, target: string) {
    const result = this.#account.endSession(by, target, NO_DEVICE);
    return result.ok ? 'ended' : result.reason;
  }

  async endAll(by: string, keepsCurrent: boolean) {
    const result = this.#account.endSessions(by, keepsCurrent, NO_DEVICE);
    return result.ok ? 'ended' : result.reason;
  }

  async describe(by: string) {
    const listed = this.#account.listSessions(by);
    const isListed = listed.ok && listed.value.some(({ sid }) => sid === by);
    const described = this.#account.describe(by);
    const isDescribed = described.ok && described.value.session.sid === by;
    if (isListed !== isDescribed) return 'listed and described differently';
    return isDescribed ? 'described' : 'session_over';
  }

  alarm() {
    return this.#account.alarm();
  }

  async restart() {
    // Nobody outlives the restart of the object that he runs in: only the driver through the Worker does this.
  }

  async rows() {
    return readRows(this.#account.state.sessions);
  }

  refreshTokenEnd() {
    return Number.POSITIVE_INFINITY;
  }

  accessTokenEnd() {
    return Number.POSITIVE_INFINITY;
  }

  publicOutcome(outcome: string) {
    return outcome;
  }
}

/** The row is the token: all that the minted bytes depend on. */
function toToken({ sid, counter, iat, exp }: Pick<Session, 'sid' | 'counter' | 'iat' | 'exp'>): IssuedToken {
  return { bytes: `${sid} ${counter} ${iat} ${exp}`, counter, iat, exp };
}
