// The bare prototype (workers/prototype.ts): rotation with storage, and nothing else.
import { ACCESS_SECRET, type Entry, REFRESH_SECRET } from '../contract.ts';
import { bundle, serveWorker } from '../workerd.ts';
import { connectTo as connectToFloor } from './floor.ts';

export async function serve({ state }: { state: string }) {
  const { url, server } = await serveWorker(await bundle('prototype.ts'), {
    resourcePersistencePath: state,
    durableObjects: { SESSION: { className: 'Session', useSQLite: true } },
    bindings: { ACCESS_SECRET, REFRESH_SECRET },
  });
  return { url, stop: () => server.dispose() };
}

/** Asked like the floor, of which it has only the refresh. */
export function connectTo(url: string, entry: Entry) {
  const { prepare, operations } = connectToFloor(url, entry);
  return { prepare, operations: { ...(operations.refresh && { refresh: operations.refresh }) } };
}
