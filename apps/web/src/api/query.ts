import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { TaskInstance } from './shape.ts';
import type { RunState } from '../model/task-state.ts';
import { ApiFailure, path } from './client.ts';
import {
  getConnections, getDagDetails, getDagRun, getDagRunEvents, getDagRuns, getDags, getDagSource, getHealth, getHitlDetail, getHitlDetails, getImportErrors, getMappedTaskInstance, getTaskInstance,
  getTaskInstances, getTaskInstanceTries, getVariables, getVersion, getXcomEntries, getUpstreamAssetEvents, getXcomEntry, listTaskStateStore, uiDags, uiGrid, uiStructure, uiWhy,
} from '@dagbook/api-client';

/**
 * What the page reads, by key. Keys begin with the subject that a live event names (`dags`, `dag/<id>`,
 * `run/<dag>/<run>`), so that an event invalidates by prefix.
 */
export const dagsKey = ['dags'] as const;
export const dagKey = (dagId: string) => ['dag', dagId] as const;
export const runKey = (dagId: string, runId: string) => ['run', dagId, runId] as const;
export const importErrorsKey = ['importErrors'] as const;

export const PAGE_SIZE = 50;

interface DagFilter {
  readonly name: string;
  readonly paused: boolean | undefined;
  readonly page: number;
}

export const dagsQuery = (filter: DagFilter) => queryOptions({
  queryKey: [...dagsKey, 'list', filter],
  queryFn: ({ signal }) => uiDags({
    signal,
    query: {
      runs: 14, limit: PAGE_SIZE, offset: filter.page * PAGE_SIZE, order_by: ['dag_id'], paused: filter.paused,
      dag_id_pattern: filter.name === '' ? undefined : `%${filter.name}%`,
    },
  }),
  placeholderData: keepPreviousData,
});

export const unpausedDagsQuery = queryOptions({
  queryKey: [...dagsKey, 'unpaused'],
  queryFn: ({ signal }) => getDags({ signal, query: { limit: 100, paused: false } }),
});

export const dagQuery = (dagId: string) => queryOptions({
  queryKey: [...dagKey(dagId), 'details'],
  queryFn: ({ signal }) => getDagDetails({ signal, path: { dag_id: dagId } }),
});

export const gridQuery = (dagId: string, limit: number) => queryOptions({
  queryKey: [...dagKey(dagId), 'grid', limit],
  queryFn: ({ signal }) => uiGrid({ signal, path: { dag_id: dagId }, query: { limit } }),
  placeholderData: keepPreviousData,
});

/** A structure is named by its content, so it never goes stale. */
export const structureQuery = (dagId: string, hash: string) => queryOptions({
  queryKey: ['structure', dagId, hash],
  queryFn: ({ signal }) => uiStructure({ signal, path: { dag_id: dagId, hash } }),
  staleTime: Number.POSITIVE_INFINITY,
});

export const sourceQuery = (dagId: string) => queryOptions({
  queryKey: [...dagKey(dagId), 'source'],
  queryFn: ({ signal }) => getDagSource({ signal, path: { dag_id: dagId } }),
});

interface RunFilter {
  /** Absent: the runs of all DAGs. */
  readonly dagId?: string;
  readonly state: RunState | undefined;
  readonly page: number;
}

export const runsQuery = (filter: RunFilter) => queryOptions({
  queryKey: [...(filter.dagId === undefined ? dagsKey : dagKey(filter.dagId)), 'runs', filter],
  queryFn: ({ signal }) => getDagRuns({
    signal, path: { dag_id: filter.dagId ?? '~' },
    query: { limit: PAGE_SIZE, offset: filter.page * PAGE_SIZE, order_by: ['-run_after'], state: filter.state === undefined ? undefined : [filter.state] },
  }),
  placeholderData: keepPreviousData,
});

export const runQuery = (dagId: string, runId: string) => queryOptions({
  queryKey: [...runKey(dagId, runId), 'run'],
  queryFn: ({ signal }) => getDagRun({ signal, path: { dag_id: dagId, dag_run_id: runId } }),
});

export const upstreamAssetEventsQuery = (dagId: string, runId: string) => queryOptions({
  queryKey: [...runKey(dagId, runId), 'upstream-asset-events'],
  queryFn: ({ signal }) => getUpstreamAssetEvents({ signal, path: { dag_id: dagId, dag_run_id: runId } }),
});

const TASK_PAGE = 100;

/** Task instances of a run (or of one of its tasks), a page after the other; the list shows what it has while the rest comes. */
export const taskInstancesQuery = (dagId: string, runId: string, taskId?: string) => infiniteQueryOptions({
  queryKey: [...runKey(dagId, runId), 'taskInstances', taskId ?? null],
  queryFn: ({ signal, pageParam }) => getTaskInstances({
    signal, path: { dag_id: dagId, dag_run_id: runId }, query: { limit: TASK_PAGE, offset: pageParam, task_id: taskId === undefined ? undefined : [taskId] },
  }),
  initialPageParam: 0,
  getNextPageParam: (last, pages) => {
    const read = pages.length * TASK_PAGE;
    return read < last.total_entries ? read : undefined;
  },
});

export const taskInstanceQuery = (dagId: string, runId: string, taskId: string, mapIndex: number) => queryOptions({
  queryKey: [...runKey(dagId, runId), 'taskInstance', taskId, mapIndex],
  queryFn: ({ signal }) => {
    const of = { dag_id: dagId, dag_run_id: runId, task_id: taskId };
    return mapIndex < 0 ? getTaskInstance({ signal, path: of }) : getMappedTaskInstance({ signal, path: { ...of, map_index: mapIndex } });
  },
});

