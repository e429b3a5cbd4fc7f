// Which small changes a source file admits: each a stretch of its text and what to put there. Works on source text.
import { parseAst } from 'vitest/node';
import { mutateRegex } from './mutation-regex.ts';

/** One change to one file, and nothing else in it. `start` and `end` are offsets into the text. */
export interface Mutant {
  path: string;
  line: number;
  start: number;
  end: number;
  replacement: string;
}

type Node = { type: string; start: number; end: number } & Record<string, unknown>;
/** Replacements of a node's text, or of a stretch of it. */
type Change = [node: { start: number; end: number }, replacement: string];

const BINARY: Record<string, string[]> = {
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '===': ['!=='],
  '!==': ['==='],
  '+': ['-'],
  '-': ['+'],
  '*': ['/'],
  '/': ['*'],
  '**': ['*'],
};
const COMPARISONS = /^(?:[<>]=?|[!=]==|in)$/;
const METHODS = new Map(
  Object.entries({
    every: 'some',
    some: 'every',
    startsWith: 'endsWith',
    min: 'max',
    ceil: 'floor',
    floor: 'ceil',
    toLowerCase: 'toUpperCase',
  }),
);
/** Calls that response with the same kind of thing as what they are called on: they can be left out. */
const TRANSFORMS =
  /^(?:filter|trim|trimStart|normalize|toLowerCase|sort|reverse|slice|replaceAll|isWellFormed|optional)$/;

/** Every mutant of a file, in the order of its text. The same text gives the same mutants. */
export function findMutants(path: string, text: string): Mutant[] {
  const changes: Change[] = [];
  visit(parseAst(text, { lang: 'ts' }, path), (node) => changes.push(...mutate(node, text)));
  const found = new Map<string, Mutant>();
  for (const [{ start, end }, replacement] of changes) {
    if (text.slice(start, end) === replacement) continue;
    const line = text.slice(0, start).split('\n').length;
    found.set(`${start}:${end}:${replacement}`, { path, line, start, end, replacement });
  }
  return [...found.values()].sort((a, b) => a.start - b.start || a.end - b.end);
}

function mutate(node: Node, text: string): Change[] {
  const write = (part: unknown) => (isNode(part) ? text.slice(part.start, part.end) : '');
  switch (node.type) {
    case 'BinaryExpression':
      return mutateBinary(node, write);
    case 'LogicalExpression':
      return mutateLogical(node, write);
    case 'UnaryExpression':
      return node.operator === '!' ? [[node, write(node.argument)]] : [];
    case 'IfStatement':
    case 'ConditionalExpression':
      return isNode(node.test) ? force(node.test, write) : [];
    case 'ReturnStatement':
      return isNode(node.argument) && !isUndefined(node.argument) ? [[node.argument, 'undefined']] : [];
    case 'ArrowFunctionExpression':
      return node.expression === true && isNode(node.body) ? [[node.body, '(undefined)']] : [];
    case 'ExpressionStatement':
      return isNode(node.expression) && node.expression.type !== 'Literal' ? [[node, ';']] : [];
    case 'ForOfStatement':
      return isNode(node.body) ? [[node.body, '{}']] : [];
    case 'Literal':
      return mutateLiteral(node);
    case 'CallExpression':
      return mutateCall(node, write);
    case 'MemberExpression':
      return mutateMember(node, text);
    case 'ObjectExpression':
      return dropMembers(node, write);
    default:
      return [];
  }
}

function mutateBinary(node: Node, write: (part: unknown) => string): Change[] {
  const { left, right, operator } = node;
  const others = BINARY[String(operator)] ?? [];
  const changes = others.map((other): Change => [node, `${write(left)} ${other} ${write(right)}`]);
  if (COMPARISONS.test(String(operator))) changes.push([node, 'true'], [node, 'false']);
  return changes;
}

