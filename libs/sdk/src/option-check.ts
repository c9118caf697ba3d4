import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { AnyTaskSpec } from './model.ts';
import type { RetryDecision } from './retry-policy.ts';
import type { DagSpec } from './types.ts';

/** What stands in an option and cannot be there, for `definitionError`. */
export interface WrongOption {
  readonly field: string;
  readonly value: unknown;
  readonly rule: string;
  readonly remedy: string;
}

/** `other`: judged where it is read, which knows more of it. */
type Shape = 'text' | 'texts' | 'flag' | 'schema' | 'list' | 'rules' | 'other' | readonly string[];

const DAG_OPTIONS: { readonly [name in keyof DagSpec<StandardSchemaV1>]-?: Shape } = {
  schedule: 'other', startDate: 'other', endDate: 'other', timezone: 'other', catchup: 'flag', params: 'schema', tags: 'texts', owner: 'text', displayName: 'text', doc: 'text',
  maxActiveRuns: 'other', maxActiveTasks: 'other', maxConsecutiveFailedRuns: 'other', failFast: 'flag', deadlines: 'list', rerunWithLatestVersion: 'flag', timeout: 'other',
  pausedUponCreation: 'flag', macros: 'other', filters: 'other', defaults: 'other', onSuccess: 'other', onFailure: 'other',
};

const TASK_OPTIONS: { readonly [name in keyof AnyTaskSpec]-?: Shape } = {
  retries: 'other', retryDelay: 'other', retryBackoff: 'other', maxRetryDelay: 'other', retryPolicy: 'rules', timeout: 'other', queue: 'text', pool: 'other', priorityWeight: 'other',
  weightRule: 'other', triggerRule: 'other', dependsOnPast: 'flag', waitForDownstream: 'flag', ignoreFirstDependsOnPast: 'flag', waitForPastDependsBeforeSkipping: 'flag', inlets: 'list',
  outlets: 'list', maxActive: 'other', maxActivePerRun: 'other', output: 'schema', onLost: ['retry', 'fail'], lostAfter: 'other', onExecute: 'other', onSuccess: 'other', onFailure: 'other',
  onRetry: 'other', onSkipped: 'other', triggers: 'other', displayName: 'text', doc: 'text', mapIndexTemplate: 'text', every: 'other', mode: ['poke', 'reschedule', 'deferred'],
  backoff: ['fixed', 'exponential'], maxEvery: 'other', softFail: 'flag', ignoreDownstreamTriggerRules: 'flag', onFailureFailDagrun: 'flag',
};

/** The first option of a DAG that it does not have, or that holds another kind of value; code is not compiled with its types. */
export function wrongDagOption(dagId: string, spec: unknown): WrongOption | undefined {
  if (!isObject(spec)) return noOptions(spec, `of '${dagId}'`);
  const { defaults } = spec as DagSpec<StandardSchemaV1>;
  return wrongOption(spec, DAG_OPTIONS, `of '${dagId}'`) ?? (defaults === undefined ? undefined : wrongTaskOption(defaults, `in the defaults of '${dagId}'`));
}

const noOptions = (spec: unknown, of: string): WrongOption => ({ field: `options ${of}`, value: spec, rule: 'options are an object', remedy: 'Write { name: value, … }, or leave it out' });

export function wrongTaskOption(spec: unknown, of: string): WrongOption | undefined {
  if (!isObject(spec)) return noOptions(spec, of);
  const { pool, retryBackoff } = spec as AnyTaskSpec;
  const wrong = wrongOption(spec, TASK_OPTIONS, of);
  if (wrong !== undefined) return wrong;
  if (pool !== undefined && typeof pool !== 'string' && !(isObject(pool) && typeof pool.name === 'string')) {
    return { field: `pool ${of}`, value: pool, rule: 'a pool is named, by itself or with slots', remedy: "Write pool: 'db', or pool: { name: 'db', slots: 2 }" };
  }
  if (retryBackoff !== undefined && typeof retryBackoff !== 'number' && retryBackoff !== 'fixed' && retryBackoff !== 'exponential') {
    return { field: `retryBackoff ${of}`, value: retryBackoff, rule: "it is 'fixed', 'exponential' or a number that multiplies the delay", remedy: "Write retryBackoff: 'exponential', or leave it out" };
  }
  return undefined;
}

function wrongOption(spec: object, known: { readonly [name: string]: Shape }, of: string): WrongOption | undefined {
  for (const [name, value] of Object.entries(spec) as [string, unknown][]) {
    const shape = Object.hasOwn(known, name) ? known[name] : undefined;
    if (shape === undefined) return unknownOption(name, value, Object.keys(known), of);
    const rule = value === undefined ? undefined : brokenRule(shape, value);
    if (rule !== undefined) return { field: `${name} ${of}`, value, ...rule };
  }
  return undefined;
}

