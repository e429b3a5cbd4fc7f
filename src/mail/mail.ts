// What a mail is, and how it goes out. Knows no account and no request.

/** Every mail that the service sends. */
export const mailKinds = [
  'verify_email',
  'reset_password',
  'confirm_new_email',
  'email_changing',
  'email_changed',
  'email_in_use',
  'username_changed',
  'password_changed',
  'account_deleted',
] as const;
export type MailKind = (typeof mailKinds)[number];

/** The kinds that carry a link. Each is sent because somebody requested it. */
export const linkKinds = [
  'verify_email',
  'reset_password',
  'confirm_new_email',
] as const satisfies MailKind[];

/** Whether a kind carries a link; all others are notices of what happened. */
export function isLinkKind(kind: MailKind): boolean {
  return linkKinds.some((linkKind) => linkKind === kind);
}

/** One mail, ready to go. `id` is the same at every try, so that a receiver can drop repetitions. */
export interface Mail {
  id: string;
  kind: MailKind;
  from: string;
  to: string;
  subject: string;
  text: string;
  html: string;
}

/** Sends one mail, or throws. Implementations: mailer.ts, webhook-sender.ts. */
export type SendMail = (mail: Mail) => Promise<void>;
