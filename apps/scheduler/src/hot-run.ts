import { createRunState, evolveRun, replan, type DagRun, type RunCreated, type RunEvent } from '@dagbook/domain';
import { runStream } from '@dagbook/contracts';
import type { EventStore, StoredEvent } from '@dagbook/event-store';
import type { Plan, PlanLibrary } from './plan-library.ts';

/** An unfinished run as its owner holds it: folded, with the version of its stream that the fold stands at. */
export interface HotRun {
  readonly dagId: string;
  readonly runId: string;
  readonly streamId: string;
  readonly created: RunCreated;
  plan: Plan;
  state: DagRun;
  version: number;
  /** When something last happened in it, as far as this process knows. */
  changedAtMs: number;
}

/** Events as the domain knows them: the type beside the data. */
export const toRunEvent = (stored: Pick<StoredEvent, 'type' | 'data'>): RunEvent =>
  ({ type: stored.type, ...(stored.data as object) }) as RunEvent;

/** Reads and folds runs; a run that has no events is absent from the answer. */
export async function foldRuns(
  store: Pick<EventStore, 'readMany'>,
  plans: PlanLibrary,
  keys: readonly { readonly dagId: string; readonly runId: string }[],
): Promise<HotRun[]> {
  const streams = await store.readMany(keys.map((key) => runStream(key.dagId, key.runId)));
  const runs: HotRun[] = [];
  for (const { dagId, runId } of keys) {
    const streamId = runStream(dagId, runId);
    const events = streams.get(streamId);
    if (events === undefined || events.length === 0) continue;
    runs.push(await foldRun(plans, dagId, runId, events));
  }
  return runs;
}

async function foldRun(plans: PlanLibrary, dagId: string, runId: string, events: readonly StoredEvent[]): Promise<HotRun> {
  const created = toRunEvent(events[0] as StoredEvent) as RunCreated;
  let plan = await plans.get(created.planHash);
  let state = createRunState(plan.compiled);
  let version = 0;
  for (const stored of events) {
    const event = toRunEvent(stored);
    state = evolveRun(state, event);
    if (event.type === 'RunReplanned') {
      plan = await plans.get(event.planHash);
      state = replan(state, plan.compiled);
    }
    version = stored.version;
  }
  return { dagId, runId, streamId: runStream(dagId, runId), created, plan, state, version, changedAtMs: 0 };
}
