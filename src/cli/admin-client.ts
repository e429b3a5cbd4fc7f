// The operators' endpoints as functions. Throws AdminError with what the service said, for people to read.
import * as v from 'valibot';
import type {
  AccountDetailResponse,
  AccountListResponse,
  AccountSearch,
  AuditResponse,
  User,
} from '../api/wire.ts';
import { responses } from '../reference/responses.ts';

export class AdminError extends Error {}

export interface AdminOptions {
  /** Without a final slash. */
  url: string;
  token: string;
  /** Stands in the audit, and in the history of the accounts that are changed. */
  operator: string;
}

/** A search, with its page size as it was typed: the service says what is wrong with it. */
export type Search = Omit<AccountSearch, 'limit'> & { limit?: number | string | undefined };

export class AdminClient {
  readonly #options: AdminOptions;

  constructor(options: AdminOptions) {
    this.#options = options;
  }

  /** By POST, so that a name or an address that is searched for is in no URL. */
  search(fields: Search): Promise<AccountListResponse> {
    return this.#json(responses.AccountList, 'POST', '/admin/accounts/search', fields);
  }

  audit(
    query: Record<'accountId' | 'operator' | 'cursor' | 'limit', string | undefined>,
  ): Promise<AuditResponse> {
    const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return this.#json(responses.Audit, 'GET', `/admin/audit?${new URLSearchParams(given)}`);
  }

  show(id: string): Promise<AccountDetailResponse> {
    return this.#json(responses.AccountDetail, 'GET', accountPath(id));
  }

  create(names: { username: string; email: string }): Promise<{ user: User }> {
    return this.#json(responses.Profile, 'POST', '/admin/accounts', names);
  }

  async act(id: string, action: 'disable' | 'enable' | 'password-reset'): Promise<void> {
    await this.#request('POST', `${accountPath(id)}/${action}`);
  }

  async endSessions(id: string): Promise<void> {
    await this.#request('DELETE', `${accountPath(id)}/sessions`);
  }

  async remove(id: string): Promise<void> {
    await this.#request('DELETE', accountPath(id));
  }

  /** Checks the body: it is printed, and what responds at `url` may be another program, such as a proxy. */
  async #json<T>(schema: v.GenericSchema<T, T>, method: string, path: string, body?: object): Promise<T> {
    const response = await this.#request(method, path, body);
    const read = v.safeParse(schema, await response.json().catch(() => undefined));
    if (read.success) return read.output;
    throw new AdminError(`${this.#options.url} sent another response than this version of the service does`);
  }

  async #request(method: string, path: string, body?: object): Promise<Response> {
    const { url, token, operator } = this.#options;
    const headers = {
      Authorization: `Bearer ${token}`,
      'X-Operator': operator,
      'Content-Type': 'application/json',
    };
    const response = await fetch(`${url}${path}`, {
      method,
      headers,
      // Followed, a redirect could take the token elsewhere, or turn a POST into a GET.
      redirect: 'manual',
      ...(body && { body: JSON.stringify(body) }),
    }).catch(() => {
      throw new AdminError(`no response from ${url}`);
    });
    if (response.status >= 300 && response.status < 400) {
      const location = response.headers.get('Location') ?? 'another place';
      throw new AdminError(
        `${url} redirects to ${location}; nothing was sent there: set --url to the service itself`,
      );
    }
    if (!response.ok) throw new AdminError(await describe(response));
    return response;
  }
}

function accountPath(id: string): string {
  return `/admin/accounts/${encodeURIComponent(id)}`;
}

/** What is shown of a refusal, whoever it comes from. */
const readable = v.object({
  title: v.string(),
  errors: v.optional(v.array(v.object({ field: v.string(), message: v.string() }))),
});

async function describe(response: Response): Promise<string> {
  const read = v.safeParse(readable, await response.json().catch(() => undefined));
  const problem = read.success ? read.output : undefined;
  if (response.status === 404)
    return 'not found: there is no such account, or ADMIN_TOKEN is not bound to the service';
  const fields = problem?.errors?.map(({ field, message }) => `${field} ${message}`).join('; ');
  return `${response.status} ${problem?.title ?? response.statusText}${fields ? `: ${fields}` : ''}`;
}
