import { clearTaskStateStore, deleteExpiredStates, deleteTaskStateStore, getExpiredStates, listTaskStateStore, type ExpiredStateResponse, type TaskStateResponse } from '@dagbook/api-client';
import type { Command } from 'commander';
import { allPages } from '../api/client.ts';
import { printRows, type Shape } from '../format/print.ts';
import type { Session } from '../session.ts';
import { nameOf, parseTaskName } from '../shape.ts';

const STATE: Shape<TaskStateResponse> = {
  id: ({ key }) => key,
  columns: { key: ({ key }) => key, value: ({ value }) => value, written: ({ updated_at: at }) => at, expires: ({ expires_at: at }) => at },
};

const EXPIRED: Shape<ExpiredStateResponse> = {
  id: (state) => `${state.dag_id} ${state.run_id} ${nameOf(state)} ${state.key}`,
  columns: { dag: (state) => state.dag_id, run: (state) => state.run_id, task: nameOf, key: (state) => state.key },
};

export function addStateStoreCommands(program: Command, session: Session): void {
  const states = program.command('state-store').description('what tasks keep for their next try');

  states.command('list').argument('<dag>').argument('<run>').argument('<task>').description('what a task instance keeps, by key; secrets hidden').action(async (dagId: string, runId: string, task: string) => {
    const { client } = await session.api();
    const { path, mapIndex } = instanceOf(dagId, runId, task);
    const rows = await allPages(async (page) => {
      const { task_state_store: found, total_entries: total } = await listTaskStateStore({ client, path, query: { ...page, map_index: mapIndex } });
      return { rows: found, total };
    });
    printRows(session.terminal, session.format, rows, STATE);
  });

  states.command('delete').argument('<dag>').argument('<run>').argument('<task>').argument('[key]', 'default: all of them').description('delete what it keeps, so that its next try begins anew').action(async (dagId: string, runId: string, task: string, key: string | undefined) => {
    const { client } = await session.api();
    const { path, mapIndex } = instanceOf(dagId, runId, task);
    const query = { map_index: mapIndex };
    if (key === undefined) await clearTaskStateStore({ client, path, query });
    else await deleteTaskStateStore({ client, path: { ...path, key }, query });
  });

  states.command('clean').option('--dry-run', 'show what would be deleted', false).description('delete what has expired now, rather than with the next sweep').action(async ({ dryRun }: { dryRun: boolean }) => {
    const { client } = await session.api();
    if (!dryRun) {
      session.terminal.out(`${(await deleteExpiredStates({ client })).deleted} expired states were deleted.\n`);
      return;
    }
    const rows = await allPages(async (page) => {
      const { expired, total_entries: total } = await getExpiredStates({ client, query: page });
      return { rows: expired, total };
    });
    printRows(session.terminal, session.format, rows, EXPIRED);
    session.terminal.err(`${rows.length} have expired. Nothing was changed.\n`);
  });
}

function instanceOf(dagId: string, runId: string, task: string): { readonly path: { readonly dag_id: string; readonly dag_run_id: string; readonly task_id: string }; readonly mapIndex: number } {
  const { taskId, mapIndex = -1 } = parseTaskName(task);
  return { path: { dag_id: dagId, dag_run_id: runId, task_id: taskId }, mapIndex };
}
