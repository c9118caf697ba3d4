import type { RunCommand } from '@dagbook/domain';
import { getRunAt } from '@dagbook/read-models';
import type { CommandDesk, Submitted } from './command/command-desk.ts';
import { ApiError } from './error/api-error.ts';
import type { Reader } from './reader.ts';
import { nameUuid } from './view/instant.ts';

type ClearTasks = Extract<RunCommand, { type: 'ClearTasks' }>;
type Selection = Pick<ClearTasks, 'onlyFailed' | 'onlyRunning' | 'preventRunning' | 'resetRun'>;
type Ref = { readonly taskId: string; readonly mapIndex: number };

/** Task instances of a run that a clear covers. */
export interface ClearedRun {
  readonly dagId: string;
  readonly runId: string;
  readonly refs: readonly Ref[];
}

/** A clear in another DAG that follows from one: `tasks` and everything downstream of them. */
export interface DependentClear extends ClearedRun {
  readonly tasks: readonly { readonly taskId: string }[];
}

/** Airflow's, of a marker that does not say. */
const DEFAULT_DEPTH = 10;

interface Reached extends ClearedRun {
  /** How many DAGs further one may go; undefined: the marker says. */
  readonly depth: number | undefined;
}

/**
 * What external task markers among cleared task instances clear in other DAGs, and those in turn: the task that each names,
 * in the run of the same logical date, and everything downstream. A run or task that is not there is passed over, and what
 * was met before is not followed again. 409 when it leads further than the first marker allows.
 */
export async function dependentClears(reader: Reader, cleared: readonly ClearedRun[], selection: Selection, nowMs: number): Promise<readonly DependentClear[]> {
  const found = new Map<string, { dagId: string; runId: string; tasks: Map<string, { taskId: string }>; refs: Map<string, Ref> }>();
  const toFollow: Reached[] = cleared.map((run) => ({ ...run, depth: undefined }));
  for (let reached = toFollow.shift(); reached !== undefined; reached = toFollow.shift()) {
    for (const { dagId, logicalDateMs, taskId, depth } of await marksOf(reader, reached)) {
      const run = await getRunAt(reader.db, dagId, logicalDateMs);
      if (run === null) continue;
      const { runId } = run;
      const there = found.get(`${dagId}/${runId}`) ?? { dagId, runId, tasks: new Map(), refs: new Map() };
      if (there.tasks.has(taskId)) continue;
      if (depth < 1) throw tooDeep(reached.dagId, dagId);
      const refs = await reader.affected(dagId, runId, { ...selection, type: 'ClearTasks', tasks: [{ taskId }], upstream: false, downstream: true, nowMs }, true);
      there.tasks.set(taskId, { taskId });
      for (const ref of refs) there.refs.set(`${ref.taskId}/${ref.mapIndex}`, ref);
      found.set(`${dagId}/${runId}`, there);
      toFollow.push({ dagId, runId, refs, depth: depth - 1 });
    }
  }
  return [...found.values()].filter(({ refs }) => refs.size > 0).map(({ dagId, runId, tasks, refs }) => ({ dagId, runId, tasks: [...tasks.values()], refs: [...refs.values()] }));
}

async function marksOf(reader: Reader, { dagId, runId, refs, depth }: Reached): Promise<{ dagId: string; taskId: string; logicalDateMs: number; depth: number }[]> {
  if (refs.length === 0) return [];
  const run = await reader.run(dagId, runId);
  const plan = await reader.planOf(run);
  const { logicalDateMs } = run;
  if (logicalDateMs === null) return [];
  return refs.flatMap(({ taskId }) => {
    const marks = plan.tasks[plan.indexOf.get(taskId) ?? -1]?.marks;
    return marks === undefined ? [] : [{ dagId: marks.dagId, taskId: marks.taskId, logicalDateMs: logicalDateMs + (marks.laterByMs ?? 0), depth: depth ?? marks.depth ?? DEFAULT_DEPTH }];
  });
}

/** Asks for each of them; under the key of the request a repetition of it clears nothing twice. Answers one that is still to come, if any is. */
export async function clearDependents(commands: CommandDesk, others: readonly DependentClear[], selection: Selection & { readonly user: string }, key: string | undefined): Promise<Submitted | undefined> {
  let open: Submitted | undefined;
  for (const { dagId, runId, tasks } of others) {
    const submitted = await commands.submit(dagId, { ...selection, type: 'ClearTasks', runId, tasks, upstream: false, downstream: true }, key === undefined ? undefined : nameUuid(`${key}/${dagId}/${runId}`));
    if (submitted.kind === 'accepted') open = submitted;
  }
  return open;
}

const tooDeep = (from: string, to: string): ApiError =>
  new ApiError(409, `External task markers lead further than the first of them allows, from DAG ${from} to DAG ${to}. Nothing was cleared: raise its recursionDepth, or clear the DAGs one by one`);
