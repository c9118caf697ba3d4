import { isRaised, raise } from '../error.ts';
import type { Json } from '../lookup.ts';
import type { Runtime } from '../runtime.ts';
import { fn } from '../value/function.ts';
import { iterate } from '../value/operator.ts';
import { PyList, PyTuple } from '../value/sequence.ts';
import { indexOf, isText, PyObject, textOf } from '../value/value.ts';
import type { Value } from '../value/value.ts';
import { readJson } from '../value/json.ts';
import { fromJson } from './json-value.ts';

/** An object of Airflow's with these attributes, such as `dag_run`. */
export class Record extends PyObject {
  override readonly typeName: string;
  private readonly shown: string;
  private readonly attributes: ReadonlyMap<string, Value>;

  constructor(typeName: string, shown: string, attributes: Iterable<readonly [string, Value]>) {
    super();
    this.typeName = typeName;
    this.shown = shown;
    this.attributes = new Map(attributes);
  }

  override repr(): string {
    return this.shown;
  }

  override attribute(name: string): Value | undefined {
    return this.attributes.get(name);
  }
}

/** `var.value` or `var.json`. */
class VariableAccessor extends PyObject {
  override readonly typeName = 'VariableAccessor';
  private readonly asJson: boolean;

  constructor(asJson: boolean) {
    super();
    this.asJson = asJson;
  }

  override repr(): string {
    return '<VariableAccessor (dynamic access)>';
  }

  override attribute(name: string, rt: Runtime): Value | undefined {
    if (name.startsWith('__')) return undefined;
    if (name === 'get') return fn('get', 'key default?', ([key, otherwise = null], runtime) => {
      const found = this.read(runtime.str(key as Value), runtime);
      return found === undefined ? otherwise : found;
    });
    const found = this.read(name, rt);
    return found === undefined ? raise('AirflowRuntimeError', `VARIABLE_NOT_FOUND: There is no variable "${name}".`) : found;
  }

  /** Undefined when there is none; its JSON may be null. */
  private read(key: string, rt: Runtime): Value | undefined {
    const answer = rt.lookup({ kind: 'variable', key });
    if (!answer.found) return undefined;
    if (!this.asJson) return fromJson(answer.value);
    return typeof answer.value === 'string' ? parseJson(key, answer.value, rt) : fromJson(answer.value);
  }
}

function parseJson(key: string, text: string, rt: Runtime): Value {
  try {
    return readJson(text, rt);
  } catch (error) {
    if (!isRaised(error, 'JSONDecodeError')) throw error;
    return raise('JSONDecodeError', `The variable "${key}" holds no JSON.`);
  }
}

export const VARIABLES = new Record('dict', "{'json': <VariableAccessor (dynamic access)>, 'value': <VariableAccessor (dynamic access)>}", [
  ['value', new VariableAccessor(false)],
  ['json', new VariableAccessor(true)],
]);

const CONNECTION_FIELDS = ['conn_id', 'conn_type', 'description', 'host', 'login', 'password', 'schema', 'port', 'extra'];

/** A connection: its fields, `extra_dejson`, `get_uri()`. It prints as its id, never with its secrets. */
function connection(id: string, fields: { readonly [name: string]: Json }): Value {
  const { uri = null, extra = null } = fields;
  const dejson = typeof extra === 'string' && extra !== '' ? fromJson(looseJson(extra)) : fromJson(extra ?? {});
  return new Record('Connection', `Connection(conn_id='${id}')`, [
    ...CONNECTION_FIELDS.map((name) => [name, name === 'conn_id' ? id : fromJson(fields[name] ?? null)] as const),
    ['extra_dejson', dejson],
    ['get_uri', fn('get_uri', '', () => fromJson(uri))],
  ]);
}

function looseJson(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return {};
  }
}

/** `conn`. */
class ConnectionAccessor extends PyObject {
  override readonly typeName = 'ConnectionAccessor';

  override repr(): string {
    return '<ConnectionAccessor (dynamic access)>';
  }

  override attribute(name: string, rt: Runtime): Value | undefined {
    if (name.startsWith('__')) return undefined;
    if (name === 'get') return fn('get', 'conn_id default_conn?', ([id, otherwise = null], runtime) => this.read(runtime.str(id as Value), runtime) ?? otherwise);
    return this.read(name, rt) ?? raise('AirflowNotFoundException', `The conn_id \`${name}\` isn't defined`);
  }

  private read(connectionId: string, rt: Runtime): Value | undefined {
    const answer = rt.lookup({ kind: 'connection', connectionId });
    if (!answer.found) return undefined;
    return connection(connectionId, answer.value as { readonly [name: string]: Json });
  }
}

export const CONNECTIONS = new ConnectionAccessor();

const text = (value: Value | undefined): string | undefined => (value !== undefined && value !== null && isText(value) ? textOf(value) : undefined);

/** `ti.xcom_pull(…)`: of several tasks a list, of one its value; None where there is none. */
export const xcomPull = fn('xcom_pull', 'task_ids? dag_id? key? include_prior_dates? * map_indexes? default? run_id?',
  ([taskIds = null, dagId, key, includePriorDates, mapIndexes = null, otherwise = null, runId], rt) => {
    const several = taskIds instanceof PyList || taskIds instanceof PyTuple;
    const maps = mapIndexes instanceof PyList || mapIndexes instanceof PyTuple ? mapIndexes.items.map(indexOf) : mapIndexes === null ? undefined : indexOf(mapIndexes);
    const pull = (taskId: string | undefined): Value => {
      const answer = rt.lookup({ kind: 'xcom', taskId, key: text(key) ?? 'return_value', dagId: text(dagId), runId: text(runId), mapIndexes: maps, includePriorDates: includePriorDates === true });
      return answer.found ? fromJson(answer.value) : otherwise;
    };
    if (!several) return pull(taskIds === null ? undefined : rt.str(taskIds));
    return new PyList([...iterate(taskIds, rt)].map((taskId) => pull(rt.str(taskId))));
  });
