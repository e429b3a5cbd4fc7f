// Durations as people write them in settings: "30s", "10m", "1d". Pure.

import { trimSetting } from './white-space.ts';

const SECONDS_PER_UNIT: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Reads a whole number with a unit (`s`, `m`, `h`, `d`, `w`) as seconds; `undefined` for anything else. */
export function parseDurationSeconds(text: string): number | undefined {
  const match = /^(\d{1,9})([smhdw])$/.exec(trimSetting(text));
  const amount = match?.[1];
  const unitSeconds = SECONDS_PER_UNIT[match?.[2] ?? ''];
  return amount === undefined || unitSeconds === undefined ? undefined : Number(amount) * unitSeconds;
}
