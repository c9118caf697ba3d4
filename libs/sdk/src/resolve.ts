import type { Json, TaskResult } from '@dagbook/domain';
import type { UpstreamResult } from '@dagbook/contracts';
import { SkipTask, TaskFailure, thrownOutcome } from './error.ts';
import type { TaskModel } from './model.ts';
import { mappedGroupOf, visitMapping, visitReads } from './model.ts';
import type { TaskIo, TaskRunRequest } from './runnable.ts';
import type { MappingModel, ResultStep, Source, Template } from './source.ts';

/**
 * A result as its reader sees it. Of a mapped task: the list of what its instances returned, in order of map index,
 * without those that returned nothing.
 */
export interface ReadResult {
  readonly value: unknown;
  readonly skipped: boolean;
}

const NO_RESULT: ReadResult = { value: undefined, skipped: false };

/** Brings along every result that the task reads or is mapped over; those kept apart from their events are fetched together. */
export async function resolverFor(task: TaskModel, request: TaskRunRequest, io: TaskIo): Promise<Resolver> {
  const read = new Map<string, UpstreamResult | undefined>();
  const visit = ({ taskId }: { readonly taskId: string }) => read.set(taskId, request.work.results[taskId]);
  visitReads(task, visit);
  const around = mappedGroupOf(task);
  if (around !== undefined) visitMapping(around.mapping, visit);
  const stored = new Map<string, Promise<Json>>();
  for (const upstream of read.values()) {
    for (const { result } of upstream === undefined ? [] : upstream.mapped ? upstream.items : [upstream]) {
      if (result?.kind === 'stored' && !stored.has(result.key)) stored.set(result.key, io.getResult(result.key));
    }
  }
  const values = new Map<string, Json>();
  for (const [key, value] of stored) values.set(key, await value);
  return new Resolver(new Map([...read].map(([taskId, upstream]) => [taskId, readResult(upstream, values)] as const)), request.attempt.mapIndex);
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

type Arguments = { readonly [name: string]: unknown };

/** Puts values where sources stand, for one task instance. */
export class Resolver {
  readonly #results: ReadonlyMap<string, ReadResult>;
  readonly #mapIndex: number;

  constructor(results: ReadonlyMap<string, ReadResult>, mapIndex: number) {
    this.#results = results;
    this.#mapIndex = mapIndex;
  }

  fill(template: Template): unknown {
    switch (template.kind) {
      case 'constant':
        return template.value;
      case 'source':
        return this.value(template.source);
      case 'list':
        return template.items.map((item) => this.fill(item));
      case 'object':
        return Object.fromEntries(template.members.map(([name, member]) => [name, this.fill(member)]));
    }
  }

  /** The arguments of this map index. `owner` is the mapped task or group, for messages. */
  mapped(mapping: MappingModel, owner: string): Arguments {
    if (mapping.kind === 'expandKwargs') {
      const element = this.#element(mapping.over, this.#mapIndex);
      if (typeof element === 'object' && element !== null && !Array.isArray(element)) return element as Arguments;
      throw new TaskFailure('bad_input', `expandKwargs of '${owner}' needs objects of arguments; element ${this.#mapIndex} is ${describe(element)}`, { retry: false });
    }
    const added: { [name: string]: unknown } = {};
    // The cross product in counting order: the last argument turns fastest.
    let rest = this.#mapIndex;
    for (const [name, source] of mapping.over.toReversed()) {
      const length = this.#length(source);
      if (length === 0) throw new SkipTask(`argument '${name}' has no elements`);
      added[name] = this.#element(source, rest % length);
      rest = Math.floor(rest / length);
    }
    return added;
  }

  value(source: Source): unknown {
    switch (source.kind) {
      case 'literal':
        return source.value;
      case 'result':
        return stepped(this.#results.get(source.task.taskId) ?? NO_RESULT, source.steps);
      case 'each':
        return stepped({ value: this.mapped(source.group.mapping, source.group.groupId)[source.name], skipped: false }, source.steps);
      case 'map':
      case 'zip':
      case 'concat':
        return this.#list(source);
    }
  }

  #list(source: Source): unknown[] {
    const values: unknown[] = [];
    const length = this.#length(source);
    for (let index = 0; index < length; index += 1) {
      try {
        values.push(this.#element(source, index));
      } catch (error) {
        if (thrownOutcome(error).kind !== 'skip') throw error;
      }
    }
    return values;
  }

  #length(source: Source): number {
    switch (source.kind) {
      case 'literal':
      case 'result':
      case 'each':
        return this.#elements(source).length;
      case 'map':
        return this.#length(source.source);
      case 'zip': {
        const lengths = source.sources.map((part) => this.#length(part));
        return source.fill === undefined ? Math.min(...lengths) : Math.max(...lengths);
      }
      case 'concat':
        return source.sources.reduce((sum, part) => sum + this.#length(part), 0);
    }
  }

  #element(source: Source, index: number): unknown {
    switch (source.kind) {
      case 'literal':
      case 'result':
      case 'each':
        return this.#elements(source)[index];
      case 'map':
        return source.fn(this.#element(source.source, index) as never);
      case 'zip':
        return source.sources.map((part) => (index < this.#length(part) ? this.#element(part, index) : source.fill?.value));
      case 'concat': {
        let rest = index;
        for (const part of source.sources) {
          const length = this.#length(part);
          if (rest < length) return this.#element(part, rest);
          rest -= length;
        }
        return undefined;
      }
    }
  }

  /** A list as it is, an object as its pairs of key and value. */
  #elements(source: Source): readonly unknown[] {
    const value = this.value(source);
    if (Array.isArray(value)) return value;
    if (typeof value === 'object' && value !== null) return Object.entries(value);
    const from = source.kind === 'result' ? `the result of '${source.task.taskId}'` : 'a constant';
    throw new TaskFailure('bad_input', `a mapped task needs a list or an object, but ${from} is ${describe(value)}`, { retry: false });
  }
}

const describe = (value: unknown): string => (value === null || value === undefined ? String(value) : `a ${Array.isArray(value) ? 'list' : typeof value}`);
