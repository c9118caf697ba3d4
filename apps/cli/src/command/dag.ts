import type { Command } from 'commander';
import { allPages, settled } from '../api/client.ts';
import { getDagDetails, getDags, getTasks, patchDag, triggerDagRun, uiNextRuns, type NextRunResponse } from '@dagbook/api-client';
import { CliFailure } from '../failure.ts';
import { printOne, printRows, tableOf, type Shape } from '../format/print.ts';
import { collected, readParams, wholeNumber } from '../input.ts';
import type { Session } from '../session.ts';
import { DAG, DAG_DETAILS, RUN_DETAILS, TASK } from '../shape.ts';
import { checkDags } from './dag-check.ts';
import { testDag, type DagTestOptions } from './dag-test.ts';
import { watchRun } from './run-watch.ts';
import { showWatchers } from './watcher.ts';

export function addDagCommands(program: Command, session: Session): void {
  const dags = program.command('dags').description('DAGs: list, look at, start and stop them; check and test DAG files without any service');

  dags.command('list')
    .description('every DAG')
    .option('--tag <tag>', 'only with this tag; several: with any of them', collected, [])
    .option('--pattern <text>', 'only ids that hold this text; % stands for any')
    .option('--paused', 'only paused ones')
    .option('--no-paused', 'only those that are not paused')
    .option('--all', 'also those that are in no file any more', false)
    .action((options: { tag: string[]; pattern?: string; paused?: boolean; all: boolean }) => listDags(session, options));

  dags.command('show').argument('<dag>').description('a DAG and its tasks').action((dagId: string) => showDag(session, dagId));

  dags.command('next')
    .argument('<dag>')
    .description('when it runs next, with what a change of the clock does to a run')
    .option('-n, --count <number>', 'how many', wholeNumber(1, 100), 5)
    .option('--tz <zone>', 'IANA zone to show the times in; default: that of the DAG')
    .action((dagId: string, options: { count: number; tz?: string }) => showNextRuns(session, dagId, options));

  dags.command('watchers')
    .argument('<dag>').argument('[watcher]', 'one of them: what it wrote lately')
    .description('what watches the assets that it waits for: where, what it saw last, and why not')
    .action((dagId: string, name: string | undefined) => showWatchers(session, dagId, name));

  dags.command('trigger')
    .argument('<dag>')
    .description('start a run')
    .option('--params <json>', 'its parameters: a JSON object, @file.json, or @- for stdin')
    .option('--set <name=value>', 'one parameter, over --params; a.b=1 reaches inside', collected, [])
    .option('--logical-date <instant>', 'ISO-8601; default: none')
    .option('--run-id <id>', 'default: made from the time')
    .option('--note <text>')
    .option('--partition-key <key>', 'of a DAG of partitions')
    .option('--watch', 'stay until it has ended; exit code 1 when it fails', false)
    .action((dagId: string, options: TriggerOptions) => triggerDag(session, dagId, options));

  for (const [name, isPaused, description] of [['pause', true, 'let the schedule make no more runs'], ['unpause', false, 'let the schedule make runs']] as const) {
    dags.command(name).argument('<dag...>').description(description).action((dagIds: string[]) => setPaused(session, dagIds, isPaused));
  }

  dags.command('check')
    .argument('[paths...]', 'DAG files or folders; default: the folder dags')
    .description('compile and read DAG files as the scheduler would; exit code 1 when one has an error')
    .action((paths: string[]) => checkDags(session, paths));

  dags.command('test')
    .argument('<dag>')
    .description('run a DAG here, in one process without any service; its output goes to stderr')
    .option('--dags <folder>', 'where its file is', 'dags')
    .option('--date <instant>', 'logical date, ISO-8601; default: now')
    .option('--params <json>', 'its parameters: a JSON object, @file.json, or @- for stdin')
    .option('--set <name=value>', 'one parameter, over --params', collected, [])
    .option('--mock <task=json>', 'the task answers this instead of running', collected, [])
    .action((dagId: string, options: DagTestOptions) => testDag(session, dagId, options));
}

