import type { CallbackResponse, DagDetailsResponse, DagResponse, DagRunResponse, RunEventResponse, TaskInstanceResponse, TaskResponse } from '@dagbook/api-client';
import type { Shape } from './format/print.ts';

/** What people see of each kind of thing; machines get the API's own members. */
export const DAG: Shape<DagResponse> = {
  id: (dag) => dag.dag_id,
  columns: {
    dag: (dag) => dag.dag_id,
    paused: (dag) => dag.is_paused,
    schedule: (dag) => dag.timetable_summary,
    'next run': (dag) => dag.next_dagrun_run_after,
    owner: (dag) => dag.owners,
    tags: (dag) => dag.tags.map((tag) => tag.name),
    note: (dag) => [dag.is_stale ? 'in no file any more' : '', dag.has_import_errors ? 'its file has an error' : ''].filter(Boolean),
  },
};

export const DAG_DETAILS: Shape<DagDetailsResponse> = {
  id: DAG.id,
  columns: {
    ...(DAG.columns as Shape<DagDetailsResponse>['columns']),
    description: (dag) => dag.description,
    file: (dag) => dag.relative_fileloc,
    version: (dag) => dag.latest_dag_version?.version_number,
    timezone: (dag) => dag.timezone,
    catchup: (dag) => dag.catchup,
    'start date': (dag) => dag.start_date,
    'end date': (dag) => dag.end_date,
    'active runs': (dag) => `${dag.active_runs_count} of ${dag.max_active_runs ?? 'any number'}`,
    params: (dag) => (Object.keys(dag.params).length === 0 ? null : dag.params),
  },
};

export const TASK: Shape<TaskResponse> = {
  id: (task) => task.task_id ?? '',
  columns: {
    task: (task) => `${task.task_id ?? ''}${task.is_mapped ? '[]' : ''}`,
    operator: (task) => task.operator_name,
    'trigger rule': (task) => task.trigger_rule,
    retries: (task) => task.retries,
    queue: (task) => task.queue,
    pool: (task) => task.pool,
    before: (task) => task.downstream_task_ids,
  },
};

export const RUN: Shape<DagRunResponse> = {
  id: (run) => run.dag_run_id,
  columns: {
    dag: (run) => run.dag_id,
    run: (run) => run.dag_run_id,
    state: (run) => run.state,
    type: (run) => run.run_type,
    due: (run) => run.run_after,
    start: (run) => run.start_date,
    duration: (run) => seconds(run.duration),
  },
};

export const RUN_DETAILS: Shape<DagRunResponse> = {
  id: RUN.id,
  columns: {
    ...RUN.columns,
    end: (run) => run.end_date,
    'logical date': (run) => run.logical_date,
    'failed because': (run) => run.failure_reason,
    'triggered by': (run) => run.triggering_user_name ?? run.triggered_by,
    version: (run) => run.dag_versions.map((version) => version.version_number),
    params: (run) => (run.conf === null || Object.keys(run.conf).length === 0 ? null : run.conf),
    note: (run) => run.note,
  },
};

export const TASK_INSTANCE: Shape<TaskInstanceResponse> = {
  id: (instance) => nameOf(instance),
  columns: {
    task: (instance) => nameOf(instance),
    state: (instance) => instance.state ?? 'none',
    try: (instance) => (instance.try_number === 0 ? null : `${instance.try_number} of ${instance.max_tries + 1}`),
    start: (instance) => instance.start_date,
    duration: (instance) => seconds(instance.duration),
    worker: (instance) => instance.hostname,
    why: (instance) => instance.reason?.message,
  },
};

export const CALLBACK: Shape<CallbackResponse> = {
  id: ({ callback }) => String(callback),
  columns: {
    callback: ({ callback }) => callback,
    name: ({ name }) => name,
    task: ({ task_id: taskId, map_index: mapIndex }) => (taskId === null ? null : nameOf({ task_id: taskId, map_index: mapIndex })),
    state: ({ state }) => state,
    tries: ({ try_number: tries }) => tries,
    asked: ({ requested_at: at }) => at,
    ended: ({ ended_at: at }) => at,
    'failed because': ({ failure }) => failure,
  },
};

export const RUN_EVENT: Shape<RunEventResponse> = {
  id: (event) => event.position,
  columns: {
    at: (event) => event.at,
    event: (event) => event.type,
    task: (event) => (event.task_id === null ? null : nameOf({ task_id: event.task_id, map_index: event.map_index ?? -1 })),
    try: (event) => event.try_number,
    data: (event) => event.data,
  },
};

/** `task`, or `task[3]` of a mapped one: also how the command line names them. */
export const nameOf = ({ task_id: task, map_index: mapIndex }: { readonly task_id: string; readonly map_index: number }): string => (mapIndex < 0 ? task : `${task}[${mapIndex}]`);

export function parseTaskName(name: string): { readonly taskId: string; readonly mapIndex: number | undefined } {
  const [, taskId = name, mapIndex] = /^(.+)\[(\d{1,9})\]$/.exec(name) ?? [];
  return { taskId, mapIndex: mapIndex === undefined ? undefined : Number(mapIndex) };
}

const seconds = (duration: number | null): string => (duration === null ? '' : `${duration.toFixed(duration < 10 ? 3 : 1)} s`);
