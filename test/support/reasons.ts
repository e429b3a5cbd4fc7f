// Every reason to refuse, by the type check: a reason that is missing here fails it.
import type { FailureReason } from '../../src/api/errors.ts';

const all: Record<FailureReason, true> = {
  ...{ malformed_body: true, wrong_password: true, unknown_account: true, bad_admin_token: true },
  ...{ no_token: true, two_cookies: true, token_malformed: true, token_unknown_key: true },
  ...{ token_forged: true, token_claims: true, token_expired: true, session_over: true },
  ...{ session_expired: true, refresh_token_reuse: true, invalid_link: true, email_not_verified: true },
  ...{
    password_reset_required: true,
    account_disabled: true,
    second_factor_required: true,
    origin_not_allowed: true,
  },
  ...{ registration_closed: true, not_found: true, unknown_id: true, unknown_session: true },
  ...{ method_not_allowed: true, username_taken: true, email_taken: true, body_too_large: true },
  ...{
    unsupported_media_type: true,
    compressed_body: true,
    plain_http: true,
    invalid_input: true,
    mail_throttled: true,
  },
  ...{ account_throttled: true, address_throttled: true, account_unavailable: true },
  ...{ email_already_verified: true },
  ...{ directory_unavailable: true, too_busy: true, misconfigured: true, body_used_up: true, bug: true },
};
// The keys of a record that names every reason.
export const REASONS = Object.keys(all) as FailureReason[];
