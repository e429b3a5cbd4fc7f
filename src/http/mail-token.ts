// The token of a mailed link: the account's id, a dot, and 256 random bits that the account knows the hash of.

/** Takes a mailed token apart; `undefined` when it cannot be one, so that storage never hears of it. */
export function splitMailToken(text: string): { accountId: string; token: string } | undefined {
  const [, accountId, token] = /^([\w-]{22})\.([\w-]{43})$/.exec(text) ?? [];
  return accountId === undefined || token === undefined ? undefined : { accountId, token };
}
