import { describe, expect, it } from 'vitest';
import { expectProblem } from '../support/problem.ts';
import { PASSWORD, Service, uniqueName } from '../support/service.ts';
import { countInDirectory, findInDirectory, listStoredUsernames } from '../support/storage.ts';

const service = new Service();
const REQUIRED = 'is required';
const TEXT = 'must be a string';

describe('POST /login without what it needs', () => {
  it.each<[string, object, [string, string][]]>([
    [
      'no fields',
      {},
      [
        ['username', REQUIRED],
        ['password', REQUIRED],
      ],
    ],
    ['no password', { username: 'ada' }, [['password', REQUIRED]]],
    ['no user name', { password: PASSWORD }, [['username', REQUIRED]]],
    [
      'an e-mail field instead of the name',
      { email: 'ada@example.com', password: PASSWORD },
      [['username', REQUIRED]],
    ],
    ['a number for the password', { username: 'ada', password: 12345678 }, [['password', TEXT]]],
    [
      'null and an object',
      { username: null, password: {} },
      [
        ['username', TEXT],
        ['password', TEXT],
      ],
    ],
    ['a list for the name', { username: ['ada'], password: PASSWORD }, [['username', TEXT]]],
    ['a truth value', { username: true, password: PASSWORD }, [['username', TEXT]]],
  ])('names the fields: %s', async (_, json, faults) => {
    const response = await service.post('/login', { json });
    await expectProblem(response, 422, 'invalid_input', { errors: toErrors(faults) });
  });

  it('names them for a form, too', async () => {
    const response = await service.post('/login', { form: { username: 'ada' } });
    await expectProblem(response, 422, 'invalid_input', { errors: toErrors([['password', REQUIRED]]) });
  });

  it('does not take a field from the prototype', async () => {
    const body = '{"__proto__":{"username":"ada","password":"x"}}';
    const response = await service.post('/login', { body, headers: { 'Content-Type': 'application/json' } });
    await expectProblem(response, 422, 'invalid_input', {
      errors: toErrors([
        ['username', REQUIRED],
        ['password', REQUIRED],
      ]),
    });
  });
});

const NAME_RULE = "must consist of letters, digits and . _ - ' +, without spaces and without @";
const COMMON = 'is one of the most common passwords; choose one that others would not guess';

describe('POST /register with what will not do', () => {
  it.each<[string, object, [string, string][]]>([
    [
      'no fields',
      { username: undefined, email: undefined, password: undefined },
      [
        ['username', REQUIRED],
        ['email', REQUIRED],
        ['password', REQUIRED],
      ],
    ],
    [
      'mistyped fields',
      { username: 1, email: [], password: null },
      [
        ['username', TEXT],
        ['email', TEXT],
        ['password', TEXT],
      ],
    ],
    [
      'empty fields',
      { username: '', email: '', password: '' },
      [
        ['username', 'must not be empty'],
        ['email', 'must not be empty'],
        ['password', 'must be at least 8 characters long'],
      ],
    ],
    [
      'blanks for names',
      { username: ' \u00a0', email: '\t' },
      [
        ['username', 'must not be empty'],
        ['email', 'must not be empty'],
      ],
    ],
    [
      'three faults at once',
      { username: 'a b', email: 'nobody', password: 'short' },
      [
        ['username', NAME_RULE],
        ['email', 'must be an e-mail address'],
        ['password', 'must be at least 8 characters long'],
      ],
    ],
    ['a name that looks like an address', { username: 'ada@example.com' }, [['username', NAME_RULE]]],
    ['a name with a line break', { username: 'ada\nlovelace' }, [['username', NAME_RULE]]],
    ['a name that is a link', { username: 'https://evil.example' }, [['username', NAME_RULE]]],
    [
      'a name of two alphabets',
      { username: 'p\u0430ypal' },
      [['username', 'must keep to the letters of one alphabet and to one kind of digits']],
    ],
    [
      'an address in full-width letters',
      { email: 'ａｄａ@example.com' },
      [['email', 'must be an e-mail address in plain characters, not in full-width or styled ones']],
    ],
    ['a name with a direction mark', { username: 'ada\u202e' }, [['username', NAME_RULE]]],
    [
      'a name of 65 characters',
      { username: 'a'.repeat(65) },
      [['username', 'must be at most 64 characters long']],
    ],
    ['an address without domain', { email: 'ada@' }, [['email', 'must be an e-mail address']]],
    [
      'an address of 255 characters',
      { email: `ada@${'x'.repeat(60)}.${'y'.repeat(60)}.${'z'.repeat(60)}.${'w'.repeat(60)}.example` },
      [['email', 'must be at most 254 characters long']],
    ],
    [
      'a password of 7 characters',
      { password: 'q7#Lp!x' },
      [['password', 'must be at least 8 characters long']],
    ],
    [
      'a password of 1025 characters',
      { password: 'x y '.repeat(257).slice(0, 1025) },
      [['password', 'must be at most 1024 characters long']],
    ],
    ['a common password', { password: 'password1' }, [['password', COMMON]]],
    ['a common password in capitals', { password: 'PASSWORD1' }, [['password', COMMON]]],
    [
      'half of a surrogate pair',
      { password: 'abcdefgh\ud800' },
      [['password', 'must be valid Unicode text']],
    ],
  ])('names every fault of every field, and makes nothing: %s', async (_, changes, faults) => {
    const name = uniqueName();
    const json = { username: name, email: `${name}@example.com`, password: PASSWORD, ...changes };
    const before = await listStoredUsernames();
    const response = await service.post('/register', { json });
    await expectProblem(response, 422, 'invalid_input', { errors: toErrors(faults) });
    expect(await listStoredUsernames()).toEqual(before);
    expect(await countInDirectory()).toBe(before.length);
  });

  it.each([
    ['the user name', (name: string) => name, 'must not be your user name'],
    ['the user name backwards', (name: string) => [...name].reverse().join(''), 'must not be your user name'],
    ['the e-mail address', (name: string) => `${name}@mail.example`, 'must not be your e-mail address'],
    ['the user name with more', (name: string) => `${name}1!`, 'must not be your user name'],
  ])('refuses %s as the password', async (_, choose, message) => {
    const name = uniqueName();
    const json = { username: ` ${name}\t`, email: ` ${name}@mail.example\n`, password: choose(name) };
    await expectProblem(await service.post('/register', { json }), 422, 'invalid_input', {
      errors: [{ field: 'password', message }],
    });
    expect(await findInDirectory(name)).toBeUndefined();
  });
});

describe('POST /register', () => {
  it.each([
    ['of one kind of character only', 'thunderstormlantern'],
    ['of 8 characters', 'q7#Lp!xz'],
    ['of 8 characters outside the basic plane', '🦊🦉🐢🦔🐝🐌🦋🐠'],
    ['of blanks and words', '  two spaces at both ends  '],
    ['of 1024 characters', 'x y '.repeat(256)],
  ])('takes a password %s: there is no composition rule', async (_, password) => {
    const name = uniqueName();
    const json = { username: name, email: `${name}@example.com`, password };
    expect((await service.post('/register', { json })).status).toBe(201);
    await service.login(name, password);
  });
});

function toErrors(faults: [string, string][]): { field: string; message: string }[] {
  return faults.map(([field, message]) => ({ field, message }));
}
