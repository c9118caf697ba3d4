import { leafName, leavesOf } from '../asset/condition.ts';
import { problem, problemText } from '../problem.ts';
import type { TimetableDefinition } from '../schedule/definition.ts';
import type { PartitionMapper } from './definition.ts';
import { downstreamKeys, hasCode, mapperOf, type MapperCode } from './mapper.ts';
import { partitionKeyRule } from './validate.ts';

/** What mappers that an author wrote are asked; their code answers in a parse child. */
export interface PartitionQuestion {
  readonly kind: 'partitions';
  /** Updates by their place in the feed, each with what the schedule names them by. */
  readonly updates: readonly { readonly position: string; readonly key: string; readonly leaves: readonly string[] }[];
}

export interface PartitionAnswer {
  readonly kind: 'partitions';
  readonly mapped: readonly MappedUpdate[];
  /** The code could not be asked at all. */
  readonly problem?: string;
}

/** For which runs one update counts, by each of the names. `problem`: the code threw or answered nonsense; then for none. */
export interface MappedUpdate {
  readonly position: string;
  readonly places: readonly { readonly leaf: string; readonly keys: readonly MappedKey[] }[];
  readonly problem?: string;
}

interface MappedKey {
  readonly key: string;
  /** The upstream keys that the run waits for; absent: for this one alone. */
  readonly expects?: readonly string[];
}

/** Of one mapper by its name. Whatever it answers is looked at as if it could be anything. */
export interface CustomMapper {
  toDownstream(key: string): unknown;
  toUpstream?(runKey: string): unknown;
}

/** What one update may lead to, as JSON: it stands in an event. */
const MAX_ANSWER = 32_768;
const MAX_KEYS = 1_000;

/** Asks the mappers of a schedule, and refuses what no mapper can say. */
export function askMappers(schedule: TimetableDefinition, codeOf: (name: string) => CustomMapper | undefined, asked: PartitionQuestion): PartitionAnswer {
  if (schedule.kind !== 'assets' || schedule.partition === undefined) return { kind: 'partitions', mapped: [], problem: 'its schedule is of no partitions' };
  const { condition, partition } = schedule;
  const mappers = new Map(leavesOf(condition).map((leaf) => [leafName(leaf), mapperOf(partition, leaf)]));
  const mapped = asked.updates.map(({ position, key, leaves }): MappedUpdate => {
    try {
      const places = leaves.map((leaf) => ({ leaf, keys: mappedKeys(mappers.get(leaf), codeOf, key) }));
      const { length } = JSON.stringify(places);
      if (length > MAX_ANSWER) throw new MapperFailure(`The mappers lead the key ${JSON.stringify(key)} to runs of ${length} characters as JSON, of ${MAX_ANSWER} allowed.`);
      return { position, places };
    } catch (error) {
      return { position, places: [], problem: error instanceof MapperFailure ? error.message : `The mapper threw for the key ${JSON.stringify(key)}: ${error instanceof Error ? error.message : String(error)}` };
    }
  });
  return { kind: 'partitions', mapped };
}

function mappedKeys(mapper: PartitionMapper | undefined, codeOf: (name: string) => CustomMapper | undefined, key: string): readonly MappedKey[] {
  if (mapper === undefined) return [];
  const code: MapperCode = (name, upstream) => keysOf(`toDownstream() of the mapper ${name}`, codeOf(name)?.toDownstream(upstream));
  const keys = [...new Set(hasCode(mapper) ? downstreamKeys(mapper, key, code) : downstreamKeys(mapper, key))];
  if (mapper.kind !== 'custom' || mapper.isRollup !== true) return keys.map((one) => ({ key: one }));
  return keys.map((one) => ({ key: one, expects: [...new Set(keysOf(`toUpstream() of the mapper ${mapper.name}`, codeOf(mapper.name)?.toUpstream?.(one)))] }));
}

function keysOf(where: string, answer: unknown): readonly string[] {
  const keys: unknown = typeof answer === 'string' ? [answer] : answer;
  if (!Array.isArray(keys)) throw new MapperFailure(problemText(problem(where, answer, 'is neither a key nor a list of keys', "answer a text, or a list of texts; [] for a key that counts for nothing")));
  if (keys.length > MAX_KEYS) throw new MapperFailure(problemText(problem(where, keys.length, `are more than the ${MAX_KEYS} keys that one may lead to`, 'answer fewer')));
  for (const key of keys) {
    const wrong = partitionKeyRule(key);
    if (wrong !== undefined) throw new MapperFailure(problemText(problem(where, key, wrong.rule, wrong.remedy)));
  }
  return keys as readonly string[];
}

class MapperFailure extends Error {}
