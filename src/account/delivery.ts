// Sending what the outbox holds: after the call that queued it, and from the alarm. Never in the way of a request.
import { loadConfig } from '../config.ts';
import type { Mail, MailKind } from '../mail/mail.ts';
import { openMailer } from '../mail/mailer.ts';
import { writeMail } from '../mail/templates.ts';
import type { MailStore, Outgoing, TokenPurpose } from './mail-store.ts';
import type { AccountState } from './state.ts';
import type { AccountRow } from './store.ts';

const FIRST_RETRY_MS = 60 * 1000;
const LONGEST_RETRY_MS = 6 * 60 * 60 * 1000;
/** After a day a link would come out of nowhere: the mail is given up, and logged. */
const GIVE_UP_AFTER_MS = 24 * 60 * 60 * 1000;

/** Kinds that carry a link, and what its token is for. */
const PURPOSES: Partial<Record<MailKind, TokenPurpose>> = {
  verify_email: 'verify_email',
  reset_password: 'reset_password',
  confirm_new_email: 'change_email',
};

/** Sends everything that is due. Failures are logged without address or token, and wait for their next turn. */
export async function deliverDue(state: AccountState, env: Env): Promise<void> {
  for (const outgoing of state.mail.listDue(Date.now())) {
    // Read anew each time: between two sends the account may have changed, or gone.
    const account = state.rows.readAccount();
    if (account === undefined) return;
    state.mail.postpone(outgoing.id, Date.now() + retryDelayMs(outgoing.attempts));
    const reason = await trySend(state.mail, outgoing, account, env);
    const isOver = reason !== 'failed' || Date.now() >= outgoing.createdAtMs + GIVE_UP_AFTER_MS;
    if (isOver) state.mail.finish(outgoing.id, Date.now());
    logDelivery(account.id, outgoing, isOver && reason === 'failed' ? 'given_up' : reason);
  }
}

/** Sends a mail about an account that is about to be gone: once, since nothing stays that could try again. */
export async function sendFarewell(account: AccountRow, env: Env): Promise<void> {
  const outgoing: Outgoing = {
    id: 0,
    kind: 'account_deleted',
    address: account.email,
    attempts: 0,
    createdAtMs: Date.now(),
  };
  logDelivery(account.id, outgoing, await trySend(undefined, outgoing, account, env));
}

type DeliveryReason = 'sent' | 'failed' | 'no_sender' | 'given_up';

async function trySend(
  tokens: MailStore | undefined,
  { id, kind, address, createdAtMs }: Outgoing,
  account: AccountRow,
  env: Env,
): Promise<DeliveryReason> {
  const loaded = loadConfig(env);
  if (!loaded.ok) return 'failed';
  const { mail: settings, appUrl, issuer } = loaded.config;
  const send = openMailer(settings, env.EMAIL);
  if (send === undefined || settings.kind === 'none') return 'no_sender';
  const purpose = PURPOSES[kind];
  const token = purpose && tokens && `${account.id}.${tokens.issueToken(purpose, address, Date.now())}`;
  const context = {
    username: account.username,
    service: new URL(issuer).host,
    appUrl,
    ...(token !== undefined && { token }),
  };
  const mail: Mail = {
    id: `${account.id}.${createdAtMs}.${id}`,
    kind,
    from: settings.from,
    to: address,
    ...writeMail(kind, context),
  };
  try {
    await send(mail);
    return 'sent';
  } catch {
    // A provider's message can quote the mail.
    return 'failed';
  }
}

function retryDelayMs(attempts: number): number {
  return Math.min(FIRST_RETRY_MS * 4 ** attempts, LONGEST_RETRY_MS);
}

function logDelivery(accountId: string, { kind, attempts }: Outgoing, reason: DeliveryReason): void {
  const isFine = reason === 'sent' || reason === 'no_sender';
  const line = JSON.stringify({
    event: 'mail',
    code: isFine ? 'ok' : 'unavailable',
    reason,
    kind,
    accountId,
    attempts: attempts + 1,
  });
  if (isFine) console.log(line);
  else console.error(line);
}
