import type { Json, TaskResult } from '@dagbook/domain';
import type { UpstreamResult } from '@dagbook/contracts';
import { SkipTask, TaskFailure, thrownOutcome } from './error.ts';
import type { TaskModel } from './model.ts';
import { visitReads } from './model.ts';
import type { TaskIo, TaskRunRequest } from './runnable.ts';
import type { ResultStep, Source, Template } from './source.ts';

/**
 * A result as its reader sees it. Of a mapped task: the list of what its instances returned, in order of map index,
 * without those that returned nothing.
 */
export interface ReadResult {
  readonly value: unknown;
  readonly skipped: boolean;
}

export type ReadResults = ReadonlyMap<string, ReadResult>;

/** Brings along every result that the task reads; those kept apart from their events are fetched together. */
export async function readResults(task: TaskModel, request: TaskRunRequest, io: TaskIo): Promise<ReadResults> {
  const read = new Map<string, UpstreamResult | undefined>();
  visitReads(task, ({ taskId }) => read.set(taskId, request.work.results[taskId]));
  const stored = new Map<string, Promise<Json>>();
  for (const upstream of read.values()) {
    for (const { result } of upstream === undefined ? [] : upstream.mapped ? upstream.items : [upstream]) {
      if (result?.kind === 'stored' && !stored.has(result.key)) stored.set(result.key, io.getResult(result.key));
    }
  }
  const values = new Map<string, Json>();
  for (const [key, value] of stored) values.set(key, await value);
  return new Map([...read].map(([taskId, upstream]) => [taskId, readResult(upstream, values)] as const));
}

export function readResult(upstream: UpstreamResult | undefined, stored: ReadonlyMap<string, Json>): ReadResult {
  const valueIn = (result: TaskResult): unknown => (result.kind === 'inline' ? result.value : stored.get(result.key));
  if (upstream === undefined) return NO_RESULT;
  if (!upstream.mapped) return { value: upstream.result === undefined ? undefined : valueIn(upstream.result), skipped: upstream.state === 'skipped' };
  return {
    value: upstream.items.flatMap(({ result }) => (result === undefined ? [] : [valueIn(result)])),
    skipped: upstream.items.every(({ state }) => state === 'skipped'),
  };
}

const NO_RESULT: ReadResult = { value: undefined, skipped: false };

export function resolveTemplate(template: Template, results: ReadResults): unknown {
  switch (template.kind) {
    case 'constant':
      return template.value;
    case 'source':
      return valueOf(template.source, results);
    case 'list':
      return template.items.map((item) => resolveTemplate(item, results));
    case 'object':
      return Object.fromEntries(template.members.map(([name, member]) => [name, resolveTemplate(member, results)]));
  }
}

export function valueOf(source: Source, results: ReadResults): unknown {
  if (source.kind === 'literal') return source.value;
  if (source.kind === 'result') return stepped(results.get(source.task.taskId) ?? NO_RESULT, source.steps);
  const values: unknown[] = [];
  const length = lengthOf(source, results);
  for (let index = 0; index < length; index += 1) {
    try {
      values.push(elementOf(source, index, results));
    } catch (error) {
      if (thrownOutcome(error).kind !== 'skip') throw error;
    }
  }
  return values;
}

export function stepped(read: ReadResult, steps: readonly ResultStep[]): unknown {
  let { value, skipped } = read;
  for (const step of steps) {
    if ('get' in step) {
      value = value === undefined || value === null ? undefined : (value as { [key: PropertyKey]: unknown })[step.get];
    } else if (skipped) {
      value = step.onSkip;
      skipped = false;
    }
  }
  return value;
}

/** The arguments that the instance with this map index adds to the constant ones. */
export function mappedArguments(task: TaskModel, mapIndex: number, results: ReadResults): { readonly [name: string]: unknown } {
  const { mapping } = task;
  if (mapping === undefined) return {};
  if (mapping.kind === 'expandKwargs') {
    const element = elementOf(mapping.over, mapIndex, results);
    if (typeof element === 'object' && element !== null && !Array.isArray(element)) return element as { readonly [name: string]: unknown };
    throw new TaskFailure('bad_input', `expandKwargs of '${task.taskId}' needs objects of arguments; element ${mapIndex} is ${describe(element)}`, { retry: false });
  }
  const added: { [name: string]: unknown } = {};
  // The cross product in counting order: the last argument turns fastest.
  let rest = mapIndex;
  for (const [name, source] of mapping.over.toReversed()) {
    const length = lengthOf(source, results);
    if (length === 0) throw new SkipTask(`argument '${name}' has no elements`);
    added[name] = elementOf(source, rest % length, results);
    rest = Math.floor(rest / length);
  }
  return added;
}

function lengthOf(source: Source, results: ReadResults): number {
  switch (source.kind) {
    case 'literal':
    case 'result':
      return elements(source, results).length;
    case 'map':
      return lengthOf(source.source, results);
    case 'zip': {
      const lengths = source.sources.map((part) => lengthOf(part, results));
      return source.fill === undefined ? Math.min(...lengths) : Math.max(...lengths);
    }
    case 'concat':
      return source.sources.reduce((sum, part) => sum + lengthOf(part, results), 0);
  }
}

function elementOf(source: Source, index: number, results: ReadResults): unknown {
  switch (source.kind) {
    case 'literal':
    case 'result':
      return elements(source, results)[index];
    case 'map':
      return source.fn(elementOf(source.source, index, results) as never);
    case 'zip':
      return source.sources.map((part) => (index < lengthOf(part, results) ? elementOf(part, index, results) : source.fill?.value));
    case 'concat': {
      let rest = index;
      for (const part of source.sources) {
        const length = lengthOf(part, results);
        if (rest < length) return elementOf(part, rest, results);
        rest -= length;
      }
      return undefined;
    }
  }
}

/** A list as it is, an object as its pairs of key and value. */
function elements(source: Source, results: ReadResults): readonly unknown[] {
  const value = valueOf(source, results);
  if (Array.isArray(value)) return value;
  if (typeof value === 'object' && value !== null) return Object.entries(value);
  const from = source.kind === 'result' ? `the result of '${source.task.taskId}'` : 'a constant';
  throw new TaskFailure('bad_input', `a mapped task needs a list or an object, but ${from} is ${describe(value)}`, { retry: false });
}

const describe = (value: unknown): string => (value === null || value === undefined ? String(value) : `a ${Array.isArray(value) ? 'list' : typeof value}`);
