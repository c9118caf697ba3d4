import { readFileSync } from 'node:fs';
import {
  compilePlan, createRunState, readyInstances, settle, upstreamResults,
  type Json, type MappingDefinition, type MapSource, type ResultOfUpstream, type RunCommand, type TaskDefinition,
} from '@dagbook/domain';
import { expect, test } from 'vitest';
import { createRun, instancesOf } from '../oracles/dagrun-row.ts';

type Values = { readonly [name: string]: Json };
interface Expansion {
  readonly case: string;
  readonly given: {
    readonly partial?: Values;
    readonly expand?: Values;
    readonly expandKwargs?: Json;
    readonly source?: Json;
    readonly zip?: readonly Json[];
    readonly default?: Json;
    readonly concat?: readonly Json[];
    readonly map?: string;
  };
  readonly received: readonly (readonly [mapIndex: number, args: Values])[];
  readonly states: readonly (readonly [task: string, mapIndex: number, state: string])[];
  readonly run: string;
}

const rowsOf = (file: string): Expansion[] =>
  readFileSync(new URL(`../oracles/${file}`, import.meta.url), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as Expansion);
const recorded = rowsOf('expansions.jsonl');
const fresh = rowsOf('expansions-fresh.jsonl');

const MAPPED_SOURCE = 'mapped over 1..5, returns n when odd, else null';
const result = (taskId: string): MapSource => ({ kind: 'result', taskId });
const task = (taskId: string, upstream: readonly string[] = [], mapping?: MappingDefinition): TaskDefinition =>
  ({ taskId, operator: 'oracle', upstream, ...(mapping === undefined ? {} : { mapping }) });

/** What the row's upstream tasks return, by task id. */
const returnsOf = ({ given }: Expansion): Map<string, Json> =>
  new Map(given.source !== undefined ? [['src', given.source]] : (given.zip ?? given.concat ?? []).map((value, index) => [`s${index + 1}`, value]));

function mappingOf({ given }: Expansion): MappingDefinition {
  const source = given.source === MAPPED_SOURCE ? 'odd' : 'src';
  const of = (value: Json): MapSource => (value === 'source' ? result(source) : { kind: 'literal', value: value as Extract<MapSource, { kind: 'literal' }>['value'] });
  if (given.zip !== undefined) {
    const zip: MapSource = { kind: 'zip', sources: given.zip.map((_, index) => result(`s${index + 1}`)), ...(given.default === undefined ? {} : { fill: given.default }) };
    return { kind: 'expand', over: [['pair', zip]] };
  }
  if (given.concat !== undefined) return { kind: 'expand', over: [['a', { kind: 'concat', sources: given.concat.map((_, index) => result(`s${index + 1}`)) }]] };
  if (given.map !== undefined) return { kind: 'expand', over: [['a', { kind: 'map', source: result('src'), fn: 0 }]] };
  if (given.expandKwargs !== undefined) return { kind: 'expandKwargs', over: of(given.expandKwargs) };
  return { kind: 'expand', over: Object.entries(given.expand ?? {}).map(([name, value]) => [name, of(value)] as const) };
}

/** The values of a source, as a worker would spell them out from the results that it is handed. */
function valuesOf(source: MapSource, results: { readonly [taskId: string]: ResultOfUpstream }): readonly Json[] {
  switch (source.kind) {
    case 'literal': return listOf(source.value);
    case 'result': {
      const from = results[source.taskId];
      if (from === undefined) return [];
      const found = from.mapped ? from.items : [from];
      const values = found.flatMap(({ result: kept }) => (kept?.kind === 'inline' ? [kept.value] : []));
      return from.mapped ? values : listOf(values[0] ?? []);
    }
    case 'map': return valuesOf(source.source, results);
    case 'concat': return source.sources.flatMap((part) => valuesOf(part, results));
    case 'zip': {
      const columns = source.sources.map((part) => valuesOf(part, results));
      const lengths = columns.map((column) => column.length);
      const length = source.fill === undefined ? Math.min(...lengths) : Math.max(...lengths);
      return Array.from({ length }, (_, index) => columns.map((column) => (index < column.length ? (column[index] as Json) : (source.fill ?? null))));
    }
  }
}

const listOf = (value: Json): readonly Json[] => (Array.isArray(value) ? value : Object.entries(value as Values));

const isObject = (value: Json | undefined): value is Values => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The arguments of one instance: the last of several varies fastest. undefined: its kwargs are no object. */
function argumentsOf(mapping: MappingDefinition, results: { readonly [taskId: string]: ResultOfUpstream }, mapIndex: number): Values | undefined {
  if (mapping.kind === 'expandKwargs') {
    const kwargs = valuesOf(mapping.over, results)[mapIndex];
    return isObject(kwargs) ? kwargs : undefined;
  }
  let rest = mapIndex;
  const args = mapping.over.toReversed().map(([name, source]): [string, Json] => {
    const values = valuesOf(source, results);
    const value = values[rest % values.length] ?? null;
    rest = Math.floor(rest / values.length);
    return [name, value];
  });
  return Object.fromEntries(args.toReversed());
}

test.each([...recorded, ...fresh])('$case', (row) => {
  const mapping = mappingOf(row);
  const returns = returnsOf(row);
  const sources = row.given.source === MAPPED_SOURCE
    ? [task('odd', [], { kind: 'expand', over: [['n', { kind: 'literal', value: [1, 2, 3, 4, 5] }]] })]
    : [...returns.keys()].map((taskId) => task(taskId));
  const run = createRunState(compilePlan({
    dagId: 'oracle', timezone: 'UTC', schedule: { kind: 'none' }, tasks: [...sources, task('use', sources.map(({ taskId }) => taskId), mapping)],
  }));
  settle(run, createRun(0));
  settle(run, { type: 'StartRun', nowMs: 0 });

  const received: [number, Values][] = [];
  const report = (taskId: string, mapIndex: number): RunCommand => {
    const attempt = { taskId, mapIndex, tryNumber: 1, epoch: 1, nowMs: 0 };
    const returned = (value: Json): RunCommand => ({ type: 'RecordTaskSucceeded', ...attempt, result: { kind: 'inline', value } });
    if (taskId === 'odd') return returned(mapIndex % 2 === 0 ? mapIndex + 1 : null);
    if (taskId !== 'use') return returned(returns.get(taskId) ?? null);
    const args = argumentsOf(mapping, upstreamResults(run, 'use', mapIndex), mapIndex);
    if (args === undefined) return { type: 'RecordTaskFailed', ...attempt, failure: { code: 'bad_input', message: 'kwargs must be an object' } };
    if (row.given.map?.startsWith('skip when v < 3') === true && Number(args['a']) < 3) return { type: 'RecordTaskSkipped', ...attempt };
    const factor = row.given.map === undefined ? undefined : row.given.map.endsWith('* 10') ? 10 : 2;
    received.push([mapIndex, { ...row.given.partial, ...(factor === undefined ? args : { a: Number(args['a']) * factor }) }]);
    return { type: 'RecordTaskSucceeded', ...attempt };
  };
  for (let ready = readyInstances(run); ready.length > 0; ready = readyInstances(run)) {
    for (const { taskId, mapIndex } of ready) settle(run, report(taskId, mapIndex));
  }

  expect(received).toEqual(row.received);
  expect(instancesOf(run).map(({ task: taskId, mapIndex, state }) => [taskId, mapIndex, state])).toEqual(row.states);
  expect(run.state).toBe(row.run);
});

test('there are 25 recorded expansions, and 64 fresh ones', () => {
  expect([recorded.length, fresh.length]).toEqual([25, 64]);
});
