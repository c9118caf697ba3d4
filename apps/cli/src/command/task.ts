import type { Command } from 'commander';
import { settled, type Api } from '../api/client.ts';
import { followStream } from '../api/event-stream.ts';
import { getLog, getMappedTaskInstance, postClearTaskInstances, uiWhy, type ExplanationResponse, type TaskInstanceResponse } from '@dagbook/api-client';
import { taskInstances } from '../api/run-content.ts';
import { CliFailure } from '../failure.ts';
import { type LogLine, printLog } from '../format/log.ts';
import { printOne, printRows, type Shape } from '../format/print.ts';
import { collectedOf, wholeNumber } from '../input.ts';
import type { Session } from '../session.ts';
import { parseTaskName, TASK_INSTANCE } from '../shape.ts';
import { addRenderCommand, runOf } from './task-render.ts';

type TaskStateName = NonNullable<TaskInstanceResponse['state']>;
const TASK_STATES = [
  'none', 'scheduled', 'queued', 'running', 'restarting', 'up_for_retry', 'up_for_reschedule', 'deferred', 'awaiting_input', 'success', 'failed', 'skipped', 'upstream_failed', 'removed',
] as const satisfies readonly TaskStateName[];
/** Nothing more comes into the log of an instance in one of these. */
const ENDED: ReadonlySet<TaskStateName | null> = new Set(['success', 'failed', 'skipped', 'upstream_failed', 'removed']);

export function addTaskCommands(program: Command, session: Session): void {
  const tasks = program.command('tasks').description('task instances of a run: list them, read their logs, run them again; task[3] is number 3 of a mapped task');

  tasks.command('list')
    .argument('<dag>').argument('<run>')
    .description('task instances of a run')
    .option('--state <state>', 'only in this state; several: in any of them', collectedOf(TASK_STATES), [])
    .action(async (dagId: string, runId: string, { state }: { state: TaskStateName[] }) => {
      printRows(session.terminal, session.format, await taskInstances(await session.api(), dagId, runId, state), TASK_INSTANCE);
    });

  tasks.command('logs')
    .argument('<dag>').argument('<run>').argument('<task>')
    .description('the log of a try, whole; -o jsonl gives its lines as they are stored, -o id only their text')
    .option('-f, --follow', 'stay until the try has ended', false)
    .option('--try <number>', 'which; default: the last', wholeNumber(1, 10_000))
    .option('--map-index <number>', 'of a mapped task; the same as task[3]', wholeNumber(0, 1_000_000))
    .action((dagId: string, runId: string, task: string, options: LogOptions) => showLog(session, { dagId, runId, task }, options));

  addRenderCommand(tasks, session);

  tasks.command('why')
    .argument('<dag>').argument('<run>').argument('<task>')
    .description('why it is not running, what it waits for, and until when')
    .option('--map-index <number>', 'of a mapped task; the same as task[3]', wholeNumber(0, 1_000_000))
    .action(async (dagId: string, run: string, task: string, options: { mapIndex?: number }) => {
      const { taskId, mapIndex = options.mapIndex ?? -1 } = parseTaskName(task);
      const { client } = await session.api();
      const path = { dag_id: dagId, dag_run_id: await runOf(client, dagId, run), task_id: taskId, map_index: mapIndex };
      printOne(session.terminal, session.format, await uiWhy({ client, path }), EXPLANATION);
    });

  tasks.command('clear')
    .argument('<dag>').argument('<run>').argument('<task...>')
    .description('run task instances again; without --yes: show which')
    .option('--upstream', 'also everything before them', false)
    .option('--downstream', 'also everything after them', false)
    .option('--past', 'the same in all runs of an earlier logical date', false)
    .option('--future', 'the same in all runs of a later logical date', false)
    .option('--only-failed', 'of these only those that failed', false)
    .option('--yes', 'do it', false)
    .action((dagId: string, runId: string, names: string[], options: ClearOptions) => clearTasks(session, { dagId, runId, names }, options));
}

const EXPLANATION: Shape<ExplanationResponse> = {
  id: (why) => why.code,
  columns: {
    state: (why) => why.state,
    why: (why) => why.message,
    until: (why) => why.until,
    'waits for': (why) => why.waits_for.map(({ task_id: taskId, map_index: mapIndex, state }) => `${taskId}${mapIndex === -1 ? '' : `[${mapIndex}]`} (${state ?? 'none'})`),
    code: (why) => why.code,
  },
};

