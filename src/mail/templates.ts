// What the mails say: every text in one place, plain and HTML from the same lines.
import type { Mail, MailKind } from './mail.ts';

export interface MailContext {
  username: string;
  /** Where the account lives, as its owner knows it. */
  service: string;
  /** The page that completes what a link is for, without a fragment. */
  appUrl: string;
  /** For the kinds with a link: what its fragment carries. */
  token?: string;
}

interface Template {
  subject: (context: MailContext) => string;
  before: (context: MailContext) => string[];
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
    before: ({ username }) => [`Hello ${username},`, 'please confirm that this address is yours.'],
    link: { name: 'verify-email', label: 'Confirm this address' },
    after: ['The link works once, for 24 hours.', NOT_YOU_IGNORE],
  },
  reset_password: {
    subject: ({ service }) => `Set a new password for ${service}`,
    before: ({ username }) => [
      `Hello ${username},`,
      'here you can set a new password. It signs you out everywhere.',
    ],
    link: { name: 'reset-password', label: 'Set a new password' },
    after: ['The link works once, for one hour.', NOT_YOU_IGNORE],
  },
  confirm_new_email: {
    subject: ({ service }) => `Confirm your new e-mail address for ${service}`,
    before: ({ username }) => [`Hello ${username},`, 'please confirm that this is your new address.'],
    link: { name: 'verify-email', label: 'Use this address' },
    after: ['The link works once, for 24 hours. Until then the old address stays.', NOT_YOU_IGNORE],
  },
  email_changing: {
    subject: ({ service }) => `Your e-mail address for ${service} is about to change`,
    before: ({ username }) => [
      `Hello ${username},`,
      'somebody who knows your password asked for another address.',
    ],
    after: ['It changes when the new address is confirmed.', NOT_YOU_ACT],
  },
  password_changed: {
    subject: ({ service }) => `Your password for ${service} was changed`,
    before: ({ username }) => [
      `Hello ${username},`,
      'your password was changed, and other sessions were ended.',
    ],
    after: [NOT_YOU_ACT],
  },
  account_deleted: {
    subject: ({ service }) => `Your account at ${service} was deleted`,
    before: ({ username }) => [`Hello ${username},`, 'your account and everything in it is gone.'],
    after: [],
  },
};

/** Writes a mail. The token goes into the fragment: no server log and no Referer ever holds it. */
export function writeMail(kind: MailKind, context: MailContext): Pick<Mail, 'subject' | 'text' | 'html'> {
  const { subject, before, link, after } = TEMPLATES[kind];
  const url = link && `${context.appUrl}#${link.name}=${context.token ?? ''}`;
  const lines = [...before(context), ...(url === undefined ? [] : [url]), ...after];
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
