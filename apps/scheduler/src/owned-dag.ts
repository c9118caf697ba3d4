import { evolveDag, initialDag, type DagEvent, type DagFold } from '@dagbook/domain';
import { dagStream } from '@dagbook/contracts';
import type { StoredEvent } from '@dagbook/event-store';
import type { Plan } from './plan-library.ts';
import type { Ask } from './run-engine.ts';

/** A DAG as the scheduler that owns its partition has it in hand; `DagDesk` says how it lives. */
export interface OwnedDag {
  readonly dagId: string;
  /** Keys of `WakeTimes` are DAGs here. */
  readonly runId: string;
  readonly streamId: string;
  fold: DagFold;
  version: number;
  plan: Plan | undefined;
  readonly running: Set<string>;
  /** Queued runs with the instant after which each may run: oldest first. */
  readonly queued: Map<string, number>;
  /** Queued runs that have been asked to start. */
  readonly starting: Set<string>;
  /** False while its unfinished runs are being folded: until all are known nobody can say how many more may start. */
  knowsItsRuns: boolean;
  /** The fold may lag behind the journal. */
  isInDoubt: boolean;
  scheduling: boolean;
  turn: Promise<unknown>;
}

/** What a run is made of, but for what its DAG says. */
export type NewRun = Omit<Extract<Ask['command'], { type: 'CreateRun' }>, 'type' | 'nowMs' | 'dagId' | 'planHash' | 'dagVersion' | 'bundleHash' | 'traceparent'>;

export const foldOf = (events: readonly StoredEvent[]): DagFold =>
  events.reduce((fold, { type, data }) => evolveDag(fold, { type, ...(data as object) } as DagEvent), initialDag());

export const newOwnedDag = (dagId: string, fold: DagFold, version: number, plan: Plan | undefined): OwnedDag => ({
  dagId, runId: '', streamId: dagStream(dagId), fold, version, plan, running: new Set(), queued: new Map(), starting: new Set(), knowsItsRuns: false, isInDoubt: false, scheduling: false, turn: Promise.resolve(),
});

export const activeRuns = (dag: OwnedDag): number => dag.running.size + dag.queued.size;

export function forgetRun(dag: OwnedDag, runId: string): void {
  dag.running.delete(runId);
  dag.queued.delete(runId);
  dag.starting.delete(runId);
}
