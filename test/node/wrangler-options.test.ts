// Options as wrangler takes them, and which step of a deployment gets which.
import { describe, expect, it } from 'vitest';
import { parseOptions, readVarOptions, toArgs } from '../../src/cli/wrangler-options.ts';

function parse(...args: string[]) {
  const parsed = parseOptions('deploy', args);
  if (!parsed.ok) throw new Error(parsed.fault);
  return parsed.options;
}

function faultOf(...args: string[]): string | undefined {
  const parsed = parseOptions('deploy', args);
  return parsed.ok ? undefined : parsed.fault;
}

describe('an option of wrangler deploy', () => {
  it.each([
    [['--dry-run'], true],
    [['--dry-run=true'], true],
    [['--dry-run', 'true'], true],
    [['--dryRun'], true],
    [['--no-dry-run=false'], true],
    [['--dry-run=false'], false],
    [['--dryRun', 'false'], false],
    [['--no-dry-run'], false],
    [['--noDryRun'], false],
  ])('may be a switch: %j', (args, expected) => {
    expect(parse(...args)).toEqual(new Map([['dry-run', expected]]));
  });

  it.each([['--env', 'staging'], ['--env=staging'], ['-e', 'staging'], ['-e=staging'], ['-estaging']])(
    'may have a value: %s %s',
    (...args) => {
      expect(parse(...args.filter((arg) => arg !== undefined))).toEqual(new Map([['env', ['staging']]]));
    },
  );

  it('may have an empty value: that is the top level of the file', () => {
    for (const args of [['--env='], ['--env', ''], ['-e', '']])
      expect(parse(...args)).toEqual(new Map([['env', ['']]]));
  });

  it('may have several, up to the next option, and be repeated', () => {
    const options = parse('--var', 'A:1', 'B:x:y', '--minify', '--var=C:', '--compatibility-flag', 'f');
    expect(options).toEqual(
      new Map<string, unknown>([
        ['var', ['A:1', 'B:x:y', 'C:']],
        ['minify', true],
        ['compatibility-flags', ['f']],
      ]),
    );
    expect(readVarOptions(options)).toEqual({ A: '1', B: 'x:y', C: '' });
  });

  it.each([
    [['--dry-rum'], '--dry-rum is no option of this command'],
    [['--secret=s3cr3t'], '--secret is no option of this command'],
    [['--dry-run=yes'], '--dry-run takes no value'],
    [['-x'], '-x is no option of this command'],
    [['--e', 'staging'], '--e is no option of this command'],
    [['src/index.ts'], 'src/index.ts is no option of this command'],
    [['--dry-run', 'src/index.ts'], 'src/index.ts is no option of this command'],
    [['--env'], '--env needs a value'],
    [['--env', '--dry-run'], '--env needs a value'],
    [['--no-env'], '--no-env is no option of this command'],
    [['--env', 'a', '-e', 'b'], '--env is given twice'],
    [['--experimental-auto-create'], '--experimental-auto-create is no option of this command'],
    [['--cwd', '/tmp'], '--cwd is no option of this command'],
    [['--'], '-- is no option of this command'],
    [['---env', 'a'], '---env is no option of this command'],
  ])('is refused: %j', (args, fault) => {
    expect(faultOf(...args)).toBe(fault);
  });
});

describe('a step', () => {
  const options = parse(
    '-c',
    'x.toml',
    '-e',
    'staging',
    '--name',
    'n',
    '--dry-run',
    '--no-minify',
    '--tag=-1',
  );

  it.each([
    ['deploy', ['--config=x.toml', '--env=staging', '--name=n', '--dry-run', '--minify=false', '--tag=-1']],
    ['secret list', ['--config=x.toml', '--env=staging', '--name=n']],
    ['d1 create', ['--config=x.toml', '--env=staging']],
    ['d1 list', ['--config=x.toml', '--env=staging']],
    ['d1 migrations apply', ['--config=x.toml', '--env=staging']],
  ])('gets those that it takes: %s', (command, args) => {
    expect(toArgs(command, options)).toEqual(args);
  });
});
