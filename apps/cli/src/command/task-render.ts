import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { instantOf, timeZone } from '@dagbook/domain';
import { getConnections, getDagDetails, getDagRuns, getMappedTaskInstance, getTaskInstanceTryDetails, getVariables } from '@dagbook/api-client';
import { allPages, type Api } from '../api/client.ts';
import { CliFailure } from '../failure.ts';
import { printOne, type Shape } from '../format/print.ts';
import { collected, readParams, wholeNumber } from '../input.ts';
import type { Session } from '../session.ts';
import { parseTaskName } from '../shape.ts';
import type { TestAnswer, TestRequest } from '../test-protocol.ts';
import { askOfDag } from './test-bundle.ts';

interface RenderOptions {
  readonly mapIndex?: number;
  readonly try?: number;
  readonly dags?: string;
  readonly params?: string;
  readonly set: readonly string[];
}

interface Wanted {
  readonly dagId: string;
  /** A run's id, or a date. */
  readonly run: string;
  readonly task: string;
  readonly taskId: string;
  readonly mapIndex: number;
}

type Rendered = { readonly [field: string]: unknown };

const DAY = /^\d{4}-\d{2}-\d{2}$/;
/** A day, or an instant of one. */
const DATE = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?$/;
const DEFAULT_FOLDER = 'dags';

export function addRenderCommand(tasks: Command, session: Session): void {
  tasks.command('render')
    .argument('<dag>').argument('<run>', 'a run, or its logical date: 2027-01-05; before or after the task, as in Airflow').argument('<task>')
    .description('the templated fields of a task as its last try had them, secrets hidden; of a date that has no run, as a run would have them, read from the DAG files here')
    .option('--map-index <number>', 'of a mapped task; the same as task[3]', wholeNumber(0, 1_000_000))
    .option('--try <number>', 'which; default: the last', wholeNumber(1, 10_000))
    .option('--dags <folder>', `from the DAG files of this folder, whatever has run; without a run: ${DEFAULT_FOLDER}`)
    .option('--params <json>', 'parameters of a run that is not there yet: a JSON object, @file.json, or @- for stdin')
    .option('--set <name=value>', 'one parameter, over --params', collected, [])
    .action((dagId: string, second: string, third: string, options: RenderOptions) => showRendered(session, wanted(dagId, second, third, options), options));
}

function wanted(dagId: string, second: string, third: string, { mapIndex: given }: RenderOptions): Wanted {
  const isAirflowsOrder = (DATE.test(third) || third.includes('__')) && !DATE.test(second) && !second.includes('__');
  const [run, task] = isAirflowsOrder ? [third, second] : [second, third];
  const { taskId, mapIndex = given ?? -1 } = parseTaskName(task);
  return { dagId, run, task, taskId, mapIndex };
}

async function showRendered(session: Session, of: Wanted, options: RenderOptions): Promise<void> {
  const fields = options.dags === undefined ? await fieldsOfRun(session, of, options) : await fieldsOfFiles(session, of, options);
  const { terminal, format } = session;
  const names = Object.keys(fields);
  if (names.length === 0) terminal.err(`${of.task} has no templated field.\n`);
  const shape: Shape<Record<string, unknown>> = { id: () => names.join('\n'), columns: Object.fromEntries(names.map((name) => [name, (row: Record<string, unknown>) => row[name]])) };
  if (names.length > 0 || format !== 'table') printOne(terminal, format, fields, shape);
}

async function fieldsOfRun(session: Session, of: Wanted, options: RenderOptions): Promise<Rendered> {
  const hasFiles = DATE.test(of.run) && existsSync(resolve(session.terminal.cwd, DEFAULT_FOLDER));
  const api = await reached(session).catch(passedOver(hasFiles ? 'unreachable' : undefined));
  if (api === undefined) return fieldsOfFiles(session, of, options);
  const { client } = api;
  const runId = DATE.test(of.run) ? await runOn(client, of.dagId, of.run).catch(passedOver(hasFiles ? 'notFound' : undefined)) : of.run;
  if (runId === undefined) {
    if (hasFiles) return fieldsOfFiles(session, of, options);
    throw new CliFailure('notFound', `${of.dagId} has no run of ${of.run}, and there is no folder ${DEFAULT_FOLDER} here to render it from.`, `Name the folder of its file with --dags; dagbook runs list ${of.dagId} shows which runs there are.`);
  }
  const path = { dag_id: of.dagId, dag_run_id: runId, task_id: of.taskId };
  if (options.try !== undefined) {
    return (await getTaskInstanceTryDetails({ client, path: { ...path, task_try_number: options.try }, query: { map_index: of.mapIndex } })).rendered_fields;
  }
  const { rendered_fields: fields, try_number: tryNumber } = await getMappedTaskInstance({ client, path: { ...path, map_index: of.mapIndex } });
  if (tryNumber === 0) throw new CliFailure('failed', `${of.task} has not run yet.`, 'With --dags its templates are rendered from the DAG files of a folder.');
  return fields;
}

