import {
  compilePlan, createRunState, invariant, isFinished, isRejected, nextWakeAtMs, readyInstances, settle,
  type DagDefinition, type DagRun, type Json, type RunCommand, type TaskDefinition, type TaskInstanceView, type TriggerRule,
} from '@dagbook/domain';

/** One line of `dagruns.jsonl`: a DAG whose tasks say what they do, and what Airflow made of it. */
export interface DagRunRow {
  readonly dag: { readonly tasks: readonly OracleTask[] };
  readonly run: string;
  readonly taskInstances: readonly OracleInstance[];
}

export interface OracleInstance {
  readonly task: string;
  readonly mapIndex: number;
  readonly state: string;
  readonly tries: number;
}

export type Deed = 'success' | 'fail' | 'skip' | 'failOnce' | 'failNoRetry';

export interface OracleTask {
  readonly id: string;
  readonly kind: 'task' | 'branch' | 'shortCircuit' | 'mapped' | 'setup' | 'teardown';
  readonly upstream: readonly string[];
  readonly triggerRule: TriggerRule;
  readonly retries: number;
  readonly does: Deed | 'mapped';
  readonly returns?: readonly Deed[];
  readonly chooses?: readonly string[];
  readonly passes?: boolean;
  readonly ignoreDownstreamTriggerRules?: boolean;
  readonly items?: readonly Deed[];
  readonly over?: string;
  readonly setup?: string;
  readonly onFailureFailDagrun?: boolean;
}

/** The row's DAG as a definition: what the real service is given too, with tasks whose code does their deed. */
export function definitionOf(row: DagRunRow, dagId: string): DagDefinition {
  return { dagId, timezone: 'UTC', schedule: { kind: 'none' }, tasks: row.dag.tasks.map(taskOf) };
}

function taskOf(task: OracleTask): TaskDefinition {
  return {
    taskId: task.id,
    operator: 'oracle',
    upstream: task.upstream,
    triggerRule: task.triggerRule,
    retries: task.retries,
    retryDelayMs: 0,
    ...(task.kind === 'branch' ? { kind: 'branch' as const } : {}),
    ...(task.kind === 'shortCircuit' ? { kind: 'shortCircuit' as const, ignoreDownstreamTriggerRules: task.ignoreDownstreamTriggerRules ?? true } : {}),
    ...(task.kind === 'setup' ? { setup: true } : {}),
    ...(task.kind === 'teardown' ? { teardown: { setups: task.setup === undefined ? [] : [task.setup], onFailureFailDagrun: task.onFailureFailDagrun ?? false } } : {}),
    ...(task.kind === 'mapped' ? { mapping: { kind: 'expand' as const, over: [['item', task.over === undefined
      ? { kind: 'literal' as const, value: task.items ?? [] }
      : { kind: 'result' as const, taskId: task.over }] as const] } } : {}),
  };
}

/** What a try of a task instance does. */
export function deedOf(task: OracleTask, mapIndex: number): Deed {
  const deed = task.kind === 'mapped' ? task.items?.[mapIndex] : task.does;
  invariant(deed !== undefined && deed !== 'mapped', `row: ${task.id}[${mapIndex}] does nothing`);
  return deed;
}

/** The final report of a try, as a worker would send it. */
export function reportOf(task: OracleTask, instance: Pick<TaskInstanceView, 'mapIndex' | 'tryNumber'>, epoch: number, nowMs: number): RunCommand {
  const attempt = { taskId: task.id, mapIndex: instance.mapIndex, tryNumber: instance.tryNumber, epoch, nowMs };
  const fail = (code: 'error' | 'no_retry'): RunCommand => ({ type: 'RecordTaskFailed', ...attempt, failure: { code, message: `${task.id} fails` } });
  const deed = deedOf(task, instance.mapIndex);
  if (deed === 'skip') return { type: 'RecordTaskSkipped', ...attempt };
  if (deed === 'failNoRetry') return fail('no_retry');
  if (deed === 'fail' || (deed === 'failOnce' && instance.tryNumber === 1)) return fail('error');
  return {
    type: 'RecordTaskSucceeded', ...attempt,
    ...(task.returns === undefined ? {} : { result: { kind: 'inline' as const, value: task.returns as Json } }),
    ...(task.kind === 'branch' ? { chosen: task.chooses ?? [] } : {}),
    ...(task.kind === 'shortCircuit' ? { passed: task.passes ?? true } : {}),
  };
}

/** Runs the row through the domain alone; `choose` picks which of the ready instances goes next. */
export function foldRow(row: DagRunRow, choose: (ready: number) => number): { run: string; taskInstances: OracleInstance[] } {
  const run = createRunState(compilePlan(definitionOf(row, 'oracle')));
  const tasks = new Map(row.dag.tasks.map((task) => [task.id, task]));
  let nowMs = 0;
  const give = (command: RunCommand): void => {
    invariant(!isRejected(settle(run, command)), `row: ${command.type} was refused`);
  };
  give(createRun(nowMs));
  give({ type: 'StartRun', nowMs });
  while (!isFinished(run)) {
    const ready = readyInstances(run);
    const next = ready[choose(ready.length)];
    if (next === undefined) {
      nowMs = nextWakeAtMs(run) ?? nowMs;
      give({ type: 'RecordTimePassed', nowMs });
      continue;
    }
    nowMs += 1;
    const task = tasks.get(next.taskId);
    invariant(task !== undefined, `row: unknown task ${next.taskId}`);
    give({ type: 'RecordTaskStarted', taskId: next.taskId, mapIndex: next.mapIndex, tryNumber: next.tryNumber, epoch: 1, worker: 'oracle', nowMs });
    give(reportOf(task, next, 1, nowMs));
  }
  return { run: run.state, taskInstances: instancesOf(run) };
}

export const createRun = (nowMs: number): RunCommand => ({
  type: 'CreateRun', dagId: 'oracle', runId: 'manual__1', runType: 'manual', triggeredBy: 'test', logicalDateMs: null, dataInterval: null,
  runAfterMs: 0, conf: {}, params: {}, planHash: 'plan', dagVersion: 1, bundleHash: 'bundle', nowMs,
});

/** Sorted as the oracle sorts: by task id and map index. */
export function instancesOf(run: DagRun): OracleInstance[] {
  return run.slots
    .flatMap((slot) => slot.instances.map(({ mapIndex, state, startedTry }) => ({ task: slot.plan.taskId, mapIndex, state, tries: startedTry })))
    .sort((a, b) => (a.task < b.task ? -1 : a.task > b.task ? 1 : a.mapIndex - b.mapIndex));
}

/** A small seeded generator: the same seed, the same order. */
export function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 12), 0x297a2d39) >>> 0;
    return below === 0 ? 0 : mixed % below;
  };
}
