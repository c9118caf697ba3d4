import { compilePlan, createRunState, isRejected, settle, type DagDefinition, type DagRun, type RunCommand, type Settled } from '@dagbook/domain';
import { check, type Benchmark, type Figures } from '../figure.ts';

const SMALL = 1_000;
const LARGE = 30_000;
const BELOW_ROOT = 9_000;
const MICROS_PER_MS = 1_000;
const WARM_PLAYS = 5;

/** The domain alone, in this process: what a completion costs, whatever the size of its DAG, and how far a failure reaches. */
export const decider: Benchmark = {
  name: 'decider',
  says: 'decide and fold alone: a task of a run of 1,000 and of 30,000 tasks, 9,000 upstream_failed, compile of 10,000 tasks',
  run: () => {
    for (let play = 0; play < WARM_PLAYS; play += 1) taskMicros(SMALL);
    const small = least(() => taskMicros(SMALL));
    const large = least(() => taskMicros(LARGE));
    const ten = layered(10_000);
    return Promise.resolve({
      taskMicros1k: small,
      taskMicros30k: large,
      ratio: large / small,
      failedRootMs: failedRootMs(),
      compile10kMs: cpuMs(() => compilePlan(ten)),
    } satisfies Figures);
  },
};

const least = (measure: () => number): number => Math.min(...Array.from({ length: WARM_PLAYS }, measure));

/** Decide and fold per no-op task: its start, its success and all that follows. */
function taskMicros(tasks: number): number {
  const run = begun(layered(tasks));
  const ready = [...run.first.ready];
  let done = 0;
  const spentMs = cpuMs(() => {
    for (; done < ready.length; done += 1) {
      const next = ready[done];
      if (next === undefined) break;
      give(run.state, { type: 'RecordTaskStarted', ...next, epoch: 1, worker: 'w', nowMs: 1 });
      ready.push(...give(run.state, { type: 'RecordTaskSucceeded', ...next, epoch: 1, nowMs: 1 }).ready);
    }
  });
  check(done === tasks && run.state.state === 'success', `${done} of ${tasks} tasks ran and the run is ${run.state.state}`);
  return (spentMs * MICROS_PER_MS) / tasks;
}

function failedRootMs(): number {
  const tasks = Array.from({ length: BELOW_ROOT + 1 }, (_, index) => taskAfter(index, index === 0 ? [] : [Math.floor((index - 1) / 3)]));
  const run = begun(dagOf(tasks));
  let events = 0;
  const spentMs = cpuMs(() => {
    events = give(run.state, { type: 'RecordTaskFailed', taskId: 't0', mapIndex: -1, tryNumber: 1, epoch: 1, failure: { code: 'error', message: '' }, nowMs: 1 }).events.length;
  });
  check(events === BELOW_ROOT + 2 && run.state.state === 'failed', `${events} events and the run is ${run.state.state}`);
  return spentMs;
}

const LAYER = 100;

/** Layers of 100 tasks, two edges a task, each from the layer before. */
const layered = (tasks: number): DagDefinition => dagOf(Array.from({ length: tasks }, (_, index) =>
  taskAfter(index, index < LAYER ? [] : [...new Set([index - LAYER, index - LAYER - (index % LAYER) + ((index * 37 + 11) % LAYER)])])));

const taskAfter = (index: number, upstream: readonly number[]): DagDefinition['tasks'][number] =>
  ({ taskId: `t${index}`, operator: 'function', upstream: upstream.map((other) => `t${other}`) });

const dagOf = (tasks: DagDefinition['tasks']): DagDefinition => ({ dagId: 'decider', timezone: 'UTC', schedule: { kind: 'none' }, tasks });

function begun(definition: DagDefinition): { readonly state: DagRun; readonly first: Settled } {
  const state = createRunState(compilePlan(definition));
  give(state, {
    type: 'CreateRun', dagId: 'decider', runId: 'run', runType: 'manual', triggeredBy: 'test', logicalDateMs: null, dataInterval: null,
    runAfterMs: 0, conf: {}, params: {}, planHash: '', dagVersion: 1, bundleHash: '', nowMs: 0,
  });
  return { state, first: give(state, { type: 'StartRun', nowMs: 0 }) };
}

function give(state: DagRun, command: RunCommand): Settled {
  const settled = settle(state, command);
  if (isRejected(settled)) throw new Error(settled.message);
  return settled;
}

/** CPU time, not wall time: other processes share the machine. */
function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / MICROS_PER_MS;
}
