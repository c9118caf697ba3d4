import type { CommandBody } from '@dagbook/contracts';
import type { DagDefinition, TaskDefinition } from '@dagbook/domain';
import { definitionOf, type DagRunRow } from '../oracles/dagrun-row.ts';
import { randomDag } from '../oracles/random-row.ts';
import type { Chance } from './chance.ts';

/** What users do in one simulation: their DAGs, and what they ask for when. */
export interface Scenario {
  readonly dags: readonly SimulatedDag[];
  readonly pools: readonly { readonly pool: string; readonly slots: number; readonly includeDeferred: boolean }[];
  readonly workers: readonly { readonly name: string; readonly slots: number }[];
  /** By DAG; at most one each. */
  readonly backfills: ReadonlyMap<string, SimulatedBackfill>;
  /** Of half the simulations: what lies before a watcher, and who waits for it. */
  readonly watched?: WatchedAsset;
  readonly commands: readonly { readonly atMs: number; readonly commandId: string; readonly dagId: string; readonly body: CommandBody }[];
}

export interface SimulatedDag {
  readonly row: DagRunRow;
  readonly definition: DagDefinition;
  /** Tasks whose every try waits once before it does its deed: for a trigger, or for a person. */
  readonly waits: ReadonlyMap<string, 'trigger' | 'person'>;
  /** Logical dates of the runs that its schedule is to make, each once. */
  readonly logicalDates: readonly number[];
}

export interface WatchedAsset {
  readonly uri: string;
  readonly name: string;
  readonly consumers: readonly string[];
  /** In the order in which they come. */
  readonly updates: readonly { readonly id: string; readonly atMs: number }[];
}

/** A backfill as it is asked for: which dates in which order, and how many runs at once. */
export interface SimulatedBackfill {
  readonly dates: readonly number[];
  readonly maxActiveRuns: number;
}

export const LOST_AFTER_MS = 16_000;
const MINUTE_MS = 60_000;
const USER = 'simulated';
/** Commands of users come within this time. */
const BUSY_MS = 18_000;

/** What came later than the first seeds has chance of its own, so that those still mean what they meant. */
export function scenarioOf(chance: Chance, startMs: number, later: Chance, latest: Chance): Scenario {
  const scenario = scenarioBeforeWatchers(chance, startMs, later);
  return latest.happens(0.5) ? withWatcher(scenario, latest, startMs) : scenario;
}

function withWatcher(scenario: Scenario, chance: Chance, startMs: number): Scenario {
  const uri = 's3://lake/inbox';
  const name = 'inbox';
  const consumers = Array.from({ length: chance.between(1, 2) }, (_, index): SimulatedDag => {
    const dag = unscheduled(`consumer${index}`, chance);
    return { ...dag, definition: { ...dag.definition, schedule: { kind: 'assets', condition: { kind: 'all', of: [{ kind: 'asset', uri }] } }, watchers: [{ uri, name }] } };
  });
  const updates = Array.from({ length: chance.between(1, 5) }, () => startMs + chance.below(2 * BUSY_MS)).sort((a, b) => a - b).map((atMs, index) => ({ id: `update-${index + 1}`, atMs }));
  return { ...scenario, dags: [...scenario.dags, ...consumers], watched: { uri, name, consumers: consumers.map(({ definition: { dagId } }) => dagId), updates } };
}

function scenarioBeforeWatchers(chance: Chance, startMs: number, later: Chance): Scenario {
  const pools = [{ pool: 'narrow', slots: chance.between(1, 2), includeDeferred: false }];
  const plain = Array.from({ length: chance.between(1, 2) }, (_, index) => dagOf(`dag${index}`, chance, startMs));
  const dags = plain.map((dag) => (later.happens(0.5) ? withCallbacks(withWaits(dag, later), later) : dag));
  const workers = Array.from({ length: chance.between(1, 3) }, (_, index) => ({ name: `worker-${index + 1}`, slots: chance.between(1, 4) }));
  const commands = [...commandsOf(dags, chance, startMs), ...answersOf(dags, later, startMs)];
  const { backfills, more } = catchUpOf(dags, chance, startMs);
  const numbered = more.map((command, index) => ({ ...command, commandId: `late-${index + 1}` }));
  return { dags, pools, workers, backfills, commands: [...commands, ...numbered].sort((a, b) => a.atMs - b.atMs) };
}