export const whyQuery = (dagId: string, runId: string, taskId: string, mapIndex: number) => queryOptions({
  queryKey: [...runKey(dagId, runId), 'why', taskId, mapIndex],
  queryFn: ({ signal }) => uiWhy({ signal, path: { dag_id: dagId, dag_run_id: runId, task_id: taskId, map_index: mapIndex } }),
});

/** null: it returned nothing, or not yet. */
export const resultQuery = (instance: TaskInstance) => queryOptions({
  // One that ended keeps its result, so an event of the run makes nothing stale here.
  queryKey: ['result', instance.id, instance.try_number, instance.end_date],
  queryFn: async ({ signal }): Promise<{ readonly bytes: number; readonly value?: unknown } | null> => {
    const of = { dag_id: instance.dag_id, dag_run_id: instance.dag_run_id, task_id: instance.task_id };
    const { xcom_entries: [entry] } = await getXcomEntries({ signal, path: of, query: { map_index: instance.map_index, limit: 1 } });
    if (entry === undefined) return null;
    if (entry.bytes > SHOWN_RESULT_BYTES) return { bytes: entry.bytes };
    return { bytes: entry.bytes, value: (await getXcomEntry({ signal, path: { ...of, xcom_key: 'return_value' }, query: { map_index: instance.map_index, max_bytes: SHOWN_RESULT_BYTES } })).value };
  },
  staleTime: Number.POSITIVE_INFINITY,
});

/** A larger one is not fetched to be shown. */
const SHOWN_RESULT_BYTES = 256 * 1024;

/** What the instance keeps for its next try: no event tells of a change while it runs. */
export const keptStateQuery = (instance: TaskInstance) => queryOptions({
  queryKey: [...runKey(instance.dag_id, instance.dag_run_id), 'keptState', instance.task_id, instance.map_index],
  queryFn: async ({ signal }) => (await listTaskStateStore({ signal, path: { dag_id: instance.dag_id, dag_run_id: instance.dag_run_id, task_id: instance.task_id }, query: { map_index: instance.map_index, limit: 100 } })).task_state_store,
  refetchInterval: instance.end_date === null ? 5_000 : false,
});

export const triesQuery = (dagId: string, runId: string, taskId: string, mapIndex: number) => queryOptions({
  queryKey: [...runKey(dagId, runId), 'tries', taskId, mapIndex],
  queryFn: ({ signal }) => getTaskInstanceTries({ signal, path: { dag_id: dagId, dag_run_id: runId, task_id: taskId }, query: { map_index: mapIndex } }),
});

export const eventsQuery = (dagId: string, runId: string) => infiniteQueryOptions({
  queryKey: [...runKey(dagId, runId), 'events'],
  queryFn: ({ signal, pageParam }) => getDagRunEvents({ signal, path: { dag_id: dagId, dag_run_id: runId }, query: { after: pageParam ?? undefined, limit: 500 } }),
  initialPageParam: null as string | null,
  getNextPageParam: (last) => last.next_after ?? undefined,
});

/** null: this try has asked nothing (yet). */
export const humanInputQuery = (dagId: string, runId: string, taskId: string, mapIndex: number) => queryOptions({
  queryKey: [...runKey(dagId, runId), 'humanInput', taskId, mapIndex],
  queryFn: ({ signal }) => getHitlDetail({ signal, path: { dag_id: dagId, dag_run_id: runId, task_id: taskId, map_index: mapIndex } }).catch((failure: unknown) => {
    if (failure instanceof ApiFailure && failure.status === 404) return null;
    throw failure;
  }),
});

/** What waits for people, oldest first. No live event names them all, so they are also read now and then. */
export const requiredActionsQuery = queryOptions({
  queryKey: [...dagsKey, 'requiredActions'],
  queryFn: ({ signal }) => getHitlDetails({ signal, path: { dag_id: '~', dag_run_id: '~' }, query: { state: ['awaiting_input'], response_received: false, limit: 100, order_by: ['created_at'] } }),
  refetchInterval: 15_000,
});

export const connectionsKey = ['connections'] as const;
export const variablesKey = ['variables'] as const;

export const connectionsQuery = (page: number) => queryOptions({
  queryKey: [...connectionsKey, page],
  queryFn: ({ signal }) => getConnections({ signal, query: { limit: PAGE_SIZE, offset: page * PAGE_SIZE } }),
  placeholderData: keepPreviousData,
});

export const variablesQuery = (page: number) => queryOptions({
  queryKey: [...variablesKey, page],
  queryFn: ({ signal }) => getVariables({ signal, query: { limit: PAGE_SIZE, offset: page * PAGE_SIZE } }),
  placeholderData: keepPreviousData,
});

export const importErrorsQuery = queryOptions({
  queryKey: importErrorsKey,
  queryFn: ({ signal }) => getImportErrors({ signal, query: { limit: 100 } }),
});

export const healthQuery = queryOptions({
  queryKey: ['health'],
  queryFn: ({ signal }) => getHealth({ signal }),
  refetchInterval: 10_000,
});

export const versionQuery = queryOptions({
  queryKey: ['version'],
  queryFn: ({ signal }) => getVersion({ signal }),
  staleTime: Number.POSITIVE_INFINITY,
});

/** The address that follows a try's log. */
/** `tailBytes` undefined: from the first byte. */
export const logStreamUrl = (dagId: string, runId: string, taskId: string, mapIndex: number, tryNumber: number, tailBytes: number | undefined): string =>
  path`/api/v2/dags/${dagId}/dagRuns/${runId}/taskInstances/${taskId}/logs/${tryNumber}/stream?map_index=${mapIndex}` + (tailBytes === undefined ? '' : `&tail_bytes=${tailBytes}`);
