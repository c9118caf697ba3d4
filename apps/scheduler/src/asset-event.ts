import type { AssetUpdated, Json, QueuedUpdate, RunCreated, TaskSucceeded } from '@dagbook/domain';
import { assetEventsStream } from '@dagbook/contracts';
import type { AppendEntry, EventStore } from '@dagbook/event-store';
import { uuidv7 } from '@dagbook/platform';

/** What a task's success says of assets, to be written with it. Undefined: nothing. */
export function updatesOf(run: { readonly dagId: string; readonly runId: string }, success: TaskSucceeded): NonNullable<AppendEntry['also']>[number] | undefined {
  const { assetEvents = [], taskId, mapIndex, atMs } = success;
  if (assetEvents.length === 0) return undefined;
  const source = { dagId: run.dagId, runId: run.runId, taskId, mapIndex };
  const updates = assetEvents.map((event): Omit<AssetUpdated, 'type'> => ({ ...event, source, atMs }));
  return {
    streamId: assetEventsStream(uuidv7()), expectedVersion: 0,
    events: updates.map((data) => ({ eventId: uuidv7(), type: 'AssetUpdated', schemaVersion: 1, data: data as unknown as Json })),
  };
}

/** More than this stands beside the event that creates the run, as large results do. */
const INLINE_BYTES = 16 * 1024;

/** Older updates than fit in this are counted and not told: nobody reads a hundred thousand, and no run may be too large to begin. */
const MAX_TOLD_BYTES = 4 * 1024 * 1024;

/** What a run is told of the updates that it takes: all, or the newest. */
export async function triggeringEvents(
  store: Pick<EventStore, 'putContent'>, dagId: string, runId: string, updates: readonly QueuedUpdate[],
): Promise<Pick<RunCreated, 'assetEvents' | 'assetEventsKey' | 'assetEventsOmitted'>> {
  const texts: string[] = [];
  let bytes = 0;
  for (const update of updates.toReversed()) {
    const text = JSON.stringify(update);
    bytes += Buffer.byteLength(text) + 1;
    if (bytes > MAX_TOLD_BYTES && texts.length > 0) break;
    texts.push(text);
  }
  const told = updates.slice(updates.length - texts.length);
  const omitted = told.length === updates.length ? {} : { assetEventsOmitted: updates.length - told.length };
  if (bytes <= INLINE_BYTES) return { assetEvents: told };
  // Erased with the run's results.
  const assetEventsKey = `results/${dagId}/${runId}/asset-events`;
  await store.putContent('xcom', assetEventsKey, new TextEncoder().encode(`[${texts.toReversed().join()}]`));
  return { assetEventsKey, ...omitted };
}
