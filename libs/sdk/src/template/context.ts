import type { Json, QueuedUpdate } from '@dagbook/domain';
import type { ContextValue, TemplateContext } from '@dagbook/templates';
import { aliasesIn, urisIn } from '../asset.ts';
import type { TaskModel } from '../model.ts';
import type { TaskIo, TaskRunRequest } from '../runnable.ts';
import type { CompiledDag } from '../serialize.ts';

const instant = (instantMs: number | null | undefined): ContextValue => (instantMs === null || instantMs === undefined ? null : { instantMs });

/** What a task's templates know, by Airflow's names. */
export async function templateContext(
  { task, request, compiled }: { readonly task: TaskModel; readonly request: TaskRunRequest; readonly compiled: CompiledDag },
  io: TaskIo,
  /** The last run that succeeded may be named: it costs a question to the gateway. */
  asksForPrevious: boolean,
  more: { readonly [name: string]: Json } = {},
): Promise<TemplateContext> {
  const { dagId, runId, taskId, mapIndex, tryNumber } = request.attempt;
  const { run, maxTries } = request.work;
  const { definition } = compiled;
  const { logicalDateMs, dataInterval } = run;
  const previous = asksForPrevious ? await io.previousSuccess?.() : undefined;
  const dag = { dag_id: dagId, dag_display_name: definition.displayName ?? dagId, owner: definition.owner ?? null, tags: [...(definition.tags ?? [])], timezone: definition.timezone, description: definition.doc ?? null };
  return {
    logicalDateMs: logicalDateMs ?? undefined,
    dataInterval: dataInterval ?? undefined,
    runId,
    params: run.params,
    dag,
    dagRun: {
      dag_id: dagId, run_id: runId, run_type: run.runType, conf: run.conf, run_after: instant(run.runAfterMs), logical_date: instant(logicalDateMs),
      partition_key: run.partitionKey ?? null, partition_date: instant(run.partitionDateMs), data_interval_start: instant(dataInterval?.startMs), data_interval_end: instant(dataInterval?.endMs),
    },
    task: {
      task_id: taskId, task_type: task.operator, task_display_name: task.spec.displayName ?? taskId, owner: definition.owner ?? null, queue: task.spec.queue ?? 'default',
      pool: typeof task.spec.pool === 'object' ? task.spec.pool.name : (task.spec.pool ?? 'default_pool'), retries: task.spec.retries ?? 0,
    },
    ti: { dag_id: dagId, task_id: taskId, run_id: runId, try_number: tryNumber, map_index: mapIndex, max_tries: maxTries },
    variables: {
      task_instance_key_str: `${dagId}__${taskId}__${runId}`,
      test_mode: false,
      prev_data_interval_start_success: instant(previous?.dataInterval?.startMs),
      prev_data_interval_end_success: instant(previous?.dataInterval?.endMs),
      prev_start_date_success: instant(previous?.startedAtMs),
      prev_end_date_success: instant(previous?.endedAtMs),
      partition_key: run.partitionKey ?? null,
      partition_date: instant(run.partitionDateMs),
      triggering_asset_events: eventsByAsset(run.assetEvents ?? []),
      inlets: assetsOf(task.spec.inlets),
      outlets: assetsOf(task.spec.outlets),
      ...more,
    },
  };
}

const assetsOf = (list: TaskModel['spec']['outlets']): ContextValue => [...urisIn(list).map((uri) => ({ uri, name: uri })), ...aliasesIn(list).map((name) => ({ name }))];

/** By asset, as in Airflow; its names of an event's members. */
function eventsByAsset(events: readonly QueuedUpdate[]): ContextValue {
  const found = new Map<string, ContextValue[]>();
  for (const { uri, extra, atMs, source, partitionKey = null } of events) {
    const ofAsset = found.get(uri) ?? [];
    found.set(uri, ofAsset);
    ofAsset.push({
      uri, extra, timestamp: instant(atMs), partition_key: partitionKey, source_dag_id: source?.dagId ?? null, source_run_id: source?.runId ?? null, source_task_id: source?.taskId ?? null,
      source_map_index: source?.mapIndex ?? -1,
    });
  }
  return Object.fromEntries(found);
}
