import { isRejected, type Json } from '../src/index.ts';
import { compilePlan } from '../src/dag/plan.ts';
import type { DagDefinition, MappingDefinition, TaskDefinition } from '../src/dag/definition.ts';
import type { PastRuns, RecordedSuccess, RunCommand } from '../src/run/command.ts';
import type { Failure, RunEvent, TaskInstanceRef } from '../src/run/event.ts';
import { settle } from '../src/run/settle.ts';
import { createRunState, findInstance, type DagRun } from '../src/run/state.ts';

type Draft = Partial<Omit<TaskDefinition, 'upstream'>> & { readonly after?: readonly string[] | string };

/** A DAG in a few words: `{ a: {}, b: { after: 'a' } }`. Retries are due at once unless the task says otherwise. */
export function dagOf(tasks: { readonly [taskId: string]: Draft }, dag: Partial<DagDefinition> = {}): DagDefinition {
  return {
    dagId: 'story', timezone: 'UTC', schedule: { kind: 'none' }, ...dag,
    tasks: Object.entries(tasks).map(([taskId, { after = [], ...rest }]) => ({
      taskId, operator: 'function', retryDelayMs: 0, upstream: typeof after === 'string' ? [after] : after, ...rest,
    })),
  };
}

export const overResultOf = (taskId: string, ...path: string[]): MappingDefinition =>
  ({ kind: 'expand', over: [['item', { kind: 'result', taskId, ...(path.length === 0 ? {} : { path }) }]] });

export const overList = (...value: Json[]): MappingDefinition => ({ kind: 'expand', over: [['item', { kind: 'literal', value }]] });

const CREATE_RUN: RunCommand = {
  type: 'CreateRun', dagId: 'story', runId: 'run', runType: 'manual', triggeredBy: 'test', logicalDateMs: null, dataInterval: null,
  runAfterMs: 0, conf: {}, params: {}, planHash: 'plan-1', dagVersion: 1, bundleHash: 'bundle-1', nowMs: 0,
};

/** A run driven by commands; each answers its events in short, `TaskScheduled a 1`, or `refused: <code>`. */
export class RunStory {
  run: DagRun;
  nowMs = 0;
  readonly events: RunEvent[] = [];
  revoked: string[] = [];
  past: PastRuns | undefined;

  constructor(tasks: Parameters<typeof dagOf>[0], dag: Partial<DagDefinition> = {}) {
    this.run = createRunState(compilePlan(dagOf(tasks, dag)));
    this.give(CREATE_RUN);
  }

  give(command: RunCommand): string[] {
    const settled = settle(this.run, command, this.past);
    if (isRejected(settled)) return [`refused: ${settled.code}`];
    this.events.push(...settled.events);
    this.revoked = settled.revoked.map(({ taskId, mapIndex, tryNumber, epoch }) => `${name({ taskId, mapIndex })} ${tryNumber}/${epoch}`);
    return settled.events.map(short);
  }

  start(): string[] { return this.give({ type: 'StartRun', nowMs: this.nowMs }); }
  begin(task: string, epoch = 1, tryNumber = this.tryOf(task)): string[] {
    return this.give({ type: 'RecordTaskStarted', ...refOf(task), tryNumber, epoch, worker: 'w1', nowMs: this.nowMs });
  }
  succeed(task: string, success: RecordedSuccess = {}, epoch = this.epochOf(task), tryNumber = this.tryOf(task)): string[] {
    return this.give({ type: 'RecordTaskSucceeded', ...refOf(task), tryNumber, epoch, ...success, nowMs: this.nowMs });
  }
  returns(task: string, value: Json): string[] { return this.succeed(task, { result: { kind: 'inline', value } }); }
  fail(task: string, code: Failure['code'] = 'error', epoch = this.epochOf(task), tryNumber = this.tryOf(task)): string[] {
    return this.give({ type: 'RecordTaskFailed', ...refOf(task), tryNumber, epoch, failure: { code, message: `${task} failed` }, nowMs: this.nowMs });
  }
  skip(task: string): string[] {
    return this.give({ type: 'RecordTaskSkipped', ...refOf(task), tryNumber: this.tryOf(task), epoch: this.epochOf(task), nowMs: this.nowMs });
  }
  lose(task: string, epoch = this.epochOf(task)): string[] {
    return this.give({ type: 'RecordAttemptLost', ...refOf(task), tryNumber: this.tryOf(task), epoch, worker: 'w1', cause: 'lease_expired', nowMs: this.nowMs });
  }
  clear(...tasks: string[]): string[] {
    return this.give({ type: 'ClearTasks', tasks: tasks.map(refOf).map(({ taskId, mapIndex }) => (mapIndex === -1 ? { taskId } : { taskId, mapIndex })), nowMs: this.nowMs });
  }
  at(nowMs: number): string[] {
    this.nowMs = nowMs;
    return this.give({ type: 'RecordTimePassed', nowMs });
  }

  state(task: string): string | undefined { return findInstance(this.run, refOf(task))?.state; }
  states(): { [task: string]: string } {
    return Object.fromEntries(this.run.slots.flatMap(({ plan, instances }) => instances.map(({ mapIndex, state }) => [name({ taskId: plan.taskId, mapIndex }), state])));
  }
  /** The end of the run, after giving every ready instance a success. */
  finish(): string {
    for (let next = this.nextReady(); next !== undefined; next = this.nextReady()) this.succeed(next);
    return this.run.state;
  }

  private nextReady(): string | undefined {
    const [next] = this.run.scheduled;
    return next === undefined ? undefined : name({ taskId: next.slot.plan.taskId, mapIndex: next.mapIndex });
  }
  private tryOf(task: string): number { return findInstance(this.run, refOf(task))?.tryNumber ?? 0; }
  /** Of the attempt that runs, or of the next one that a dispatcher would grant. */
  private epochOf(task: string): number {
    const instance = findInstance(this.run, refOf(task));
    return instance === undefined ? 1 : Math.max(instance.epoch, instance.endedEpoch + 1);
  }
}

/** `m[2]` is map index 2 of `m`; `m` alone is -1. */
export function refOf(task: string): TaskInstanceRef {
  const match = /^(.+)\[(\d+)\]$/.exec(task);
  return match === null ? { taskId: task, mapIndex: -1 } : { taskId: match[1] ?? '', mapIndex: Number(match[2]) };
}

const name = ({ taskId, mapIndex }: TaskInstanceRef): string => (mapIndex === -1 ? taskId : `${taskId}[${mapIndex}]`);

function short(event: RunEvent): string {
  const words: (string | number)[] = [event.type];
  if ('mapIndex' in event) words.push(name(event));
  switch (event.type) {
    case 'TaskExpanded': words.push(event.taskId, event.length); break;
    case 'TaskScheduled': words.push(event.tryNumber); break;
    case 'TaskFailed': words.push(event.failure.code); break;
    case 'TaskRetryScheduled': words.push(event.retryAtMs); break;
    case 'TaskSkipped': words.push(event.cause); break;
    case 'TaskMarked': words.push(event.state); break;
    case 'RunFailed': words.push(event.reason);
  }
  return words.join(' ');
}
