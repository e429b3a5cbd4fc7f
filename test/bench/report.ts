// What was measured, as a Markdown table. It measures nothing.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { alignTable } from '../support/markdown-table.ts';
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
  p50: number;
  p99: number;
  /** How many times as many requests per second as the first row's, turn by turn. Undefined for the first row. */
  ratio?: { median: number; lowest: number; highest: number };
}

const HEADER = ['operation', 'contender', 'requests/s', 'p50, ms', 'p99, ms', 'ratio, lowest to highest'];

/** One table of all operations. The ratio is that of the requests per second to those of the first row of its operation. */
export function toMarkdown(rows: Row[], note: string): string {
  const lines = [...groupByOperation(rows)].flatMap(([operation, group]) =>
    toFigures(group).map(({ title, perSecond, p50, p99, ratio }, index) => [
      index === 0 ? operation : '',
      title,
      toText(perSecond),
      p50.toFixed(2),
      p99.toFixed(2),
      ratio === undefined
        ? '1'
        : `${ratio.median.toFixed(2)} (${ratio.lowest.toFixed(2)} to ${ratio.highest.toFixed(2)})`,
    ]),
  );
  return `${alignTable([HEADER, ...lines])}\n\n${note}`;
}

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
      p50: of(0.5),
      p99: of(0.99),
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
