// What makes a test fail by chance, as far as its source text shows it: short markers, waits of a fixed time, deadlines that
// a busy machine misses. Works on source text.
import { parseAst } from 'vitest/node';
import { isTelling } from './absence.ts';
import { isNode, type Node, type Sources, visit } from './import-rules.ts';

/** Where time is waited for: in small pauses, until something is so. */
const MAY_WAIT = ['support/eventually.ts', 'support/local-run.ts'];
const TIMERS = ['setTimeout', 'setInterval'];
const POLLS = ['vi.waitFor', 'vi.waitUntil', 'expect.poll'];
const DEADLINES = ['timeout', 'testTimeout', 'hookTimeout'];
const HOOKS = ['beforeAll', 'beforeEach', 'afterAll', 'afterEach'];

/** Every such place, by path below test/ and line; empty when there is none. */
export function findChanceFaults(sources: Sources): string[] {
  return Object.entries(sources).flatMap(([path, text]) => {
    const faults: string[] = [];
    visit(parseAst(text, { lang: 'ts' }, path), (node) => {
      const fault = findFault(path, node);
      if (fault === undefined) return;
      const line = text.slice(0, Number(node.start)).split('\n').length;
      faults.push(`${path}:${line}: ${fault}`);
    });
    return faults;
  });
}

function findFault(path: string, node: Node): string | undefined {
  switch (node.type) {
    case 'CallExpression':
      return findCallFault(path, node);
    case 'ImportDeclaration':
      return isNode(node.source) && node.source.value === 'node:timers/promises' && !MAY_WAIT.includes(path)
        ? 'waits a fixed time: poll (support/eventually.ts)'
        : undefined;
    case 'Property':
      return DEADLINES.includes(nameOf(node.key)) && isNumber(node.value)
        ? 'has a deadline of its own: that of test/vitest.config.ts is for all'
        : undefined;
    default:
      return undefined;
  }
}

function findCallFault(path: string, { callee, arguments: passed }: Node): string | undefined {
  const name = nameOf(callee);
  const [first, ...rest] = Array.isArray(passed) ? passed : [];
  if (name.endsWith('not.toContain')) {
    const marker = isNode(first) && first.type === 'Literal' ? first.value : undefined;
    if (typeof marker !== 'string')
      return 'looks for a text that may be short: expectAbsent (support/absence.ts), or toContainEqual in a list';
    return isTelling(marker) ? undefined : `looks for ${marker}, which random ids hold now and then`;
  }
  if (POLLS.includes(name)) return `${name} gives up after a second: eventually (support/eventually.ts)`;
  if (HOOKS.includes(name) && rest.some(isNumber))
    return 'has a deadline of its own: that of test/vitest.config.ts is for all';
  const isTimer = TIMERS.includes(name.replace(/^globalThis\./, '')) || name === 'scheduler.wait';
  return isTimer && !MAY_WAIT.includes(path) ? 'waits a fixed time: poll (support/eventually.ts)' : undefined;
}

function isNumber(value: unknown): boolean {
  return isNode(value) && value.type === 'Literal' && typeof value.value === 'number';
}

/** `a.b` of a member expression, `….b` when what stands before is a call. */
function nameOf(value: unknown): string {
  if (!isNode(value)) return '';
  if (value.type === 'Identifier') return String(value.name);
  if (value.type !== 'MemberExpression' || value.computed === true) return '';
  return `${nameOf(value.object)}.${nameOf(value.property)}`;
}
