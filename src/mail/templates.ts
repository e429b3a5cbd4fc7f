// What the mails say: every text in one place, plain and HTML from the same lines.
import type { Mail, MailKind } from './mail.ts';

export interface MailContext {
  /** Left out for an address that nobody has confirmed: whoever registers it could write to somebody by this name. */
  username?: string;
  /** Where the account lives, as its owner knows it. */
  service: string;
  /** The page that completes what a link is for, without a fragment. */
  appUrl: string;
  /** For the kinds with a link: what its fragment carries. */
  token?: string;
}

interface Template {
  subject: (context: MailContext) => string;
  before: string[];
  /** The fragment's name and the words of the link; left out for mails that only tell. */
  link?: { name: string; label: string };
  after: string[];
}

const NOT_YOU_IGNORE = 'If you did not ask for this, do nothing: without the link nothing happens.';
const NOT_YOU_ACT =
  'If this was not you, set a new password now: whoever did it is signed in to your account.';

const TEMPLATES: Record<MailKind, Template> = {
  verify_email: {
    subject: ({ service }) => `Confirm your e-mail address for ${service}`,
    before: ['an account was registered with this address. Please confirm that it is yours.'],
    link: { name: 'verify-email', label: 'Confirm this address' },
    after: [
      'The link works once, for 24 hours.',
      'If you did not register, do not use it: whoever did knows the password of that account.',
    ],
  },
  reset_password: {
    subject: ({ service }) => `Set a new password for ${service}`,
    before: ['here you can set a new password. It signs you out everywhere.'],
    link: { name: 'reset-password', label: 'Set a new password' },
    after: ['The link works once, for one hour.', NOT_YOU_IGNORE],
  },
  confirm_new_email: {
    subject: ({ service }) => `Confirm your new e-mail address for ${service}`,
    before: ['please confirm that this is your new address.'],
    link: { name: 'verify-email', label: 'Use this address' },
    after: ['The link works once, for 24 hours. Until then the old address stays.', NOT_YOU_IGNORE],
  },
  email_changing: {
    subject: ({ service }) => `Your e-mail address for ${service} is about to change`,
    before: ['somebody who knows your password asked for another address.'],
    after: ['It changes when the new address is confirmed. A new password cancels it.', NOT_YOU_ACT],
  },
  email_changed: {
    subject: ({ service }) => `Your e-mail address for ${service} was changed`,
    before: ['your account has another e-mail address now. This one is no longer used.'],
    after: ['If this was not you, contact the operator of the service at once.'],
  },
  email_in_use: {
    subject: ({ service }) => `Your e-mail address was entered at ${service}`,
    before: ['somebody asked to use this address for another account.'],
    after: ['It already belongs to an account, so nothing was changed. You need not do anything.'],
  },
  username_changed: {
    subject: ({ service }) => `Your user name for ${service} was changed`,
    before: ['your account has another user name now.'],
    after: [
      'The former one stays reserved for your account for a week.',
      'If this was not you, end all sessions, take it back, and set a new password.',
    ],
  },
  password_changed: {
    subject: ({ service }) => `Your password for ${service} was changed`,
    before: ['your password was changed, and other sessions were ended.'],
    after: [NOT_YOU_ACT],
  },
  account_deleted: {
    subject: ({ service }) => `Your account at ${service} was deleted`,
    before: ['your account and everything in it is gone.'],
    after: [],
  },
};

/** Writes a mail. The token goes into the fragment: no server log and no Referer ever holds it. */
export function writeMail(kind: MailKind, context: MailContext): Pick<Mail, 'subject' | 'text' | 'html'> {
  const { subject, before, link, after } = TEMPLATES[kind];
  const url = link && `${context.appUrl}#${link.name}=${context.token ?? ''}`;
  const greeting = context.username === undefined ? 'Hello,' : `Hello ${context.username},`;
  const lines = [greeting, ...before, ...(url === undefined ? [] : [url]), ...after];
  const paragraphs = lines.map((line) =>
    line === url && link ? toLink(url, link.label) : `<p>${escapeHtml(line)}</p>`,
  );
  return {
    subject: subject(context),
    text: `${lines.join('\n\n')}\n`,
    html: `<!doctype html><html lang="en"><meta charset="utf-8"><body>${paragraphs.join('')}</body></html>`,
  };
}

function toLink(url: string, label: string): string {
  return `<p><a href="${escapeHtml(url)}">${escapeHtml(label)}</a></p>`;
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (char) => entities[char] ?? char);
}
