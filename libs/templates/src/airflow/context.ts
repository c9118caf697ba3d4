import type { Json } from '../lookup.ts';
import type { Filter } from '../runtime.ts';
import { filter } from '../filter/filter.ts';
import { raise } from '../error.ts';
import { PyDate, PyDateTime, PyTime } from '../date/datetime.ts';
import { PyModule } from '../date/module.ts';
import { PendulumDateTime } from '../date/pendulum.ts';
import { PyDict } from '../value/dict.ts';
import { typeName, Undefined } from '../value/value.ts';
import type { Value } from '../value/value.ts';
import { CONNECTIONS, Record, VARIABLES, xcomPull } from './accessor.ts';
import { fromJson } from './json-value.ts';
import { MACROS } from './macro.ts';
import { ASSET_STATES, TASK_STATES } from './state-accessor.ts';

/** An instant in a context, which a template sees as a pendulum `DateTime` in UTC. */
export interface Instant {
  readonly instantMs: number;
}

/** JSON in which dates may stand. */
export type ContextValue = Json | Instant | readonly ContextValue[] | { readonly [name: string]: ContextValue };

type Fields = { readonly [name: string]: ContextValue };

/**
 * What a task's templates know. Of `dagRun`, `dag`, `task` and `ti` give what Airflow's objects have, by Airflow's names
 * (`dag_id`, `run_id`, `conf`, `try_number`, …). Without a logical date `ds`, `ts` and their kin are undefined; without a
 * data interval so are its ends. `variables` are further names, as `prev_data_interval_start_success`; null is None.
 */
export interface TemplateContext {
  readonly logicalDateMs?: number | undefined;
  readonly dataInterval?: { readonly startMs: number; readonly endMs: number } | undefined;
  readonly runId: string;
  readonly params?: { readonly [name: string]: Json };
  readonly dagRun?: Fields;
  readonly dag?: Fields;
  readonly task?: Fields;
  readonly ti?: Fields;
  readonly variables?: Fields;
}

const moment = (instantMs: number): PendulumDateTime => PendulumDateTime.ofInstant(BigInt(Math.round(instantMs * 1000)));

function contextValue(value: ContextValue): Value {
  if (value === null || typeof value !== 'object') return fromJson(value);
  if (Array.isArray(value)) return fromJson(value as Json);
  const fields = value as Fields;
  const { instantMs } = fields;
  if (typeof instantMs === 'number' && Object.keys(fields).length === 1) return moment(instantMs);
  return PyDict.ofText(Object.entries(fields).map(([name, field]) => [name, contextValue(field)] as const));
}

const entries = (fields: Fields = {}): (readonly [string, Value])[] => Object.entries(fields).map(([name, value]) => [name, contextValue(value)] as const);

/** The names of a rendering. */
export function contextNames(context: TemplateContext): (readonly [string, Value])[] {
  const { logicalDateMs, dataInterval, runId, dagRun, dag, task, ti } = context;
  const id = (fields: Fields | undefined, name: string): string => {
    const value = fields?.[name];
    return typeof value === 'string' ? value : '';
  };
  return [
    ['run_id', runId],
    ['params', contextValue(context.params ?? {})],
    ['var', VARIABLES],
    ['conn', CONNECTIONS],
    ['task_state_store', TASK_STATES],
    ['asset_state_store', ASSET_STATES],
    ['macros', new PyModule('airflow.sdk.execution_time.macros', MACROS)],
    ['dag_run', new Record('DagRun', `<DagRun ${id(dagRun, 'dag_id')}: ${runId}>`, [['run_id', runId], ['conf', new PyDict()], ...entries(dagRun)])],
    ['dag', new Record('DAG', `<DAG: ${id(dag, 'dag_id')}>`, entries(dag))],
    ['task', new Record('Task', `<Task(${id(task, 'task_type')}): ${id(task, 'task_id')}>`, entries(task))],
    ...(['ti', 'task_instance'] as const).map((name) => [name, new Record('TaskInstance', `<TaskInstance: ${id(ti, 'dag_id')}.${id(ti, 'task_id')} ${runId}>`, [['run_id', runId], ['xcom_pull', xcomPull], ...entries(ti)])] as const),
    ...(dataInterval === undefined ? [] : [['data_interval_start', moment(dataInterval.startMs)], ['data_interval_end', moment(dataInterval.endMs)]] as const),
    ...(logicalDateMs === undefined ? [] : dateNames(moment(logicalDateMs))),
    ...entries(context.variables),
  ];
}

function dateNames(date: PendulumDateTime): (readonly [string, Value])[] {
  const ts = date.iso('T');
  return [
    ['logical_date', date],
    ['ds', date.strftime('%Y-%m-%d')],
    ['ds_nodash', date.strftime('%Y%m%d')],
    ['ts', ts],
    ['ts_nodash', date.strftime('%Y%m%dT%H%M%S')],
    ['ts_nodash_with_tz', withoutDashes(ts)],
  ];
}

const withoutDashes = (iso: string): string => iso.replaceAll('-', '').replaceAll(':', '');

/** A filter over a date, a time or None. */
function dateFilter(name: string, write: (value: PyDate | PyTime, strftime: (format: string) => string) => string): Filter {
  return filter(name, '', (value, _, rt) => {
    if (value === null) return null;
    if (value instanceof Undefined) value.fail();
    if (!(value instanceof PyDate) && !(value instanceof PyTime)) return raise('AttributeError', `'${typeName(value)}' object has no attribute '${name.startsWith('ds') ? 'strftime' : 'isoformat'}'`);
    return write(value, (format) => (value instanceof PyDateTime ? value.strftime(format) : value.format(format, rt)));
  });
}

const isoText = (value: PyDate | PyTime, strftime: (format: string) => string): string =>
  value instanceof PyDateTime ? value.iso('T') : value instanceof PyTime ? value.iso('auto') : strftime('%Y-%m-%d');

export const AIRFLOW_FILTERS: { readonly [name: string]: Filter } = {
  ds: dateFilter('ds', (_, strftime) => strftime('%Y-%m-%d')),
  ds_nodash: dateFilter('ds_nodash', (_, strftime) => strftime('%Y%m%d')),
  ts: dateFilter('ts', isoText),
  ts_nodash: dateFilter('ts_nodash', (_, strftime) => strftime('%Y%m%dT%H%M%S')),
  ts_nodash_with_tz: dateFilter('ts_nodash_with_tz', (value, strftime) => withoutDashes(isoText(value, strftime))),
};
