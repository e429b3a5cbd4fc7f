// Each code of a field error, provoked over HTTP; and the table of them in docs/reference/errors.md.
import { describe, expect, it } from 'vitest';
import errorsPage from '../../docs/reference/errors.md?raw';
import { fieldErrorCodes } from '../../src/api/error-codes.ts';
import { PASSWORD, Service, uniqueName } from '../support/service.ts';

const ADMIN_TOKEN = 'operators-token-of-the-tests-0123456789abcdef';
const service = new Service({ ADMIN_TOKEN });

type Ask = () => Promise<Response>;

const register = (fields: object): Ask => {
  const name = uniqueName();
  const json = { username: name, email: `${name}@example.com`, password: PASSWORD, ...fields };
  return () => service.post('/register', { json });
};
const administer = (path: string, headers: Record<string, string> = {}): Ask => {
  return () => service.fetch(`/admin/${path}`, { bearer: ADMIN_TOKEN, headers });
};

/** Endpoint and input, the field at fault, and its parameters. */
const CASES: Partial<Record<(typeof fieldErrorCodes)[number], [Ask, string, object?]>> = {
  required: [register({ email: undefined }), 'email'],
  wrong_type: [register({ username: 7 }), 'username', { expected: 'string' }],
  not_an_option: [administer('accounts?order=best'), 'order', { expected: 'newest, oldest' }],
  not_an_integer: [administer('accounts?limit=many'), 'limit'],
  too_small: [administer('accounts?limit=0'), 'limit', { min: 1 }],
  too_large: [administer('accounts?limit=101'), 'limit', { max: 100 }],
  empty: [register({ username: ' ' }), 'username'],
  too_short: [register({ password: 'horse' }), 'password', { min: 8 }],
  too_long: [register({ username: 'a'.repeat(65) }), 'username', { max: 64 }],
  invalid_characters: [register({ username: 'ada@home' }), 'username'],
  loose_punctuation: [register({ username: '-ada' }), 'username'],
  mixed_scripts: [register({ username: 'p\u0430ypal' }), 'username'],
  web_address: [register({ username: 'www.ada' }), 'username'],
  not_an_email: [register({ email: 'ada' }), 'email'],
  styled_characters: [register({ email: '\uff41da@example.com' }), 'email'],
  unsafe_local_part: [register({ email: 'ada%home@example.com' }), 'email'],
  invalid_unicode: [register({ password: `${PASSWORD}\ud800` }), 'password'],
  common_password: [register({ password: 'password1' }), 'password'],
  contains_username: [register({ username: 'adalovelace', password: 'adalovelace1' }), 'password'],
  contains_email: [register({ email: 'augusta@example.com', password: 'augusta@example.com' }), 'password'],
  unknown_parameter: [administer('accounts?disabeld=true'), 'disabeld'],
  repeated_parameter: [administer('accounts?limit=1&limit=2'), 'limit'],
  invalid_cursor: [administer('accounts?cursor=AAAA'), 'cursor'],
  invalid_id: [administer('audit?accountId=ada'), 'accountId'],
  invalid_label: [administer('accounts', { 'X-Operator': 'two words' }), 'X-Operator'],
  address_in_url: [administer('accounts?search=ada@example.com'), 'search'],
};
/** Takes ten thousand accounts: test/life/admin-list.test.ts has it. */
const ELSEWHERE = ['too_many_matches'];

describe('a field error', () => {
  it.each(Object.entries(CASES))('has the code %s', async (code, [ask, field, params]) => {
    const response = await ask();
    expect(response.status).toBe(422);
    const { errors } = await response.json<{ errors: object[] }>();
    const message = expect.stringMatching(/^(is|must) /);
    expect(errors).toEqual([{ field, code, message, ...(params && { params }) }]);
  });

  it('has no other code than these', () => {
    expect([...Object.keys(CASES), ...ELSEWHERE].sort()).toEqual([...fieldErrorCodes].sort());
  });

  it('has its code, and the names of its parameters, in the documentation', () => {
    const section = errorsPage.split('\n## Field errors\n')[1]?.split('\n## ')[0] ?? '';
    const [, ...rows] = [...section.matchAll(/^\| `(\w+)` +\| +(?:`(\w+)`)? +\|/gm)];
    expect(rows.map(([, code]) => code)).toEqual([...fieldErrorCodes]);
    for (const [, code = '', param] of rows) {
      if (ELSEWHERE.includes(code)) continue;
      const [, , params = {}] = CASES[code as keyof typeof CASES] ?? [];
      expect(Object.keys(params), code).toEqual(param === undefined ? [] : [param]);
    }
  });
});
