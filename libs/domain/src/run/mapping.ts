import type { Json } from '../json.ts';
import { pathKey, type RunPlan } from '../dag/plan.ts';
import type { MappingDefinition, MapSource } from '../dag/definition.ts';
import type { RecordedSuccess } from './command.ts';
import type { Failure, TaskResult } from './event.ts';
import type { TaskSlot } from './state.ts';

/** Airflow's `max_map_length`: a result that another task maps over may not be longer, nor may a product. */
export const MAX_MAP_LENGTH = 1024;

/** Length of a mapping; undefined: a source has no length (it was marked a success without a result, say). */
export function mapLength(plan: RunPlan, slots: readonly TaskSlot[], mapping: MappingDefinition): number | undefined {
  if (mapping.kind === 'expandKwargs') return sourceLength(plan, slots, mapping.over);
  let product = 1;
  for (const [, source] of mapping.over) {
    const length = sourceLength(plan, slots, source);
    if (length === undefined) return undefined;
    product *= length;
  }
  return product;
}

function sourceLength(plan: RunPlan, slots: readonly TaskSlot[], source: MapSource): number | undefined {
  switch (source.kind) {
    case 'literal':
      return lengthOf(source.value);
    case 'result': {
      const slot = slots[plan.indexOf.get(source.taskId) ?? -1];
      if (slot === undefined) return undefined;
      if (slot.length !== null) return slot.results;
      const only = slot.instances[0];
      if (only === undefined || only.state !== 'success') return undefined;
      return (source.path === undefined || source.path.length === 0 ? only.resultLength : only.resultLengths?.[pathKey(source.path)]) ?? undefined;
    }
    case 'map':
      return sourceLength(plan, slots, source.source);
    case 'zip': {
      const lengths = allLengths(plan, slots, source.sources);
      if (lengths === undefined) return undefined;
      return lengths.length === 0 ? 0 : source.fill === undefined ? Math.min(...lengths) : Math.max(...lengths);
    }
    case 'concat':
      return allLengths(plan, slots, source.sources)?.reduce((sum, length) => sum + length, 0);
  }
}

function allLengths(plan: RunPlan, slots: readonly TaskSlot[], sources: readonly MapSource[]): number[] | undefined {
  const lengths = sources.map((source) => sourceLength(plan, slots, source));
  return lengths.some((length) => length === undefined) ? undefined : lengths.map((length) => length ?? 0);
}

/** A list's or an object's length; undefined for what cannot be mapped over. */
function lengthOf(value: Json | undefined): number | undefined {
  if (Array.isArray(value)) return value.length;
  return value !== null && typeof value === 'object' ? Object.keys(value).length : undefined;
}

/** A mapping all of whose lengths stand in the definition. */
export const isLiteral = (mapSources: readonly number[]): boolean => mapSources.length === 0;

/** How long each part of a result is that others map over, by path; or why it cannot be mapped over. */
export function mappedLengths(taskId: string, paths: readonly (readonly string[])[], success: RecordedSuccess): ReadonlyMap<string, number> | Failure {
  const lengths = new Map<string, number>();
  for (const path of paths) {
    const key = pathKey(path);
    const length = reportedLength(path, success);
    const name = key === '' ? `The result of ${taskId}` : `${key} in the result of ${taskId}`;
    if (length === undefined) {
      return { code: 'map_not_a_list', message: `${name} is ${typeOf(path, success.result)}, but another task is mapped over it: return a list or an object.` };
    }
    if (length > MAX_MAP_LENGTH) {
      return { code: 'map_too_long', message: `${name} has ${length} items, but at most ${MAX_MAP_LENGTH} can be mapped over: return fewer, or chunks of them.` };
    }
    lengths.set(key, length);
  }
  return lengths;
}

function reportedLength(path: readonly string[], success: RecordedSuccess): number | undefined {
  const told = path.length === 0 ? success.resultLength : success.resultLengths?.[pathKey(path)];
  return told ?? (success.result?.kind === 'inline' ? lengthAt(success.result.value, path) : undefined);
}

/** Of a part of a value; undefined: it is no list and no object, or is not there. */
export const lengthAt = (value: Json, path: readonly string[]): number | undefined => lengthOf(partOf(value, path));

function partOf(value: Json, path: readonly string[]): Json | undefined {
  let part: Json | undefined = value;
  for (const member of path) {
    part = part !== null && typeof part === 'object' ? (part as { readonly [key: string]: Json })[member] : undefined;
  }
  return part;
}

function typeOf(path: readonly string[], result: TaskResult | undefined): string {
  if (result === undefined) return 'nothing';
  if (result.kind === 'stored') return 'not a list or an object';
  const part = partOf(result.value, path);
  return part === undefined ? 'missing' : part === null ? 'null' : `a ${typeof part}`;
}
