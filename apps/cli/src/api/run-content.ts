import { allPages, type Api } from './client.ts';
import { getDagRunEvents, getTaskInstances, type RunEventResponse, type TaskInstanceResponse } from '@dagbook/api-client';

/** All of a run's, by task and map index. */
export function taskInstances({ client }: Api, dagId: string, runId: string, states: readonly NonNullable<TaskInstanceResponse['state']>[] = []): Promise<TaskInstanceResponse[]> {
  return allPages(async (page) => {
    const query = { ...page, order_by: ['task_id', 'map_index'], ...(states.length === 0 ? {} : { state: [...states] }) };
    const { task_instances: rows, total_entries: total } = await getTaskInstances({ client, path: { dag_id: dagId, dag_run_id: runId }, query });
    return { rows, total };
  });
}

/** From after a position on, as far as there are any. */
export async function* storedEvents({ client }: Api, dagId: string, runId: string, after?: string): AsyncGenerator<RunEventResponse> {
  for (let next: string | null | undefined = after; next !== null; ) {
    const page: { events: RunEventResponse[]; next_after: string | null } = await getDagRunEvents({ client, path: { dag_id: dagId, dag_run_id: runId }, query: { limit: 1_000, ...(next === undefined ? {} : { after: next }) } });
    yield* page.events;
    next = page.next_after;
  }
}
