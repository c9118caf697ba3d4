import { pastOf, type PastRuns } from '@dagbook/domain';
import { runStream } from '@dagbook/contracts';
import type { EventStore } from '@dagbook/event-store';
import { foldRuns, type HotRun, type PreviousRun } from './hot-run.ts';
import { claimedDates, holderOf } from './logical-date-claim.ts';
import type { PlanLibrary } from './plan-library.ts';

/** Finds the run before; null: there is none, this is the DAG's first. */
export async function findPrevious(
  store: Pick<EventStore, 'listStreams' | 'read' | 'readMany' | 'loadSnapshot'>,
  plans: PlanLibrary,
  run: HotRun,
  hot: ReadonlyMap<string, HotRun>,
): Promise<PreviousRun | null> {
  const { logicalDateMs } = run.created;
  if (logicalDateMs === null) return null;
  const earlier = (await claimedDates(store, run.dagId)).filter((dateMs) => dateMs < logicalDateMs).sort((a, b) => b - a);
  for (const dateMs of earlier) {
    const runId = await holderOf(store, run.dagId, dateMs);
    if (runId === undefined) continue;
    const streamId = runStream(run.dagId, runId);
    if (hot.has(streamId)) return { streamId, ended: null };
    const [ended] = await foldRuns(store, plans, [{ dagId: run.dagId, runId }]);
    // A claim whose run was never made is passed over.
    if (ended !== undefined) return { streamId, ended: ended.state };
  }
  return null;
}

/** What the domain asks of the run before. */
export function pastRuns(previous: PreviousRun | null, hot: ReadonlyMap<string, HotRun>): PastRuns {
  return {
    isFirst: previous === null,
    taskOf: (ref) => {
      const state = previous === null ? undefined : (hot.get(previous.streamId)?.state ?? previous.ended ?? undefined);
      return state === undefined ? undefined : pastOf(state, ref);
    },
  };
}