/** What is done to the past of DAGs that have one: backfills, and clears and marks of several runs. */
function catchUpOf(dags: readonly SimulatedDag[], chance: Chance, startMs: number): { backfills: Map<string, SimulatedBackfill>; more: Omit<Scenario['commands'][number], 'commandId'>[] } {
  const backfills = new Map<string, SimulatedBackfill>();
  const more: Omit<Scenario['commands'][number], 'commandId'>[] = [];
  for (const { definition: { dagId, tasks }, logicalDates } of dags) {
    const [first] = logicalDates;
    if (first === undefined) continue;
    const add = (atMs: number, body: CommandBody): void => void more.push({ atMs: startMs + atMs, dagId, body });
    if (chance.happens(0.7)) {
      const [fromMs, toMs] = [first - chance.between(0, 3) * MINUTE_MS, first + chance.between(0, 1) * MINUTE_MS];
      const [runBackwards, maxActiveRuns] = [chance.happens(0.3), chance.between(1, 2)];
      const dates = Array.from({ length: (toMs - fromMs) / MINUTE_MS + 1 }, (_, index) => fromMs + index * MINUTE_MS);
      backfills.set(dagId, { dates: runBackwards ? dates.reverse() : dates, maxActiveRuns });
      const atMs = chance.below(BUSY_MS);
      add(atMs, { type: 'CreateBackfill', fromMs, toMs, reprocessBehavior: chance.pick(['none', 'failed', 'completed']), runBackwards, maxActiveRuns, conf: {}, runOnLatestVersion: true, user: USER });
      if (chance.happens(0.3)) {
        const pausedAtMs = atMs + chance.below(5_000);
        add(pausedAtMs, { type: 'SetBackfillPaused', backfillId: '1', paused: true, user: USER });
        add(pausedAtMs + chance.between(10, 8_000), { type: 'SetBackfillPaused', backfillId: '1', paused: false, user: USER });
      }
      if (chance.happens(0.2)) add(atMs + chance.below(10_000), { type: 'CancelBackfill', backfillId: '1', user: USER });
    }
    if (chance.happens(0.4)) add(chance.below(BUSY_MS), { type: 'ClearTasksAcross', span: { fromMs: first - MINUTE_MS, toMs: first + chance.between(0, 3) * MINUTE_MS }, tasks: [{ taskId: chance.pick(tasks).taskId }], downstream: true, onlyFailed: false, user: USER });
    if (chance.happens(0.2)) add(chance.below(BUSY_MS), { type: 'MarkTasksAcross', span: { fromMs: first }, tasks: [{ taskId: chance.pick(tasks).taskId }], state: chance.pick(['success', 'failed']), user: USER });
  }
  return { backfills, more };
}

function dagOf(dagId: string, chance: Chance, startMs: number): SimulatedDag {
  const dag = unscheduled(dagId, chance);
  return chance.happens(0.2) ? everyMinute(dag, startMs) : dag;
}

function unscheduled(dagId: string, chance: Chance): SimulatedDag {
  const row: DagRunRow = { dag: randomDag(chance.between(3, 7), (below) => chance.below(below)), run: '', taskInstances: [] };
  const plain = definitionOf(row, dagId);
  const tasks = plain.tasks.map((task): TaskDefinition => ({
    ...task,
    retryDelayMs: chance.pick([0, 500, 4_000]),
    lostAfterMs: LOST_AFTER_MS,
    ...(chance.happens(0.3) ? { pool: { name: 'narrow', slots: 1 } } : {}),
    ...(chance.happens(0.15) ? { maxActive: 1 } : {}),
    ...(chance.happens(0.15) ? { maxActivePerRun: 1 } : {}),
  }));
  const definition: DagDefinition = { ...plain, tasks, maxActiveTasks: chance.pick([1, 2, 3, 16]), maxActiveRuns: chance.pick([1, 2, 16]) };
  return { row, definition, waits: new Map(), logicalDates: [] };
}

function withWaits(dag: SimulatedDag, chance: Chance): SimulatedDag {
  const waits = dag.definition.tasks.flatMap(({ taskId }) => (chance.happens(0.3) ? [[taskId, chance.pick(['trigger', 'person'] as const)] as const] : []));
  return { ...dag, waits: new Map(waits) };
}

