import { isPartitionedSchedule, nextRun, previewForeseen, previewRuns, type Foresight, type ScheduledRun, type ScheduleQuestion } from '@dagbook/domain';
import type { StoredDagVersion, ImportErrorRow, ListedDag, PlanView, StripRun } from '@dagbook/read-models';
import type {
  DagDetailsResponse, DagResponse, DagStatsResponse, DagVersionResponse, ImportErrorResponse, NextRunCollectionResponse, StripRunResponse, StructureResponse, TaskResponse, TimeDeltaResponse,
} from '../dto/response.ts';
import { RUN_STATES } from '../dto/request.ts';
import { assetExpression } from './asset-view.ts';
import { instant, instantOrNull, nameUuid } from './instant.ts';

/** Of a bundle without versions: a folder. */
const BUNDLE_NAME = 'dags-folder';

export function dagView(dag: ListedDag, plan: PlanView, foresight: Foresight | null, nowMs: number): DagResponse {
  const { definition } = plan;
  const next = dag.isStale ? null : (foresight?.runs[0] ?? nextRunOf(dag, plan, nowMs));
  return {
    dag_id: dag.dagId,
    dag_display_name: dag.displayName,
    is_paused: dag.isPaused,
    is_stale: dag.isStale,
    last_parsed_time: instant(dag.parsedAtMs),
    last_parse_duration: null,
    last_expired: null,
    bundle_name: dag.bundleName ?? BUNDLE_NAME,
    bundle_version: dag.bundleVersion ?? dag.bundleHash,
    relative_fileloc: dag.file,
    fileloc: dag.file,
    description: definition.doc?.split('\n')[0] ?? null,
    timetable_summary: dag.schedule,
    timetable_description: dag.schedule,
    timetable_partitioned: isPartitionedSchedule(definition.schedule),
    tags: dag.tags.map((name) => ({ name, dag_id: dag.dagId, dag_display_name: dag.displayName })),
    max_active_tasks: dag.maxActiveTasks,
    max_active_runs: dag.maxActiveRuns,
    max_consecutive_failed_dag_runs: definition.maxConsecutiveFailedRuns ?? 0,
    has_task_concurrency_limits: definition.tasks.some((task) => task.maxActive !== undefined || task.maxActivePerRun !== undefined),
    has_import_errors: dag.hasImportErrors,
    next_dagrun_logical_date: instantOrNull(next?.interval.startMs ?? null),
    next_dagrun_data_interval_start: instantOrNull(next?.interval.startMs ?? null),
    next_dagrun_data_interval_end: instantOrNull(next?.interval.endMs ?? null),
    next_dagrun_run_after: instantOrNull(next?.runAfterMs ?? null),
    owners: dag.owner === null ? [] : [dag.owner],
    file_token: Buffer.from(dag.file).toString('base64url'),
    timezone: definition.timezone,
  };
}

/** The run that the schedule makes next, asked of the domain from the last one it made. */
function nextRunOf(dag: ListedDag, plan: PlanView, nowMs: number): ScheduledRun | null {
  return nextRun(plan.definition.schedule, scheduleQuestion(dag, plan, nowMs));
}

function scheduleQuestion(dag: ListedDag, { definition }: PlanView, nowMs: number): ScheduleQuestion {
  return {
    lastInterval: dag.lastScheduledStartMs === null || dag.lastScheduledEndMs === null ? null : { startMs: dag.lastScheduledStartMs, endMs: dag.lastScheduledEndMs },
    startMs: definition.startDate === undefined ? null : Date.parse(definition.startDate),
    endMs: definition.endDate === undefined ? null : Date.parse(definition.endDate),
    catchup: definition.catchup ?? false,
    nowMs,
  };
}

/** The runs that the schedule makes next, were the DAG neither paused nor changed meanwhile. */
export function nextRunsView(dag: ListedDag, plan: PlanView, foresight: Foresight | null, count: number, nowMs: number): NextRunCollectionResponse {
  const { timezone } = plan.definition;
  const runs = dag.isStale ? [] : foresight !== null ? previewForeseen(foresight.runs.slice(0, count), timezone) : previewRuns(plan.definition.schedule, count, scheduleQuestion(dag, plan, nowMs));
  return {
    dag_id: dag.dagId,
    timezone,
    problem: foresight?.problem ?? null,
    runs: runs.map(({ runAfterMs, interval, note }) => ({
      run_after: instant(runAfterMs),
      logical_date: instant(interval.startMs),
      data_interval_start: instant(interval.startMs),
      data_interval_end: instant(interval.endMs),
      note: note ?? null,
    })),
  };
}

export function dagDetailsView(dag: ListedDag, plan: PlanView, { latest, foresight }: { readonly latest: StoredDagVersion | undefined; readonly foresight: Foresight | null }, nowMs: number): DagDetailsResponse {
  const { definition } = plan;
  return {
    ...dagView(dag, plan, foresight, nowMs),
    catchup: definition.catchup ?? false,
    dag_run_timeout: definition.dagrunTimeoutMs === undefined ? null : `PT${definition.dagrunTimeoutMs / 1000}S`,
    asset_expression: definition.schedule.kind === 'assets' || definition.schedule.kind === 'assetsOrTime' ? assetExpression(definition.schedule.condition, definition.assets) : null,
    doc_md: definition.doc ?? null,
    start_date: definition.startDate ?? null,
    end_date: definition.endDate ?? null,
    last_parsed: instant(dag.parsedAtMs),
    is_paused_upon_creation: definition.pausedUponCreation ?? null,
    render_template_as_native_obj: false,
    params: definition.params?.defaults ?? {},
    default_args: null,
    latest_dag_version: latest === undefined ? null : dagVersionView(latest, dag.displayName),
    active_runs_count: dag.queuedRuns + dag.runningRuns,
    concurrency: dag.maxActiveTasks,
  };
}

