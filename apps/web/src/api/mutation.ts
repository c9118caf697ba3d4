import { settled } from './client.ts';
import {
  clearDagRun, type ConnectionBody, createToken, deleteConnection, deleteVariable, endSession, type HumanAnswerBody, patchConnection, patchDag, patchDagRun, patchTaskInstance, patchVariable,
  postClearTaskInstances, postConnection, postVariable, triggerDagRun, type TriggerRunBody, updateHitlDetail, type VariableBody,
} from '@dagbook/api-client';
import type { DagRun, TaskInstance } from './shape.ts';

/** What the page changes. The gateway answers when its read model has the change, so a read that follows sees it. */

export const signIn = (username: string, password: string): Promise<unknown> => createToken({ body: { username, password } });

export const signOut = (): Promise<unknown> => endSession();

export const setPaused = (dagId: string, isPaused: boolean): Promise<unknown> =>
  patchDag({ path: { dag_id: dagId }, query: { update_mask: ['is_paused'] }, body: { is_paused: isPaused } });

export const triggerRun = async (dagId: string, body: TriggerRunBody): Promise<DagRun> => settled(await triggerDagRun({ path: { dag_id: dagId }, body }));

export interface Target {
  readonly dagId: string;
  readonly runId: string;
  /** Absent: the whole run. */
  readonly taskId?: string;
  /** -1: all of a mapped task, or one that is not mapped. */
  readonly mapIndex: number;
}

export interface ClearChoice {
  readonly include_upstream: boolean;
  readonly include_downstream: boolean;
  readonly only_failed: boolean;
}

interface InstanceList {
  readonly task_instances: readonly TaskInstance[];
  readonly total_entries: number;
}

/** With `dryRun`, the task instances that would be cleared and nothing else. */
export async function clear(target: Target, choice: ClearChoice, dryRun: boolean): Promise<InstanceList> {
  const { dagId, runId, taskId, mapIndex } = target;
  if (taskId === undefined) {
    const answer = settled(await clearDagRun({ path: { dag_id: dagId, dag_run_id: runId }, body: { dry_run: dryRun, only_failed: choice.only_failed } }));
    // A run that has been cleared answers with itself: what was cleared is what the dry run told.
    return 'task_instances' in answer ? answer : { task_instances: [], total_entries: 0 };
  }
  return settled(await postClearTaskInstances({
    path: { dag_id: dagId },
    body: { ...choice, dry_run: dryRun, dag_run_id: runId, reset_dag_runs: true, task_ids: [mapIndex < 0 ? taskId : [taskId, mapIndex]] },
  }));
}

export type Mark = 'success' | 'failed' | 'skipped';

export const markInstance = async (target: Target & { readonly taskId: string }, state: Mark): Promise<unknown> => settled(await patchTaskInstance({
  path: { dag_id: target.dagId, dag_run_id: target.runId, task_id: target.taskId }, query: { update_mask: ['new_state'], map_index: target.mapIndex }, body: { new_state: state },
}));

export const markRun = async (dagId: string, runId: string, state: 'success' | 'failed'): Promise<unknown> =>
  settled(await patchDagRun({ path: { dag_id: dagId, dag_run_id: runId }, query: { update_mask: ['state'] }, body: { state } }));

export const answerInput = async (target: Required<Target>, body: HumanAnswerBody): Promise<unknown> => settled(await updateHitlDetail({
  path: { dag_id: target.dagId, dag_run_id: target.runId, task_id: target.taskId, map_index: target.mapIndex }, body,
}));

export const createConnection = (body: ConnectionBody): Promise<unknown> => postConnection({ body });
/** `fields`: those that were typed; the others stay, secrets among them. */
export const updateConnection = (body: ConnectionBody, fields: readonly string[]): Promise<unknown> =>
  patchConnection({ path: { connection_id: body.connection_id }, query: { update_mask: [...fields] }, body });
export const deleteStoredConnection = (connectionId: string): Promise<unknown> => deleteConnection({ path: { connection_id: connectionId } });

export const createVariable = (body: VariableBody): Promise<unknown> => postVariable({ body });
export const updateVariable = (body: VariableBody, fields: readonly string[]): Promise<unknown> => patchVariable({ path: { variable_key: body.key }, query: { update_mask: [...fields] }, body });
export const deleteStoredVariable = (key: string): Promise<unknown> => deleteVariable({ path: { variable_key: key } });