function withCallbacks(dag: SimulatedDag, chance: Chance): SimulatedDag {
  const some = <Name extends string>(...names: readonly Name[]): readonly Name[] => names.flatMap((name) => Array.from({ length: chance.pick([0, 0, 1, 1, 2]) }, () => name));
  const given = <Name extends string>(callbacks: readonly Name[]): { readonly callbacks?: readonly Name[] } => (callbacks.length === 0 ? {} : { callbacks });
  const deadlines = Array.from({ length: chance.below(3) }, () => ({ reference: 'queuedAt' as const, intervalMs: chance.pick([0, 1_000, 10_000, 60_000]), callbacks: chance.between(1, 2) }));
  const tasks = dag.definition.tasks.map((task) => ({ ...task, ...(chance.happens(0.3) ? given(some('onSuccess', 'onFailure', 'onRetry', 'onSkipped')) : {}) }));
  return { ...dag, definition: { ...dag.definition, tasks, ...given(some('onSuccess', 'onFailure')), ...(deadlines.length === 0 ? {} : { deadlines }) } };
}

/** Some are asked nothing at that time and are refused; whom nobody asks has the default in the end. */
function answersOf(dags: readonly SimulatedDag[], chance: Chance, startMs: number): Scenario['commands'] {
  return dags.flatMap(({ definition: { dagId }, waits }) => [...waits].filter(([, whom]) => whom === 'person').flatMap(([taskId]) =>
    Array.from({ length: chance.between(1, 3) }, (_, index) => ({
      atMs: startMs + chance.below(2 * BUSY_MS), commandId: `answer-${dagId}-${taskId}-${index}`, dagId,
      body: { type: 'AnswerInput' as const, runId: `run${chance.below(3)}`, taskId, mapIndex: -1, chosenOptions: [chance.pick(['yes', 'no', 'perhaps'])], paramsInput: {}, user: USER },
    }))));
}

/** Catches up over some minutes before the simulation begins, and goes on into its first. */
function everyMinute(dag: SimulatedDag, startMs: number): SimulatedDag {
  const first = startMs - 3 * MINUTE_MS;
  const definition: DagDefinition = {
    ...dag.definition, schedule: { kind: 'cronDataInterval', cron: '* * * * *', timezone: 'UTC' }, catchup: true,
    startDate: new Date(first).toISOString(), endDate: new Date(startMs).toISOString(),
  };
  return { ...dag, definition, logicalDates: Array.from({ length: 4 }, (_, index) => first + index * MINUTE_MS) };
}

function commandsOf(dags: readonly SimulatedDag[], chance: Chance, startMs: number): Scenario['commands'] {
  const commands: { atMs: number; commandId: string; dagId: string; body: CommandBody }[] = [];
  const add = (atMs: number, dagId: string, body: CommandBody): void => void commands.push({ atMs: startMs + atMs, commandId: `command-${commands.length + 1}`, dagId, body });
  for (const { definition } of dags) {
    const { dagId, tasks } = definition;
    const runIds = Array.from({ length: chance.between(1, 3) }, (_, index) => `run${index}`);
    for (const runId of runIds) {
      const triggeredAtMs = chance.below(BUSY_MS / 2);
      add(triggeredAtMs, dagId, { type: 'TriggerRun', runId, logicalDateMs: null, conf: {}, triggeredBy: 'test', user: USER });
      const laterMs = (): number => triggeredAtMs + chance.below(BUSY_MS - triggeredAtMs);
      if (chance.happens(0.4)) add(laterMs(), dagId, { type: 'ClearTasks', runId, tasks: [{ taskId: chance.pick(tasks).taskId }], downstream: true, onlyFailed: false, resetRun: true, user: USER });
      if (chance.happens(0.15)) add(laterMs(), dagId, { type: 'ClearTasks', runId, resetRun: true, user: USER });
      if (chance.happens(0.1)) add(laterMs(), dagId, { type: 'MarkTasks', runId, tasks: [{ taskId: chance.pick(tasks).taskId }], state: chance.pick(['success', 'failed', 'skipped']), user: USER });
      if (chance.happens(0.05)) add(laterMs(), dagId, { type: 'MarkRun', runId, state: chance.pick(['success', 'failed']), user: USER });
    }
    if (chance.happens(0.2)) {
      const pausedAtMs = chance.below(BUSY_MS);
      add(pausedAtMs, dagId, { type: 'SetPaused', paused: true, user: USER });
      add(pausedAtMs + chance.between(10, 8_000), dagId, { type: 'SetPaused', paused: false, user: USER });
    }
  }
  return commands.sort((a, b) => a.atMs - b.atMs);
}
