// Links as their holders use them, and what an account is afterwards.
import type { Mail } from '../../src/mail/mail.ts';
import { deliveriesTo, readLinkToken } from './mailbox.ts';

/** The links that were mailed to any of these addresses, with the endpoint that each is for. */
export function linksTo(addresses: string[]): { token: string; path: '/email/verify' | '/password/reset' }[] {
  return addresses.flatMap((address) =>
    deliveriesTo(address)
      .filter(({ mail }) => hasLink(mail))
      .map(({ mail }) => ({
        token: readLinkToken(mail),
        path: mail.kind === 'reset_password' ? ('/password/reset' as const) : ('/email/verify' as const),
      })),
  );
}

function hasLink({ text }: Mail): boolean {
  return text.includes('#');
}