/** The files say what a service that is away, or knows no such DAG, cannot. */
const passedOver = (kind: CliFailure['kind'] | undefined) => (error: unknown): undefined => {
  if (!(error instanceof CliFailure) || error.kind !== kind) throw error;
};

/** A Dagbook that nobody named is not reached either. */
const reached = async (session: Session): Promise<Api> => session.api();

/** Author code is evaluated here, in a child; nothing of it runs. */
async function fieldsOfFiles(session: Session, of: Wanted, options: RenderOptions): Promise<Rendered> {
  const { terminal } = session;
  if (!DATE.test(of.run)) throw new CliFailure('usage', `"${of.run}" is no date.`, 'What is rendered from files is of a logical date, like 2027-01-05.');
  const { dags = DEFAULT_FOLDER } = options;
  const params = await readParams(terminal, options.params, options.set);
  terminal.err(`Rendered for a run of ${of.run} from the files in ${dags}: no task has returned anything.\n`);
  const answer = await askOfDag(session, { dagId: of.dagId, dags }, { params, mocks: [], logicalDate: of.run, render: { taskId: of.taskId, mapIndex: of.mapIndex }, ...(await siteOf(session)) });
  return (answer as Extract<TestAnswer, { readonly kind: 'rendered' }>).fields;
}

/** What the site has stored, secrets as `***`; without a site, nothing. */
async function siteOf(session: Session): Promise<Pick<TestRequest, 'connections' | 'variables'>> {
  try {
    const { client } = await session.api();
    const variables = await allPages(async (page) => {
      const { variables: rows, total_entries: total } = await getVariables({ client, query: page });
      return { rows, total };
    });
    const connections = await allPages(async (page) => {
      const { connections: rows, total_entries: total } = await getConnections({ client, query: page });
      return { rows, total };
    });
    return {
      variables: Object.fromEntries(variables.map(({ key, value }) => [key, value])),
      connections: Object.fromEntries(connections.map(({ connection_id: id, team_name: _, ...fields }) => [id, fields])),
    };
  } catch (error) {
    if (error instanceof CliFailure && (error.kind === 'unreachable' || error.kind === 'auth')) return {};
    throw error;
  }
}

/** A day stands for the newest run of that logical date. */
export async function runOf(client: Api['client'], dagId: string, run: string): Promise<string> {
  if (!DAY.test(run)) return run;
  const found = await runOn(client, dagId, run);
  if (found === undefined) throw new CliFailure('notFound', `${dagId} has no run of ${run}.`, `dagbook runs list ${dagId} shows which there are.`);
  return found;
}

async function runOn(client: Api['client'], dagId: string, date: string): Promise<string | undefined> {
  const path = { dag_id: dagId };
  const span = spanOf(date, (await getDagDetails({ client, path })).timezone);
  const [found] = (await getDagRuns({ client, path, query: { ...span, order_by: ['-run_after', '-id'], limit: 1 } })).dag_runs;
  return found?.dag_run_id;
}

const DAY_MS = 86_400_000;

/** A day, and an instant without an offset, is of the DAG's own zone. */
function spanOf(date: string, zoneName: string): { readonly logical_date_gte: string; readonly logical_date_lte: string } {
  const zone = timeZone(zoneName);
  const wallMs = Date.parse(`${date.slice(0, 10)}T${DAY.test(date) ? '00:00' : date.slice(11)}Z`);
  // With an offset of its own it is no wall clock: the API reads it.
  if (zone === undefined || Number.isNaN(wallMs)) return { logical_date_gte: date, logical_date_lte: date };
  const at = (ms: number): number => instantOf(zone, ms).instantMs;
  const [from, until] = [at(wallMs), DAY.test(date) ? at(wallMs + DAY_MS) - 1 : at(wallMs)];
  return { logical_date_gte: new Date(from).toISOString(), logical_date_lte: new Date(until).toISOString() };
}
