import type { Json } from '@dagbook/domain';
import { formatPosition } from '@dagbook/event-store';
import type { StoredDagVersion, GridRun, ListedTaskInstance, PlanView, RawEvent, Reason, RunRow, TaskTryRow } from '@dagbook/read-models';
import type { DagRunResponse, GridRunResponse, RunEventResponse, TaskInstanceHistoryResponse, TaskInstanceResponse, TaskReasonResponse } from '../dto/response.ts';
import { dagVersionView } from './dag-view.ts';
import { instant, instantOrNull, nameUuid, secondsBetween } from './instant.ts';

export const runView = (run: RunRow, displayName: string, version: StoredDagVersion | undefined): DagRunResponse => ({
  dag_run_id: run.runId,
  dag_id: run.dagId,
  dag_display_name: displayName,
  logical_date: instantOrNull(run.logicalDateMs),
  queued_at: instant(run.queuedAtMs),
  start_date: instantOrNull(run.startedAtMs),
  end_date: instantOrNull(run.endedAtMs),
  duration: secondsBetween(run.startedAtMs, run.endedAtMs),
  data_interval_start: instantOrNull(run.intervalStartMs),
  data_interval_end: instantOrNull(run.intervalEndMs),
  run_after: instant(run.runAfterMs),
  last_scheduling_decision: instant(run.updatedAtMs),
  run_type: run.runType,
  state: run.state,
  triggered_by: run.triggeredBy,
  triggering_user_name: run.triggeringUser,
  conf: run.conf,
  note: run.note,
  dag_versions: version === undefined ? [] : [dagVersionView(version, displayName)],
  bundle_version: version?.bundleVersion ?? run.bundleHash,
  partition_key: run.partitionKey,
  failure_reason: run.failureReason,
  task_instance_counts: run.counts,
});

export const gridRunView = (run: GridRun): GridRunResponse => ({
  dag_run_id: run.runId,
  run_type: run.runType,
  state: run.state,
  run_after: instant(run.runAfterMs),
  logical_date: instantOrNull(run.logicalDateMs),
  queued_at: instant(run.queuedAtMs),
  start_date: instantOrNull(run.startedAtMs),
  end_date: instantOrNull(run.endedAtMs),
  dag_version: run.dagVersion,
  structure: run.planHash,
  states: run.states,
  mapped: run.mapped,
});

interface TaskInstanceContext {
  readonly dagId: string;
  readonly runId: string;
  readonly plan: PlanView;
  readonly version: StoredDagVersion | undefined;
}

export function tryView(row: TaskTryRow, { dagId, runId, plan, version }: TaskInstanceContext): TaskInstanceHistoryResponse {
  const index = plan.indexOf.get(row.taskId);
  const task = index === undefined ? undefined : plan.tasks[index];
  const displayName = plan.definition.displayName ?? dagId;
  return {
    task_id: row.taskId,
    dag_id: dagId,
    dag_run_id: runId,
    map_index: row.mapIndex,
    start_date: instantOrNull(row.startedAtMs),
    end_date: instantOrNull(row.endedAtMs),
    duration: secondsBetween(row.startedAtMs, row.endedAtMs),
    state: row.state === 'none' ? null : row.state,
    try_number: row.tryNumber,
    max_tries: row.maxTries,
    task_display_name: task?.displayName ?? row.taskId,
    dag_display_name: displayName,
    hostname: row.worker,
    unixname: null,
    pool: task?.pool?.name ?? 'default_pool',
    pool_slots: task?.pool?.slots ?? 1,
    queue: task?.queue ?? 'default',
    priority_weight: task?.priorityWeight ?? 1,
    operator: task?.operator ?? null,
    operator_name: task?.operator ?? null,
    queued_when: instantOrNull(row.queuedAtMs),
    scheduled_when: instantOrNull(row.scheduledAtMs),
    pid: row.pid,
    executor: null,
    executor_config: '{}',
    dag_version: version === undefined ? null : dagVersionView(version, displayName),
    reason: reasonView(row.reason),
    rendered_fields: {},
  };
}

export const taskInstanceView = (row: ListedTaskInstance, plan: PlanView, version: StoredDagVersion | undefined): TaskInstanceResponse => ({
  ...tryView(row, { dagId: row.dagId, runId: row.runId, plan, version }),
  id: nameUuid(`task-instance/${row.dagId}/${row.runId}/${row.taskId}/${row.mapIndex}/${row.tryNumber}`),
  logical_date: instantOrNull(row.logicalDateMs),
  run_after: instant(row.runAfterMs),
  note: row.note,
  rendered_map_index: row.renderedMapIndex,
  trigger: null,
  triggerer_job: null,
  next_at: instantOrNull(row.nextAtMs),
});

const reasonView = (reason: Reason | null): TaskReasonResponse | null =>
  reason === null ? null : { code: reason.code, message: reason.message, detail: reason.detail ?? null };

export function runEventView(event: RawEvent): RunEventResponse {
  const fact = event.data as { readonly [member: string]: Json };
  return {
    position: formatPosition(event.position),
    stream_id: event.streamId,
    version: event.version,
    type: event.type,
    at: instant(typeof fact['atMs'] === 'number' ? fact['atMs'] : event.storedAtMs),
    task_id: typeof fact['taskId'] === 'string' ? fact['taskId'] : null,
    map_index: typeof fact['mapIndex'] === 'number' ? fact['mapIndex'] : null,
    try_number: typeof fact['tryNumber'] === 'number' ? fact['tryNumber'] : null,
    data: event.data,
  };
}
