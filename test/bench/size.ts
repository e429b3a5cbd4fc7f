// `npm run size`: bundles as a deployment would, prints what the bundle is made of, and fails above the budget.
// It needs nothing of bench/package.json.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bundleWorker } from '../support/bundled-worker.ts';

const BUDGET_KIB = 80;
const SHOWN = 15;

interface Metafile {
  outputs: Record<string, { inputs: Record<string, { bytesInOutput: number }> }>;
}

const folder = mkdtempSync(join(tmpdir(), 'latchkey-size-'));
try {
  bundleWorker(folder, undefined, [`--metafile=${join(folder, 'meta.json')}`]);
  const meta: Metafile = JSON.parse(readFileSync(join(folder, 'meta.json'), 'utf8'));
  const parts = new Map<string, number>();
  for (const { inputs } of Object.values(meta.outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const part = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? path;
      parts.set(part, (parts.get(part) ?? 0) + bytesInOutput);
    }
  }
  const sorted = [...parts].sort(([, a], [, b]) => b - a);
  for (const [part, bytes] of sorted.slice(0, SHOWN)) console.log(String(bytes).padStart(8), part);
  const rest = sorted.slice(SHOWN).reduce((sum, [, bytes]) => sum + bytes, 0);
  console.log(String(rest).padStart(8), `${Math.max(0, sorted.length - SHOWN)} others`);
  const bundle = readFileSync(join(folder, 'index.js'));
  const kib = gzipSync(bundle).length / 1024;
  console.log(`${bundle.length} bytes, ${kib.toFixed(1)} KiB with gzip; the budget is ${BUDGET_KIB} KiB`);
  process.exitCode = kib > BUDGET_KIB ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
