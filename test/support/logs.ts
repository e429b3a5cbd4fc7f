// What the service writes to its log while a test runs.
import { onTestFinished, vi } from 'vitest';

const METHODS = ['debug', 'error', 'info', 'log', 'trace', 'warn'] as const;

export interface LogLine {
  level: (typeof METHODS)[number];
  text: string;
}

/**
 * Collects every line from here to the end of the test. Lines about mails come whenever the provider has responded, perhaps
 * to a registration before the test: they are left out unless it is about them.
 */
export function captureLogs({ withMails = false } = {}): LogLine[] {
  const lines: LogLine[] = [];
  for (const level of METHODS) {
    const spy = vi.spyOn(console, level).mockImplementation((...values: unknown[]) => {
      const text = values.map(describe).join(' ');
      if (withMails || !text.startsWith('{"event":"mail"')) lines.push({ level, text });
    });
    onTestFinished(() => {
      spy.mockRestore();
    });
  }
  return lines;
}

/** A line as the object that it must be. */
export function parseLine(line: LogLine | undefined): Record<string, unknown> {
  return JSON.parse(line?.text ?? '') as Record<string, unknown>;
}

/** An error shows its message and stack in the platform's log, so they count as written. */
function describe(value: unknown): string {
  if (value instanceof Error) return `${value.message} ${value.stack} ${describe(value.cause)}`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
