import type { Command } from 'commander';
import { allPages, settled } from '../api/client.ts';
import { clearDagRun, getDagRun, getDagRuns, type DagRunResponse, type RunEventResponse, type TaskInstanceResponse } from '@dagbook/api-client';
import { storedEvents, taskInstances } from '../api/run-content.ts';
import { printLine, printOne, printRows, tableOf } from '../format/print.ts';
import { collectedOf, wholeNumber } from '../input.ts';
import type { Session } from '../session.ts';
import { RUN, RUN_DETAILS, RUN_EVENT, TASK_INSTANCE } from '../shape.ts';
import { addCallbackCommand } from './run-callback.ts';
import { watchRun } from './run-watch.ts';

type RunStateName = DagRunResponse['state'];
const RUN_STATES = ['queued', 'running', 'success', 'failed'] as const satisfies readonly RunStateName[];

export function addRunCommands(program: Command, session: Session): void {
  const runs = program.command('runs').description('runs: list, look at, follow and clear them');

  runs.command('list')
    .argument('[dag]', 'default: of every DAG')
    .description('runs, newest first')
    .option('--state <state>', 'only in this state; several: in any of them', collectedOf(RUN_STATES), [])
    .option('-n, --limit <number>', 'how many at most', wholeNumber(1, 100_000), 25)
    .action((dagId: string | undefined, options: { state: RunStateName[]; limit: number }) => listRuns(session, dagId, options));

  runs.command('show').argument('<dag>').argument('<run>').description('a run and its task instances').action((dagId: string, runId: string) => showRun(session, dagId, runId));

  runs.command('watch')
    .argument('<dag>').argument('<run>')
    .description('follow a run until it has ended; exit code 1 when it fails')
    .action(async (dagId: string, runId: string) => watchRun(session, await session.api(), dagId, runId));

  runs.command('clear')
    .argument('<dag>').argument('<run>')
    .description('run the tasks of a run again; without --yes: show which')
    .option('--only-failed', 'only those that failed, and what waits for them', false)
    .option('--latest-version', 'with the code of the latest version', false)
    .option('--yes', 'do it', false)
    .action((dagId: string, runId: string, options: { onlyFailed: boolean; latestVersion: boolean; yes: boolean }) => clearRun(session, dagId, runId, options));

  addCallbackCommand(runs, session);

  runs.command('events').argument('<dag>').argument('<run>').description('the stored events of a run and its attempts, oldest first').action((dagId: string, runId: string) => listEvents(session, dagId, runId));
}

async function listRuns(session: Session, dagId: string | undefined, { state, limit }: { state: RunStateName[]; limit: number }): Promise<void> {
  const { client } = await session.api();
  const rows = await allPages(async (page) => {
    const query = { ...page, order_by: ['-run_after', '-id'], ...(state.length === 0 ? {} : { state }) };
    const { dag_runs: found, total_entries: total } = await getDagRuns({ client, path: { dag_id: dagId ?? '~' }, query });
    return { rows: found, total };
  }, limit);
  printRows(session.terminal, session.format, rows, RUN);
}

async function showRun(session: Session, dagId: string, runId: string): Promise<void> {
  const api = await session.api();
  const [run, instances] = await Promise.all([getDagRun({ client: api.client, path: { dag_id: dagId, dag_run_id: runId } }), taskInstances(api, dagId, runId)]);
  printOne(session.terminal, session.format, { ...run, task_instances: instances }, RUN_DETAILS, tableOf(session.terminal, instances, TASK_INSTANCE));
}

async function clearRun(session: Session, dagId: string, runId: string, options: { onlyFailed: boolean; latestVersion: boolean; yes: boolean }): Promise<void> {
  const { client } = await session.api();
  const { terminal, format } = session;
  const body = { only_failed: options.onlyFailed, ...(options.latestVersion ? { run_on_latest_version: true } : {}), dry_run: !options.yes };
  // The contract names the answer of a dry run; a real one answers the run as it is now.
  const answer = settled(await clearDagRun({ client, path: { dag_id: dagId, dag_run_id: runId }, body }) as object);
  if (options.yes) return printOne(terminal, format, answer as DagRunResponse, RUN_DETAILS);
  const { task_instances: instances } = answer as { task_instances: TaskInstanceResponse[] };
  printRows(terminal, format, instances, TASK_INSTANCE);
  terminal.err(`Nothing was cleared. --yes clears these ${instances.length}.\n`);
}

async function listEvents(session: Session, dagId: string, runId: string): Promise<void> {
  const api = await session.api();
  const { terminal, format } = session;
  const all: RunEventResponse[] = [];
  for await (const event of storedEvents(api, dagId, runId)) {
    if (format === 'jsonl' || format === 'id') printLine(terminal, format, event, RUN_EVENT);
    else all.push(event);
  }
  if (format !== 'jsonl' && format !== 'id') printRows(terminal, format, all, RUN_EVENT);
}