interface LogOptions {
  readonly follow: boolean;
  readonly try?: number;
  readonly mapIndex?: number;
}

async function showLog(session: Session, of: { readonly dagId: string; readonly runId: string; readonly task: string }, options: LogOptions): Promise<void> {
  const { terminal, format } = session;
  const { taskId, mapIndex = options.mapIndex ?? -1 } = parseTaskName(of.task);
  const api = await session.api();
  const path = { dag_id: of.dagId, dag_run_id: of.runId, task_id: taskId };
  const instance = await getMappedTaskInstance({ client: api.client, path: { ...path, map_index: mapIndex } }).catch((error: unknown) => {
    if (!(error instanceof CliFailure) || error.kind !== 'notFound' || mapIndex !== -1) throw error;
    throw new CliFailure(error.kind, error.message, `Of a mapped task, name one instance: ${taskId}[0].`);
  });
  const log = { ...path, try_number: options.try ?? Math.max(1, instance.try_number) };
  const isOver = ENDED.has(instance.state) || log.try_number < instance.try_number;
  const lines = options.follow && !isOver ? followedLog(api, log, mapIndex, terminal.signal) : storedLog(api, log, mapIndex);
  const count = await printLog(terminal, format, lines);
  if (count === 0) terminal.err(`Try ${log.try_number} of ${of.task} has written nothing${isOver ? '' : ' yet'} (state: ${instance.state ?? 'none'}).\n`);
}

interface LogPath {
  readonly dag_id: string;
  readonly dag_run_id: string;
  readonly task_id: string;
  readonly try_number: number;
}

async function* storedLog({ client }: Api, path: LogPath, mapIndex: number): AsyncGenerator<LogLine> {
  for (let token: string | null | undefined; token !== null; ) {
    const page = await getLog({ client, path: { ...path }, query: { map_index: mapIndex, ...(token === undefined ? {} : { token }) } });
    yield* page.content as LogLine[];
    // The log of a try that still writes always has a token to read on from.
    token = page.content.length === 0 ? null : page.continuation_token;
  }
}

async function* followedLog(api: Api, path: LogPath, mapIndex: number, signal: AbortSignal): AsyncGenerator<LogLine> {
  const [dag, run, task] = [path.dag_id, path.dag_run_id, path.task_id].map(encodeURIComponent);
  const url = `/api/v2/dags/${dag}/dagRuns/${run}/taskInstances/${task}/logs/${path.try_number}/stream?map_index=${mapIndex}`;
  for await (const { event, data } of followStream(api, url, signal)) {
    if (event === 'message') yield* data.split('\n').filter((line) => line !== '').map(parseLine);
  }
}

function parseLine(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { event: text };
  }
}

interface ClearOptions {
  readonly upstream: boolean;
  readonly downstream: boolean;
  readonly past: boolean;
  readonly future: boolean;
  readonly onlyFailed: boolean;
  readonly yes: boolean;
}

async function clearTasks(session: Session, of: { readonly dagId: string; readonly runId: string; readonly names: readonly string[] }, options: ClearOptions): Promise<void> {
  const { client } = await session.api();
  const tasks = of.names.map((name) => parseTaskName(name)).map(({ taskId, mapIndex }): string | [string, number] => (mapIndex === undefined ? taskId : [taskId, mapIndex]));
  const body = {
    dag_run_id: of.runId,
    task_ids: tasks as string[],
    include_upstream: options.upstream,
    include_downstream: options.downstream,
    include_past: options.past,
    include_future: options.future,
    only_failed: options.onlyFailed,
    dry_run: !options.yes,
  };
  const { task_instances: instances } = settled(await postClearTaskInstances({ client, path: { dag_id: of.dagId }, body }));
  if (options.yes && instances.length === 0) throw new CliFailure('failed', 'Nothing was cleared: no task instance fits.');
  printRows(session.terminal, session.format, instances, TASK_INSTANCE);
  if (!options.yes) session.terminal.err(`Nothing was cleared. --yes clears these ${instances.length}.\n`);
}