export const dagVersionView = (version: StoredDagVersion, displayName: string): DagVersionResponse => ({
  id: nameUuid(`dag-version/${version.dagId}/${version.dagVersion}`),
  version_number: version.dagVersion,
  dag_id: version.dagId,
  bundle_name: version.bundleName ?? BUNDLE_NAME,
  bundle_version: version.bundleVersion ?? version.bundleHash,
  bundle_url: null,
  created_at: instant(version.createdAtMs),
  dag_display_name: displayName,
});

export const stripRunView = (run: StripRun): StripRunResponse => ({
  dag_run_id: run.runId,
  state: run.state,
  run_type: run.runType,
  run_after: instant(run.runAfterMs),
  start_date: instantOrNull(run.startedAtMs),
  end_date: instantOrNull(run.endedAtMs),
});

const COUNTER = { queued: 'queuedRuns', running: 'runningRuns', success: 'successRuns', failed: 'failedRuns' } as const;

export const dagStatsView = (dag: ListedDag): DagStatsResponse => ({
  dag_id: dag.dagId,
  dag_display_name: dag.displayName,
  stats: RUN_STATES.map((state) => ({ state, count: dag[COUNTER[state]] })),
});

export function importErrorView(error: ImportErrorRow): ImportErrorResponse {
  const place = error.line === null ? error.file : `${error.file}:${error.line}${error.column === null ? '' : `:${error.column}`}`;
  return {
    import_error_id: error.errorKey ?? 0,
    timestamp: instant(error.atMs),
    filename: error.file,
    bundle_name: BUNDLE_NAME,
    stack_trace: [`${place}: ${error.message ?? ''}`, error.stack].filter((part) => part !== null).join('\n'),
    code: error.code ?? 'unreadable',
    line: error.line,
    column: error.column,
  };
}

export function structureView(plan: PlanView): StructureResponse {
  return {
    hash: plan.hash,
    tasks: plan.tasks.map((task) => ({
      task_id: task.taskId,
      task_display_name: task.displayName ?? task.taskId,
      group_id: task.groupId ?? null,
      operator: task.operator,
      is_mapped: plan.mapped.has(task.taskId),
      upstream: [...task.upstream],
      ...(task.edgeLabels === undefined ? {} : { edge_labels: task.edgeLabels }),
      trigger_rule: triggerRuleOf(task),
      retries: task.retries ?? 0,
    })),
    groups: (plan.definition.groups ?? []).map((group) => ({
      group_id: group.groupId,
      parent_id: group.parentId ?? null,
      label: group.displayName ?? group.groupId.slice(group.parentId === undefined ? 0 : group.parentId.length + 1),
      is_mapped: group.mapping !== undefined,
    })),
  };
}

const triggerRuleOf = (task: PlanView['tasks'][number]): string => task.triggerRule ?? (task.teardown === undefined ? 'all_success' : 'all_done_setup_success');

export function taskView(plan: PlanView, task: PlanView['tasks'][number]): TaskResponse {
  return {
    task_id: task.taskId,
    task_display_name: task.displayName ?? task.taskId,
    owner: plan.definition.owner ?? null,
    start_date: plan.definition.startDate ?? null,
    end_date: plan.definition.endDate ?? null,
    trigger_rule: triggerRuleOf(task),
    depends_on_past: task.dependsOnPast ?? false,
    wait_for_downstream: task.waitForDownstream ?? false,
    retries: task.retries ?? 0,
    queue: task.queue ?? 'default',
    pool: task.pool?.name ?? 'default_pool',
    pool_slots: task.pool?.slots ?? 1,
    execution_timeout: task.timeoutMs === undefined ? null : timeDelta(task.timeoutMs),
    retry_delay: timeDelta(task.retryDelayMs ?? 300_000),
    retry_exponential_backoff: task.retryBackoff ?? 0,
    priority_weight: task.priorityWeight ?? 1,
    weight_rule: task.weightRule ?? 'downstream',
    ui_color: null,
    ui_fgcolor: null,
    template_fields: [],
    downstream_task_ids: plan.tasks.filter((other) => other.upstream.includes(task.taskId)).map((other) => other.taskId),
    doc_md: task.doc ?? null,
    operator_name: task.operator,
    params: {},
    class_ref: { module_path: 'dagbook', class_name: task.operator },
    is_mapped: plan.mapped.has(task.taskId),
    extra_links: [],
  };
}

const DAY_SECONDS = 86_400;
function timeDelta(ms: number): TimeDeltaResponse {
  const seconds = Math.floor(ms / 1000);
  return { __type: 'TimeDelta', days: Math.floor(seconds / DAY_SECONDS), seconds: seconds % DAY_SECONDS, microseconds: Math.round((ms - seconds * 1000) * 1000) };
}
