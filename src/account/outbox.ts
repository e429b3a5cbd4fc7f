// Sending what the outbox holds: after the call that queued it, and from the alarm. Never in the way of a request.
//
// Between two awaits the account may have changed or gone. So every mail is read again right before it is sent, its token is
// made in that same turn, and nothing is written to an account that is gone.
import { createHmac } from 'node:crypto';
import { type Config, loadConfig } from '../config/config.ts';
import { findAccountId } from '../directory/directory.ts';
import { admitMail } from '../directory/recipients.ts';
import { withDeadline } from '../domain/deadline.ts';
import { type AccountLimit, RECIPIENT_LIMITS, type RecipientLimit } from '../domain/limits.ts';
import { toLookupKeys, toMailAddress } from '../domain/names.ts';
import { isLinkKind, type Mail, type MailKind, type SendMail } from '../mail/mail.ts';
import { openMailer } from '../mail/mailer.ts';
import { writeMail } from '../mail/templates.ts';
import { mintMailToken } from '../tokens/mail-token.ts';
import type { AccountState } from './state.ts';
import type { AccountRow } from './storage/account-store.ts';
import type { Outgoing, TokenPurpose } from './storage/mail-store.ts';

const FIRST_RETRY_MS = 60 * 1000;
const LONGEST_RETRY_MS = 6 * 60 * 60 * 1000;
/** After a day a link would come out of nowhere: the mail is given up, and logged. A notice is worth a week. */
const GIVE_UP_LINK_AFTER_MS = 24 * 60 * 60 * 1000;
const GIVE_UP_NOTICE_AFTER_MS = 7 * GIVE_UP_LINK_AFTER_MS;
/** How long a mail that is over the recipient's limit waits. */
const OVER_LIMIT_RETRY_MS = 60 * 60 * 1000;
/** A mail does not wait longer than this for the directory. */
const DIRECTORY_DEADLINE_MS = 5_000;

/** Kinds that carry a link, and what its token is for. */
const PURPOSES: Partial<Record<MailKind, TokenPurpose>> = {
  verify_email: 'verify_email',
  reset_password: 'reset_password',
  confirm_new_email: 'change_email',
};

/** `no_sender` is a fault of the settings: the mail is lost, and an alert should say so. */
type DeliveryReason = 'sent' | 'failed' | 'no_sender' | 'over_limit' | 'withdrawn' | 'given_up';

/** What an account's deliveries work on. `isStored`: whether the account is still there. */
export interface DeliveryContext {
  state: AccountState;
  env: Env;
  isStored: () => boolean;
}

/** Whether mail may be sent: nobody is written to for a registration that may yet fail. */
export function mayDeliver({ accounts, intents }: AccountState): boolean {
  return accounts.readAccount() !== undefined && !intents.isRegistering();
}

/** Sends everything that is due, one after the other. Failures are logged without address or token, and wait for their next turn. */
export async function deliverDue(context: DeliveryContext): Promise<void> {
  const { state, isStored } = context;
  while (isStored() && mayDeliver(state)) {
    const due = state.mail.readNextDue(Date.now());
    const account = state.accounts.readAccount();
    if (due === undefined || account === undefined) return;
    // Counted as tried before it is: a crash in between then waits its turn instead of sending at once again.
    state.mail.postpone(due.id, Date.now() + retryDelayMs(due.attempts));
    const reason = await deliver(context, due);
    if (!isStored()) return logDelivery(account.id, due, reason);
    const giveUpAfterMs = isLinkKind(due.kind) ? GIVE_UP_LINK_AFTER_MS : GIVE_UP_NOTICE_AFTER_MS;
    const isLate = Date.now() >= due.createdAtMs + giveUpAfterMs;
    const waits = reason === 'failed' || reason === 'over_limit';
    if (!waits || isLate) state.mail.finish(due.id, Date.now());
    logDelivery(account.id, due, waits && isLate ? 'given_up' : reason);
  }
}

/**
 * Sends the last mails of an account that is about to be gone: each once, since nothing stays that could try again. With the
 * notice of the deletion go those that still wait for another address: a former one, whose owner would never learn of the change.
 */
export async function sendFarewell(account: AccountRow, waiting: Outgoing[], env: Env): Promise<void> {
  const nowMs = Date.now();
  const farewell = {
    id: 0,
    kind: 'account_deleted',
    address: account.email,
    attempts: 0,
    createdAtMs: nowMs,
  } as const;
  for (const outgoing of [...waiting, { ...farewell, countedAtMs: null }]) {
    logDelivery(account.id, outgoing, await sendOnce(account, outgoing, env));
  }
}

async function sendOnce(account: AccountRow, outgoing: Outgoing, env: Env): Promise<DeliveryReason> {
  const setup = openSetup(env);
  if (typeof setup === 'string') return setup;
  if (outgoing.countedAtMs === null && !(await isUnderRecipientLimit(setup, env, outgoing, account)))
    return 'over_limit';
  return trySend(setup, account, outgoing, outgoing.kind, undefined);
}

interface Setup {
  config: Config;
  from: string;
  send: SendMail;
}

function openSetup(env: Env): Setup | 'failed' | 'no_sender' {
  const loaded = loadConfig(env);
  if (!loaded.ok) return 'failed';
  const { mail: settings } = loaded.config;
  const send = openMailer(settings, env.EMAIL);
  if (send === undefined || settings.kind === 'none') return 'no_sender';
  return { config: loaded.config, from: settings.from, send };
}

