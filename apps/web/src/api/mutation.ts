import { path, request } from './client.ts';
import type { ClearChoice, DagRun, TaskInstance, TriggerBody } from './shape.ts';

/** What the page changes. The gateway answers when its read model has the change, so a read that follows sees it. */

export const signIn = (username: string, password: string): Promise<unknown> =>
  request('/auth/token', { method: 'POST', body: { username, password } });

export const signOut = (): Promise<unknown> => request('/auth/logout', { method: 'POST' });

export const setPaused = (dagId: string, isPaused: boolean): Promise<unknown> =>
  request(path`/api/v2/dags/${dagId}`, { method: 'PATCH', query: { update_mask: 'is_paused' }, body: { is_paused: isPaused } });

export const triggerRun = (dagId: string, body: TriggerBody): Promise<DagRun> =>
  request(path`/api/v2/dags/${dagId}/dagRuns`, { method: 'POST', body });

export interface InstanceList {
  readonly task_instances: readonly TaskInstance[];
  readonly total_entries: number;
}

export interface Target {
  readonly dagId: string;
  readonly runId: string;
  /** Absent: the whole run. */
  readonly taskId?: string;
  /** -1: all of a mapped task, or one that is not mapped. */
  readonly mapIndex: number;
}

/** With `dryRun`, the task instances that would be cleared and nothing else. */
export function clear(target: Target, choice: ClearChoice, dryRun: boolean): Promise<InstanceList> {
  const { dagId, runId, taskId, mapIndex } = target;
  if (taskId === undefined) {
    return request(path`/api/v2/dags/${dagId}/dagRuns/${runId}/clear`, { method: 'POST', body: { dry_run: dryRun, only_failed: choice.only_failed } });
  }
  return request(path`/api/v2/dags/${dagId}/clearTaskInstances`, {
    method: 'POST',
    body: { ...choice, dry_run: dryRun, dag_run_id: runId, reset_dag_runs: true, task_ids: [mapIndex < 0 ? taskId : [taskId, mapIndex]] },
  });
}

export type Mark = 'success' | 'failed' | 'skipped';

export function markInstance(target: Target & { readonly taskId: string }, state: Mark): Promise<unknown> {
  return request(path`/api/v2/dags/${target.dagId}/dagRuns/${target.runId}/taskInstances/${target.taskId}`, {
    method: 'PATCH', query: { update_mask: 'new_state', map_index: target.mapIndex }, body: { new_state: state },
  });
}

export function markRun(dagId: string, runId: string, state: 'success' | 'failed' | 'queued'): Promise<unknown> {
  return request(path`/api/v2/dags/${dagId}/dagRuns/${runId}`, { method: 'PATCH', query: { update_mask: 'state' }, body: { state } });
}
