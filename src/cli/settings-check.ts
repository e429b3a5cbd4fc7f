// Settings judged before the service runs: by the service's own reader, and names that look like a misspelt one.
import { loadAccessKeys, loadConfig } from '../config/config.ts';
import { SETTINGS } from '../config/settings.ts';
import { importAccessKeys } from '../tokens/key-set.ts';

/** Fewest edits that make a name another one: more than these are no slip of the hand. */
const MOST_EDITS = 3;

/** Every fault of the settings, as the service would log it at its first request. */
export async function findSettingFaults(env: Record<string, unknown>): Promise<string[]> {
  const loaded = loadConfig(env);
  const material = loadAccessKeys(env);
  const imported = material && (await importAccessKeys(material));
  const keyFaults = imported?.ok === false ? imported.faults : [];
  return [...(loaded.ok ? [] : loaded.faults), ...keyFaults.map((fault) => `ACCESS_TOKEN_SECRET ${fault}`)];
}

/** A sentence for each name that is no setting and close to one. Other names may belong to an app around the service. */
export function findMisspelt(names: Iterable<string>): string[] {
  return [...names].flatMap((name) => {
    if (SETTINGS.some((setting) => setting === name)) return [];
    const [nearest] = SETTINGS.map((setting) => ({
      setting,
      edits: countEdits(name.toUpperCase(), setting),
    })).sort((a, b) => a.edits - b.edits);
    const most = Math.min(MOST_EDITS, Math.floor(name.length / 3));
    return nearest !== undefined && nearest.edits <= most
      ? [`${name} is no setting and has no effect: did you mean ${nearest.setting}?`]
      : [];
  });
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
function countEdits(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const isSame = from[i - 1] === to[j - 1];
      const isSwapped = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      next[j] = Math.min(
        at(row, j) + 1,
        at(next, j - 1) + 1,
        at(row, j - 1) + (isSame ? 0 : 1),
        isSwapped ? at(before, j - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    before = row;
    row = next;
  }
  return at(row, to.length);
}

function at(row: number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
