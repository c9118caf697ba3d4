import { createRunState, evolveRun, replan, restoreRun, RUN_SNAPSHOT_FINGERPRINT, snapshotRun, type DagRun, type RunCreated, type RunEvent } from '@dagbook/domain';
import { runStream } from '@dagbook/contracts';
import type { EventStore, Snapshot, StoredEvent } from '@dagbook/event-store';
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
  /** Only where a task looks at it. undefined: not looked for yet; null: this is the first. */
  previous?: PreviousRun | null;
  /** Version of the newest snapshot; 0: none. */
  snapshotVersion: number;
  /** When something last happened in it, as far as this process knows. */
  changedAtMs: number;
}

/** The run before another by logical date. While it is unfinished the engine has it hot, and that is what counts. */
export interface PreviousRun {
  readonly streamId: string;
  /** As it was when it was last seen to have ended. */
  ended: DagRun | null;
}

/** Events as the domain knows them: the type beside the data. */
const toRunEvent = (stored: Pick<StoredEvent, 'type' | 'data'>): RunEvent =>
  ({ type: stored.type, ...(stored.data as object) }) as RunEvent;

/** Reads and folds runs; a run that has no events is absent from the answer. */
export async function foldRuns(
  store: Pick<EventStore, 'read' | 'readMany' | 'loadSnapshot'>,
  plans: PlanLibrary,
  keys: readonly { readonly dagId: string; readonly runId: string }[],
): Promise<HotRun[]> {
  const snapshots = await Promise.all(keys.map((key) => store.loadSnapshot(runStream(key.dagId, key.runId), RUN_SNAPSHOT_FINGERPRINT)));
  const whole = keys.filter((_, index) => snapshots[index] === null);
  const streams = await store.readMany(whole.map((key) => runStream(key.dagId, key.runId)));
  const runs: HotRun[] = [];
  for (const [index, { dagId, runId }] of keys.entries()) {
    const streamId = runStream(dagId, runId);
    const snapshot = snapshots[index] ?? null;
    const events = snapshot === null ? (streams.get(streamId) ?? []) : await store.read(streamId, snapshot.version + 1);
    if (snapshot === null && events.length === 0) continue;
    runs.push(await foldRun(plans, { dagId, runId, streamId }, snapshot, events));
  }
  return runs;
}

async function foldRun(plans: PlanLibrary, key: Pick<HotRun, 'dagId' | 'runId' | 'streamId'>, snapshot: Snapshot | null, events: readonly StoredEvent[]): Promise<HotRun> {
  let plan = await plans.get(planHashOf(snapshot, events));
  let state = snapshot === null ? createRunState(plan.compiled) : restoreRun(plan.compiled, snapshot.state);
  let version = snapshot?.version ?? 0;
  for (const stored of events) {
    const event = toRunEvent(stored);
    state = evolveRun(state, event);
    if (event.type === 'RunReplanned') {
      plan = await plans.get(event.planHash);
      state = replan(state, plan.compiled);
    }
    version = stored.version;
  }
  return { ...key, created: state.created as RunCreated, plan, state, version, snapshotVersion: snapshot?.version ?? 0, changedAtMs: 0 };
}

const planHashOf = (snapshot: Snapshot | null, events: readonly StoredEvent[]): string =>
  snapshot === null ? (toRunEvent(events[0] as StoredEvent) as RunCreated).planHash : (snapshot.state as unknown as DagRun).planHash;

/** A tail shorter than this is folded in a millisecond: not worth a row. */
const SHORTEST_TAIL = 500;

/**
 * Keeps a snapshot when the tail since the last one is over twice as long as the state: a cache for the next owner, whose
 * loss or staleness costs time and nothing else.
 */
export async function keepSnapshot(store: Pick<EventStore, 'saveSnapshot'>, run: HotRun): Promise<void> {
  const { state, version } = run;
  const instances = Object.values(state.counts).reduce((sum, count) => sum + count, 0);
  if (version - run.snapshotVersion < Math.max(SHORTEST_TAIL, 2 * instances) || state.awaitsPlan !== null || state.orphans.size > 0) return;
  run.snapshotVersion = version;
  await store.saveSnapshot(run.streamId, { version, fingerprint: RUN_SNAPSHOT_FINGERPRINT, state: snapshotRun(state) });
}