/** The other operator, and each side alone. */
function mutateLogical(node: Node, write: (part: unknown) => string): Change[] {
  const [left, right] = [write(node.left), write(node.right)];
  const changes: Change[] = [
    [node, left],
    [node, `(${right})`],
  ];
  if (node.operator === '&&') changes.push([node, `((${left}) || (${right}))`]);
  if (node.operator === '||') changes.push([node, `((${left}) && (${right}))`]);
  return changes;
}

function force(test: Node, write: (part: unknown) => string): Change[] {
  const changes: Change[] = [
    [test, 'true'],
    [test, 'false'],
  ];
  // The negation of a comparison is another comparison, made elsewhere; the same holds of what begins with `!`.
  if (!['BinaryExpression', 'UnaryExpression'].includes(test.type)) changes.push([test, `!(${write(test)})`]);
  return changes;
}

function mutateLiteral(node: Node): Change[] {
  const { value, raw, regex } = node;
  if (typeof value === 'boolean') return [[node, String(!value)]];
  if (typeof value === 'number') return [value + 1, value - 1].map((other) => [node, `(${other})`]);
  if (typeof node.bigint === 'string')
    return [1n, -1n].map((step) => [node, `(${BigInt(String(node.bigint)) + step}n)`]);
  if (typeof raw === 'string' && typeof regex === 'object')
    return mutateRegex(raw).map((other) => [node, other]);
  // A text with a blank in it is a message for people.
  if (typeof value !== 'string' || (value.includes(' ') && value.trim() !== '')) return [];
  return [[node, value === '' ? "'mutant'" : "''"]];
}

function mutateCall(node: Node, write: (part: unknown) => string): Change[] {
  const callee = node.callee;
  if (!isNode(callee) || callee.type !== 'MemberExpression' || !isNode(callee.property)) return [];
  const name = String(callee.property.name);
  const changes: Change[] = [];
  const other = METHODS.get(name);
  if (other !== undefined) changes.push([callee.property, other]);
  if (TRANSFORMS.test(name))
    changes.push([node, name === 'optional' ? `(${args(node)})` : write(callee.object)]);
  if (name === 'pipe') {
    const steps = Array.isArray(node.arguments) ? node.arguments.filter(isNode) : [];
    for (const step of steps.slice(1))
      changes.push([
        node,
        `v.pipe(${steps
          .filter((other) => other !== step)
          .map(write)
          .join(', ')})`,
      ]);
  }
  return changes;

  function args(call: Node): string {
    return Array.isArray(call.arguments) ? call.arguments.map(write).join(', ') : '';
  }
}

function mutateMember(node: Node, text: string): Change[] {
  if (node.optional !== true || !isNode(node.object) || !isNode(node.property)) return [];
  const start = node.object.end;
  return [
    [
      { start, end: node.property.start },
      text.slice(start, node.property.start).replace('?.', node.computed === true ? '' : '.'),
    ],
  ];
}

/** Members that other operators cannot reach: shorthand ones, and what is spread. */
function dropMembers(node: Node, write: (part: unknown) => string): Change[] {
  const members = Array.isArray(node.properties) ? node.properties.filter(isNode) : [];
  return members
    .filter((member) => member.type === 'SpreadElement' || member.shorthand === true)
    .map((gone) => {
      const kept = members.filter((member) => member !== gone);
      return [node, `{ ${kept.map(write).join(', ')} }`];
    });
}

function isUndefined(node: Node): boolean {
  return node.type === 'Identifier' && node.name === 'undefined';
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** Types and imports change nothing at run time; what a type assertion wraps does. */
function visit(value: unknown, look: (node: Node) => void): void {
  if (Array.isArray(value)) for (const item of value) visit(item, look);
  if (!isNode(value) || value.type === 'ImportDeclaration') return;
  if (value.type.startsWith('TS')) {
    visit(value.expression, look);
    return;
  }
  look(value);
  for (const [name, child] of Object.entries(value)) {
    const isKey = name === 'key' && value.computed !== true;
    if (!isKey && !/^(?:type|return)(?:Annotation|Type|Parameters|Arguments)$/.test(name)) visit(child, look);
  }
}
