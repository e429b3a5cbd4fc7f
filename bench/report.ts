// What was measured, as text, Markdown and SVG. It measures nothing.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { alignTable } from '../test/support/markdown-table.ts';
import type { OperationName } from './contract.ts';
import type { Turn } from './load.ts';

export interface Row {
  operation: OperationName;
  title: string;
  turns: Turn[];
}

interface Figures {
  title: string;
  perSecond: number;
  lowest: number;
  highest: number;
  p50: number;
  p99: number;
  errors: number;
  /** How many times as many requests per second as the first row's, turn by turn. Undefined for the first row. */
  ratio?: { median: number; lowest: number; highest: number };
}

const HEADER = ['', 'requests/s', 'lowest to highest', 'p50, ms', 'p99, ms', 'errors', 'ratio to the first'];

/** Shown once there is something to show. */
export const PICTURE = '![Requests per second](images/performance.svg)';

/** The tables of all operations, in Markdown that is also good to read in a terminal. */
export function toMarkdown(rows: Row[], note: string): string {
  const tables = [...groupByOperation(rows)].map(([operation, group]) => {
    const lines = toFigures(group).map((figures) => [
      figures.title,
      toText(figures.perSecond),
      `${toText(figures.lowest)} to ${toText(figures.highest)}`,
      figures.p50.toFixed(2),
      figures.p99.toFixed(2),
      String(figures.errors),
      figures.ratio === undefined
        ? ''
        : `${figures.ratio.median.toFixed(2)} (${figures.ratio.lowest.toFixed(2)} to ${figures.ratio.highest.toFixed(2)})`,
    ]);
    return `### ${operation}\n\n${alignTable([HEADER, ...lines])}\n\n${toPairs(group)}`;
  });
  return `${note}\n\n${tables.join('\n\n')}`;
}

/** How many times as many requests per second each row has as each other: medians of the turns. */
function toPairs(group: Row[]): string {
  const numbers = group.map((_, index) => `to ${index + 1}`);
  const lines = group.map((row, index) => [
    `${index + 1}: ${row.title}`,
    ...group.map((other) => {
      const ratios = row.turns.map((turn, at) => rate(turn) / rate(other.turns[at] ?? turn));
      return median(ratios).toFixed(2);
    }),
  ]);
  return alignTable([['requests/s', ...numbers], ...lines]);
}

/**
 * What is asked of the ratios, beside what was measured: medians of the turns. And the same ratios of the least that could
 * stand in Latchkey's place, with storage and without: what they do not reach, nothing here will. Rows that did not run are
 * left out.
 */
export function toTargets(rows: Row[]): string {
  const lines = TARGETS.flatMap(([text, operation, other, bound, figure]) => {
    const figuresOf = (title: string) =>
      rows.find((row) => row.operation === operation && row.title.startsWith(title))?.turns.map(figure);
    const theirs = figuresOf(other);
    const ratioOf = (title: string) => {
      const ours = figuresOf(title);
      return ours && theirs && median(ours.map((value, turn) => value / (theirs[turn] ?? Number.NaN)));
    };
    const ratio = ratioOf('Latchkey, HS256');
    if (ratio === undefined) return [];
    const isMet = 'least' in bound ? ratio >= bound.least : ratio <= bound.most;
    const asked = 'least' in bound ? `at least ${bound.least}` : `at most ${bound.most}`;
    const [rotation, floor] = ['Bare rotation', 'Hono, HS256'].map((title) =>
      title === other ? undefined : ratioOf(title),
    );
    return [
      [
        text,
        asked,
        ratio.toFixed(2),
        isMet ? 'yes' : 'no',
        rotation?.toFixed(2) ?? '',
        floor?.toFixed(2) ?? '',
      ],
    ];
  });
  const header = ['to', 'asked', 'Latchkey, HS256', 'met', 'bare rotation', 'no storage'];
  return lines.length === 0 ? '' : alignTable([header, ...lines]);
}

const latencyAt =
  (q: number) =>
  ({ latenciesMs }: Turn) =>
    quantile(latenciesMs, q);