async function listDags(session: Session, options: { tag: string[]; pattern?: string; paused?: boolean; all: boolean }): Promise<void> {
  const { client } = await session.api();
  const rows = await allPages(async (page) => {
    const query = {
      ...page,
      ...(options.all ? { exclude_stale: false } : {}),
      ...(options.tag.length === 0 ? {} : { tags: options.tag }),
      ...(options.pattern === undefined ? {} : { dag_id_pattern: options.pattern }),
      ...(options.paused === undefined ? {} : { paused: options.paused }),
    };
    const { dags, total_entries: total } = await getDags({ client, query });
    return { rows: dags, total };
  });
  printRows(session.terminal, session.format, rows, DAG);
}

async function showDag(session: Session, dagId: string): Promise<void> {
  const { client } = await session.api();
  const path = { dag_id: dagId };
  const [details, { tasks }] = await Promise.all([getDagDetails({ client, path }), getTasks({ client, path })]);
  printOne(session.terminal, session.format, { ...details, tasks }, DAG_DETAILS, tableOf(session.terminal, tasks, TASK));
}

async function showNextRuns(session: Session, dagId: string, { count, tz }: { count: number; tz?: string }): Promise<void> {
  const { client } = await session.api();
  const { runs, timezone, problem } = await uiNextRuns({ client, path: { dag_id: dagId }, query: { n: count } });
  const zone = tz ?? timezone;
  printRows(session.terminal, session.format, runs, nextRunShape(zone));
  if (problem !== null) session.terminal.err(`${problem}\n`);
  else if (runs.length === 0) session.terminal.err(`Time does not start runs of ${dagId} (dagbook dags show ${dagId}).\n`);
}

function nextRunShape(zone: string): Shape<NextRunResponse> {
  const local = wallClock(zone);
  return { id: (run) => run.run_after, columns: { runs: (run) => local(run.run_after), utc: (run) => run.run_after, 'interval start': (run) => local(run.data_interval_start), note: (run) => run.note } };
}

/** `2027-01-05 00:00:00 +09:00` */
function wallClock(zone: string): (instant: string) => string {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' });
  } catch {
    throw new CliFailure('usage', `--tz "${zone}" is no time zone.`, 'Give an IANA name like Asia/Seoul or UTC.');
  }
  const offset = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' });
  return (instant) => {
    const date = new Date(instant);
    const name = offset.formatToParts(date).find((part) => part.type === 'timeZoneName')?.value ?? 'GMT';
    return `${format.format(date)} ${name === 'GMT' ? '+00:00' : name.slice('GMT'.length)}`;
  };
}

interface TriggerOptions {
  readonly params?: string;
  readonly set: readonly string[];
  readonly logicalDate?: string;
  readonly runId?: string;
  readonly note?: string;
  readonly partitionKey?: string;
  readonly watch: boolean;
}

async function triggerDag(session: Session, dagId: string, options: TriggerOptions): Promise<void> {
  const conf = await readParams(session.terminal, options.params, options.set);
  const api = await session.api();
  const body = {
    logical_date: options.logicalDate ?? null,
    conf,
    ...(options.runId === undefined ? {} : { dag_run_id: options.runId }),
    ...(options.note === undefined ? {} : { note: options.note }),
    ...(options.partitionKey === undefined ? {} : { partition_key: options.partitionKey }),
  };
  const run = settled(await triggerDagRun({ client: api.client, path: { dag_id: dagId }, body }));
  if (options.watch) await watchRun(session, api, run.dag_id, run.dag_run_id);
  else printOne(session.terminal, session.format, run, RUN_DETAILS);
}

async function setPaused(session: Session, dagIds: readonly string[], isPaused: boolean): Promise<void> {
  const { client } = await session.api();
  const changed = [];
  for (const dagId of dagIds) changed.push(settled(await patchDag({ client, path: { dag_id: dagId }, body: { is_paused: isPaused } })));
  printRows(session.terminal, session.format, changed, DAG);
}
