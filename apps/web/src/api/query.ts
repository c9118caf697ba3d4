import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { RunState, TaskState } from '../model/task-state.ts';
import { path, request } from './client.ts';
import type { Dag, DagDetails, DagRun, Grid, Health, ImportFailure, ListedDag, RunEvents, Structure, TaskInstance } from './shape.ts';

/**
 * What the page reads, by key. Keys begin with the subject that a live event names (`dags`, `dag/<id>`,
 * `run/<dag>/<run>`), so that an event invalidates by prefix.
 */
export const dagsKey = ['dags'] as const;
export const dagKey = (dagId: string) => ['dag', dagId] as const;
export const runKey = (dagId: string, runId: string) => ['run', dagId, runId] as const;
export const importErrorsKey = ['importErrors'] as const;

export const PAGE_SIZE = 50;

export interface DagFilter {
  readonly name: string;
  readonly paused: boolean | undefined;
  readonly page: number;
}

export const dagsQuery = (filter: DagFilter) => queryOptions({
  queryKey: [...dagsKey, 'list', filter],
  queryFn: ({ signal }) => request<{ dags: readonly ListedDag[]; total_entries: number }>('/ui/dags', {
    signal,
    query: {
      runs: 14, limit: PAGE_SIZE, offset: filter.page * PAGE_SIZE, order_by: 'dag_id', paused: filter.paused,
      dag_id_pattern: filter.name === '' ? undefined : `%${filter.name}%`,
    },
  }),
  placeholderData: keepPreviousData,
});

export const dagQuery = (dagId: string) => queryOptions({
  queryKey: [...dagKey(dagId), 'details'],
  queryFn: ({ signal }) => request<DagDetails>(path`/api/v2/dags/${dagId}/details`, { signal }),
});

export const gridQuery = (dagId: string, limit: number) => queryOptions({
  queryKey: [...dagKey(dagId), 'grid', limit],
  queryFn: ({ signal }) => request<Grid>(path`/ui/grid/${dagId}`, { signal, query: { limit } }),
  placeholderData: keepPreviousData,
});

/** A structure is named by its content, so it never goes stale. */
export const structureQuery = (dagId: string, hash: string) => queryOptions({
  queryKey: ['structure', dagId, hash],
  queryFn: ({ signal }) => request<Structure>(path`/ui/grid/${dagId}/structures/${hash}`, { signal }),
  staleTime: Number.POSITIVE_INFINITY,
});

export const sourceQuery = (dagId: string) => queryOptions({
  queryKey: [...dagKey(dagId), 'source'],
  queryFn: ({ signal }) => request<{ content: string | null; version_number: number | null }>(path`/api/v2/dagSources/${dagId}`, { signal }),
});

export interface RunFilter {
  /** Absent: the runs of all DAGs. */
  readonly dagId?: string;
  readonly state: RunState | undefined;
  readonly page: number;
}

export const runsQuery = (filter: RunFilter) => queryOptions({
  queryKey: [...(filter.dagId === undefined ? dagsKey : dagKey(filter.dagId)), 'runs', filter],
  queryFn: ({ signal }) => request<{ dag_runs: readonly DagRun[]; total_entries: number }>(path`/api/v2/dags/${filter.dagId ?? '~'}/dagRuns`, {
    signal, query: { limit: PAGE_SIZE, offset: filter.page * PAGE_SIZE, order_by: '-run_after', state: filter.state },
  }),
  placeholderData: keepPreviousData,
});

export const unpausedDagsQuery = queryOptions({
  queryKey: [...dagsKey, 'next'],
  queryFn: ({ signal }) => request<{ dags: readonly Dag[] }>('/api/v2/dags', { signal, query: { limit: 100, paused: false } }),
});

export const runQuery = (dagId: string, runId: string) => queryOptions({
  queryKey: [...runKey(dagId, runId), 'run'],
  queryFn: ({ signal }) => request<DagRun>(path`/api/v2/dags/${dagId}/dagRuns/${runId}`, { signal }),
});

const TASK_PAGE = 100;

/** All task instances of a run, a page after the other; the list shows what it has while the rest comes. */
export const taskInstancesQuery = (dagId: string, runId: string, filter: { readonly state?: TaskState; readonly taskId?: string } = {}) => infiniteQueryOptions({
  queryKey: [...runKey(dagId, runId), 'taskInstances', filter],
  queryFn: ({ signal, pageParam }) => request<{ task_instances: readonly TaskInstance[]; total_entries: number }>(
    path`/api/v2/dags/${dagId}/dagRuns/${runId}/taskInstances`,
    { signal, query: { limit: TASK_PAGE, offset: pageParam, state: filter.state, task_id: filter.taskId } },
  ),
  initialPageParam: 0,
  getNextPageParam: (last, pages) => {
    const read = pages.length * TASK_PAGE;
    return read < last.total_entries ? read : undefined;
  },
});

export const taskInstanceQuery = (dagId: string, runId: string, taskId: string, mapIndex: number) => queryOptions({
  queryKey: [...runKey(dagId, runId), 'taskInstance', taskId, mapIndex],
  queryFn: ({ signal }) => request<TaskInstance>(path`/api/v2/dags/${dagId}/dagRuns/${runId}/taskInstances/${taskId}` + (mapIndex < 0 ? '' : `/${mapIndex}`), { signal }),
});

export const triesQuery = (dagId: string, runId: string, taskId: string, mapIndex: number) => queryOptions({
  queryKey: [...runKey(dagId, runId), 'tries', taskId, mapIndex],
  queryFn: ({ signal }) => request<{ task_instances: readonly TaskInstance[] }>(path`/api/v2/dags/${dagId}/dagRuns/${runId}/taskInstances/${taskId}/tries`, { signal, query: { map_index: mapIndex } }),
});

export const eventsQuery = (dagId: string, runId: string) => infiniteQueryOptions({
  queryKey: [...runKey(dagId, runId), 'events'],
  queryFn: ({ signal, pageParam }) => request<RunEvents>(path`/api/v2/dags/${dagId}/dagRuns/${runId}/events`, { signal, query: { after: pageParam, limit: 500 } }),
  initialPageParam: null as string | null,
  getNextPageParam: (last) => last.next_after ?? undefined,
});

export const importErrorsQuery = queryOptions({
  queryKey: importErrorsKey,
  queryFn: ({ signal }) => request<{ import_errors: readonly ImportFailure[]; total_entries: number }>('/api/v2/importErrors', { signal, query: { limit: 100 } }),
});

export const healthQuery = queryOptions({
  queryKey: ['health'],
  queryFn: ({ signal }) => request<Health>('/api/v2/monitor/health', { signal }),
  refetchInterval: 10_000,
});

export const versionQuery = queryOptions({
  queryKey: ['version'],
  queryFn: ({ signal }) => request<{ version: string }>('/api/v2/version', { signal }),
  staleTime: Number.POSITIVE_INFINITY,
});

/** Path of a try's log; `/stream` follows it. */
export const logPath = (dagId: string, runId: string, taskId: string, tryNumber: number): string =>
  path`/api/v2/dags/${dagId}/dagRuns/${runId}/taskInstances/${taskId}/logs/${tryNumber}`;