/** What is compared, in which operation, how the other row's title begins, and what the ratio may be. */
const TARGETS: [
  string,
  OperationName,
  string,
  { least: number } | { most: number },
  (turn: Turn) => number,
][] = [
  ["Express's refresh, requests/s", 'refresh', 'Express', { least: 0.75 }, rate],
  ["Express's refresh, p50", 'refresh', 'Express', { most: 1.5 }, latencyAt(0.5)],
  ["Express's refresh, p99", 'refresh', 'Express', { most: 5 }, latencyAt(0.99)],
  ["better-auth's refresh, requests/s", 'refresh', 'better-auth', { least: 15 }, rate],
  ['one verified, two signed, requests/s', 'refresh', 'Hono, HS256', { least: 0.5 }, rate],
  ['the bare hash, sign-ins/s', 'sign-in', 'Hono, HS256', { least: 0.85 }, rate],
];

function rate({ latenciesMs, seconds }: Turn): number {
  return latenciesMs.length / seconds;
}

/** Puts text between two markers of a document, `<!-- name -->` and `<!-- end name -->`, and leaves the rest as it is. */
export function writeBetweenMarkers(path: string, name: string, text: string): void {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end ${name} -->`];
  const [before, rest] = readFileSync(path, 'utf8').split(begin);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`${path} lacks the markers of ${name}`);
  writeFileSync(path, `${before}${begin}\n\n${text}\n\n${end}${after}`);
}

/** Bars of requests per second, a panel for each operation, with a line from the slowest to the fastest turn. */
export function toSvg(rows: Row[]): string {
  const parts: string[] = [];
  let y = 10;
  for (const [operation, group] of groupByOperation(rows)) {
    const figures = toFigures(group);
    const most = Math.max(...figures.map(({ highest }) => highest));
    parts.push(`<text x="10" y="${y + 14}" class="title">${operation}, requests/s</text>`);
    y += 24;
    for (const { title, perSecond, lowest, highest } of figures) {
      const scale = (value: number) => ((value / most) * 380).toFixed(1);
      parts.push(
        `<text x="230" y="${y + 13}" text-anchor="end">${title}</text>`,
        `<rect x="240" y="${y + 2}" width="${scale(perSecond)}" height="14"${title.startsWith('Latchkey') ? ' class="ours"' : ''}/>`,
        `<line x1="${240 + Number(scale(lowest))}" x2="${240 + Number(scale(highest))}" y1="${y + 9}" y2="${y + 9}"/>`,
        `<text x="${250 + Number(scale(highest))}" y="${y + 13}">${toText(perSecond)}</text>`,
      );
      y += 20;
    }
    y += 14;
  }
  const style =
    'svg{background:#fff}text{font:12px sans-serif;fill:#222}.title{font-weight:bold}rect{fill:#b8c0cc}.ours{fill:#2f6fb4}line{stroke:#222}';
  return `<svg xmlns="http://www.w3.org/2000/svg" width="720" height="${y}" viewBox="0 0 720 ${y}" role="img" aria-label="Requests per second of each contender"><style>${style}</style>${parts.join('\n')}</svg>\n`;
}

/** The machine, as far as it matters. */
export function describeMachine(): string {
  const [first] = cpus();
  return `${cpus().length} × ${first?.model.trim() ?? 'unknown'}, Node ${process.versions.node}`;
}

function toFigures(group: Row[]): Figures[] {
  const rates = (row: Row) => row.turns.map(rate);
  const first = group[0] === undefined ? [] : rates(group[0]);
  return group.map((row, index) => {
    const perTurn = rates(row);
    const ratios = perTurn.map((rate, turn) => rate / (first[turn] ?? Number.NaN));
    const of = (q: number) => median(row.turns.map(({ latenciesMs }) => quantile(latenciesMs, q)));
    return {
      title: row.title,
      perSecond: median(perTurn),
      lowest: Math.min(...perTurn),
      highest: Math.max(...perTurn),
      p50: of(0.5),
      p99: of(0.99),
      errors: row.turns.reduce((sum, { errors }) => sum + errors.length, 0),
      ...(index > 0 && {
        ratio: { median: median(ratios), lowest: Math.min(...ratios), highest: Math.max(...ratios) },
      }),
    };
  });
}

function groupByOperation(rows: Row[]): Map<OperationName, Row[]> {
  return Map.groupBy(rows, ({ operation }) => operation);
}

/** Of sorted values. */
export function quantile(sorted: Float64Array, q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

function toText(perSecond: number): string {
  return perSecond < 100 ? perSecond.toFixed(1) : Math.round(perSecond).toLocaleString('en-US');
}