async function deliver({ state, env, isStored }: DeliveryContext, due: Outgoing): Promise<DeliveryReason> {
  const setup = openSetup(env);
  if (typeof setup === 'string') return setup;
  if (due.countedAtMs === null) {
    const limit = toAccountLimit(due.kind);
    const part = isLinkKind(due.kind) ? undefined : due.kind;
    // Asked first and taken last: a mail that waits for its recipient's limit uses up nothing of its account's.
    if (!state.limits.peek(limit, Date.now(), part).allowed) return postponeOverLimit(state, due);
    if (!(await isUnderRecipientLimit(setup, env, due, state.accounts.readAccount())))
      return isStored() ? postponeOverLimit(state, due) : 'over_limit';
    // Erased meanwhile: an account that is being deleted keeps its intent, and nothing else.
    if (!isStored() || state.accounts.readAccount() === undefined) return 'withdrawn';
    state.limits.take(limit, Date.now(), part);
    state.mail.markCounted(due.id, Date.now());
  }
  const kind = await findKindToSend(env, due, state.accounts.readAccount()?.id);
  if (kind === undefined) return 'failed';
  const account = isStored() ? state.accounts.readAccount() : undefined;
  if (account === undefined || state.mail.readWaiting(due.id) === undefined) return 'withdrawn';
  if (isPointless(state, due, account)) return 'withdrawn';
  const purpose = PURPOSES[kind];
  const [signingSecret = ''] = setup.config.refreshSecrets; // loadConfig refuses an empty list
  const token = purpose && mintMailToken(account.id, signingSecret);
  if (purpose !== undefined && token !== undefined)
    state.mail.storeToken(token, purpose, due.address, Date.now());
  return trySend(setup, account, due, kind, token);
}

/**
 * Whether a link could do nothing: to an address that is no longer the account's, to a password of a disabled account, and of an account
 * that is being deleted.
 */
function isPointless({ intents }: AccountState, { kind, address }: Outgoing, account: AccountRow): boolean {
  if (isLinkKind(kind) && intents.isDeleting()) return true;
  if (kind === 'verify_email') return address !== account.email || account.emailVerifiedAtMs !== null;
  if (kind === 'reset_password') return address !== account.email || account.disabledAtMs !== null;
  return kind === 'confirm_new_email' && account.disabledAtMs !== null;
}

/**
 * A new address that another account has gets a notice instead of a link: its holder learns of the request, and whoever asked
 * learns nothing. `undefined` when the directory does not respond.
 */
async function findKindToSend(
  env: Env,
  { kind, address }: Outgoing,
  ownId: string | undefined,
): Promise<MailKind | undefined> {
  if (kind !== 'confirm_new_email') return kind;
  try {
    const holder = await withDeadline(findAccountId(env.DIRECTORY, address), DIRECTORY_DEADLINE_MS);
    return holder === undefined || holder === ownId ? kind : 'email_in_use';
  } catch {
    return undefined;
  }
}

/**
 * Counts a mail against the limit of its recipient, unless it goes to the confirmed address of its own account. A directory that
 * does not respond lets it pass: mail goes on without.
 */
async function isUnderRecipientLimit(
  { config }: Setup,
  env: Env,
  { kind, address }: Pick<Outgoing, 'kind' | 'address'>,
  account: AccountRow | undefined,
): Promise<boolean> {
  if (account !== undefined && isConfirmedAddress(account, address)) return true;
  const name = toRecipientLimit(kind);
  const [secret = ''] = config.refreshSecrets; // loadConfig refuses an empty list
  const recipient = createHmac('sha256', secret)
    .update(`latchkey/recipient ${name} ${toLookupKeys(address).canonical}`)
    .digest('base64url');
  try {
    return await withDeadline(
      admitMail(env.DIRECTORY, { recipient, limit: RECIPIENT_LIMITS[name], nowMs: Date.now() }),
      DIRECTORY_DEADLINE_MS,
    );
  } catch {
    return true;
  }
}

function toAccountLimit(kind: MailKind): AccountLimit {
  if (!isLinkKind(kind)) return 'notice';
  return kind === 'reset_password' ? 'reset_mail' : 'confirmation_mail';
}

function toRecipientLimit(kind: MailKind): RecipientLimit {
  if (kind === 'confirm_new_email') return 'unsolicited';
  if (kind === 'email_changing' || kind === 'email_changed') return 'unconfirmed_change';
  if (!isLinkKind(kind)) return 'unconfirmed_notice';
  return kind === 'reset_password' ? 'unconfirmed_reset' : 'unconfirmed';
}

function isConfirmedAddress(account: AccountRow, address: string): boolean {
  return account.emailVerifiedAtMs !== null && address === account.email;
}

function postponeOverLimit(state: AccountState, { id }: Outgoing): 'over_limit' {
  state.mail.delay(id, Date.now() + OVER_LIMIT_RETRY_MS);
  return 'over_limit';
}

async function trySend(
  { config, from, send }: Setup,
  account: AccountRow,
  { id, address, createdAtMs }: Pick<Outgoing, 'id' | 'address' | 'createdAtMs'>,
  kind: MailKind,
  token: string | undefined,
): Promise<DeliveryReason> {
  const isConfirmed = isConfirmedAddress(account, address);
  const context = {
    service: new URL(config.issuer).host,
    appUrl: config.appUrl,
    ...(isConfirmed && { username: account.username }),
    ...(token !== undefined && { token: `${account.id}.${token}` }),
  };
  const mail: Mail = {
    id: `${account.id}.${createdAtMs}.${id}`,
    kind,
    from,
    to: toMailAddress(address),
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

function logDelivery(
  accountId: string,
  { kind, attempts }: Pick<Outgoing, 'kind' | 'attempts'>,
  reason: DeliveryReason,
): void {
  const isFine = reason === 'sent' || reason === 'withdrawn';
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