function brokenRule(shape: Shape, value: unknown): Pick<WrongOption, 'rule' | 'remedy'> | undefined {
  switch (shape) {
    case 'text':
      return typeof value === 'string' ? undefined : { rule: 'it is a text', remedy: 'Put it in quotes, or leave it out' };
    case 'texts':
      return Array.isArray(value) && value.every((one) => typeof one === 'string') ? undefined : { rule: 'it is a list of texts', remedy: "Write it like ['daily', 'sales']" };
    case 'flag':
      return typeof value === 'boolean' ? undefined : { rule: 'it is true or false', remedy: 'Write one of the two, without quotes' };
    case 'schema':
      return isSchema(value) ? undefined : { rule: 'it is a schema of a Standard Schema library, such as Zod, Valibot or ArkType', remedy: 'Write it like z.object({ day: z.iso.date(), limit: z.int().default(10) })' };
    case 'list':
      return Array.isArray(value) ? undefined : { rule: 'it is a list', remedy: 'Put it in brackets: […]' };
    case 'rules':
      return typeof value === 'function' || (Array.isArray(value) && value.every(isRetryRule)) ? undefined : { rule: "it is a list of rules { on, action }, or a function that answers { action }", remedy: "Write it like [{ on: TypeError, action: 'fail' }, { on: /busy/, action: 'retry', delay: '1m' }]" };
    case 'other':
      return undefined;
    default:
      return shape.includes(value as string) ? undefined : { rule: `it is one of ${shape.join(', ')}`, remedy: `Write '${shape[0]}', or leave it out` };
  }
}

const isObject = (value: unknown): value is { readonly [name: string]: unknown } => typeof value === 'object' && value !== null;

const ACTIONS: readonly unknown[] = ['retry', 'fail', 'default'] satisfies readonly RetryDecision['action'][];
const isRetryRule = (rule: unknown): boolean =>
  isObject(rule) && ACTIONS.includes(rule['action']) && [rule['on']].flat().every((on) => typeof on === 'string' || typeof on === 'function' || on instanceof RegExp);

/** Schemas of some libraries are functions. */
const isSchema = (value: unknown): boolean => (isObject(value) || typeof value === 'function') && isObject((value as { readonly '~standard'?: unknown })['~standard']);

function unknownOption(name: string, value: unknown, known: readonly string[], of: string): WrongOption {
  const meant = nearest(name, known);
  return { field: `${name} ${of}`, value, rule: 'there is no such option', remedy: meant === undefined ? `Use one of ${known.join(', ')}` : `Write ${meant}` };
}

/** Airflow's names are these with underscores; of the others the one that most letters agree with, if it is a slip of the pen. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const plain = (text: string): string => text.replaceAll('_', '').toLowerCase();
  const distances = known.map((candidate) => [candidate, distance(plain(name), plain(candidate))] as const).sort(([, a], [, b]) => a - b);
  const [best] = distances;
  return best !== undefined && best[1] <= 2 ? best[0] : undefined;
}

/** Letters to change, put in, leave out or swap, at most as many as the texts are long. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, index) => index)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity;
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Infinity;
      row.push(Math.min(at(i - 1, j) + 1, (row[j - 1] ?? Infinity) + 1, at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1), swapped));
    }
    rows.push(row);
  }
  return at(a.length, b.length);
}

const MAX_DEPTH = 100;

/** Where a constant holds what JSON has no word for, and what that is; undefined: it can travel as it is. */
export function notJson(value: unknown, path = '', around: readonly unknown[] = []): string | undefined {
  const at = path === '' ? '' : ` at ${path}`;
  if (value === null || value === undefined || typeof value === 'string' || typeof value === 'boolean') return undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : `${value}${at}`;
  if (typeof value !== 'object') return `a ${typeof value}${at}`;
  if (around.includes(value)) return `an object that contains itself${at}`;
  if (around.length >= MAX_DEPTH) return `more than ${MAX_DEPTH} lists and objects inside one another`;
  const inside = [...around, value];
  if (!Array.isArray(value)) {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) return `a ${(value as object).constructor?.name ?? 'class instance'}${at}`;
  }
  for (const [name, member] of Object.entries(value)) {
    const found = notJson(member, Array.isArray(value) ? `${path}[${name}]` : path === '' ? name : `${path}.${name}`, inside);
    if (found !== undefined) return found;
  }
  return undefined;
}
