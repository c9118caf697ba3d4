import { unreachable } from '../decider.ts';
import { problem, type Problem } from '../problem.ts';
import { timeZone } from '../schedule/time-zone.ts';
import type { AssetPartitioning, PartitionMapper, PartitionUnit, PartitionWindow } from './definition.ts';
import { formatKey, keyFormatRule, DEFAULT_KEY_FORMAT } from './key-format.ts';
import { downstreamKeys, expectedKeys, hasCode, neededOf } from './mapper.ts';
import { partitioningShape } from './shape.ts';
import { LONGEST } from './window.ts';

const MAX_KEYS = 1_000;
const MAX_KEY_LENGTH = 250;
const MAX_MAPPERS = 20;
const MAX_DEPTH = 8;
/** A moment in none of the first of anything, and its hour, day … */
const SAMPLE_MS = Date.UTC(2024, 7, 15, 13, 45, 30);

export function partitioningProblems(partition: AssetPartitioning, uris: readonly string[], field: string): readonly Problem[] {
  const misshapen = partitioningShape(partition, field);
  if (misshapen.length > 0) return misshapen;
  const { mapper, mappers = {} } = partition;
  return [
    ...(mapper === undefined ? [] : mapperProblems(mapper, `${field}.mapper`)),
    ...Object.entries(mappers).flatMap(([uri, own]) => (uris.includes(uri)
      ? mapperProblems(own, `${field}.mappers.${uri}`)
      : [problem(`${field}.mappers`, uri, 'maps an asset that the schedule does not name', 'name the asset in the schedule, or leave its mapper out')])),
  ];
}

/** Everything in a mapper that could never work; of its shape nothing is wrong. */
export function mapperProblems(mapper: PartitionMapper, field: string, depth = 1): readonly Problem[] {
  if (depth > MAX_DEPTH) return [problem(field, depth, `lies more than ${MAX_DEPTH} mappers deep`, 'build it of fewer')];
  switch (mapper.kind) {
    case 'identity':
      return [];
    case 'fixedKey':
      return keyProblems([mapper.key], `${field}.key`);
    case 'allowedKeys':
      return [...countProblems(mapper.keys, 1, MAX_KEYS, 'key', `${field}.keys`), ...keyProblems(mapper.keys, `${field}.keys`)];
    case 'startOf':
      return [...zoneProblems(mapper.timezone, `${field}.timezone`), ...formatProblems(mapper.inputFormat, `${field}.inputFormat`), ...formatProblems(mapper.outputFormat, `${field}.outputFormat`)];
    case 'product':
      return [
        ...countProblems(mapper.mappers, 2, MAX_MAPPERS, 'mapper', `${field}.mappers`),
        ...(mapper.delimiter === '' ? [problem(`${field}.delimiter`, '', 'parts nothing', "leave it out for '|'")] : []),
        ...mapper.mappers.flatMap((part, index) => partProblems(part, keyBound(part) > 1, `${field}.mappers[${index}]`, depth)),
      ];
    case 'chain':
      return [
        ...countProblems(mapper.mappers, 2, MAX_MAPPERS, 'mapper', `${field}.mappers`), ...mapper.mappers.flatMap((part, index) => partProblems(part, false, `${field}.mappers[${index}]`, depth)),
        ...boundProblems(keyBound(mapper), MAX_KEYS, field),
      ];
    case 'custom':
      return customProblems(mapper, field);
    case 'rollup':
      return rollupProblems(mapper, field, depth);
    case 'fanOut':
      return fanOutProblems(mapper, field, depth);
    default:
      return unreachable(mapper);
  }
}

/** How many runs one update makes at most. */
function keyBound(mapper: PartitionMapper): number {
  switch (mapper.kind) {
    case 'chain':
      return mapper.mappers.reduce((bound, part) => bound * keyBound(part), 1);
    case 'rollup':
      return keyBound(mapper.upstream);
    case 'fanOut':
      return sizeOf(mapper.window);
    case 'identity':
    case 'startOf':
    case 'fixedKey':
    case 'allowedKeys':
    case 'product':
    // What code makes is counted when it answers.
    case 'custom':
      return 1;
    default:
      return unreachable(mapper);
  }
}

const sizeOf = (window: PartitionWindow): number => (window.kind === 'segments' ? window.segments.length : LONGEST[window.kind]);

/** A mapper inside another one. */
function partProblems(part: PartitionMapper, isMany: boolean, field: string, depth: number): readonly Problem[] {
  if (part.kind === 'rollup' || (part.kind === 'custom' && part.isRollup === true)) return [problem(field, part.kind, 'waits for keys inside a mapper that only maps them', 'put the rollup around the whole')];
  return isMany ? [problem(field, part.kind, 'makes many keys of one where one is asked', 'put it around the whole, or map by startOf')] : mapperProblems(part, field, depth + 1);
}

function customProblems({ minimumCount, isRollup }: Extract<PartitionMapper, { kind: 'custom' }>, field: string): readonly Problem[] {
  if (minimumCount === undefined) return [];
  if (isRollup !== true) return [problem(`${field}.minimumCount`, minimumCount, 'counts keys of a mapper that waits for none', 'give it toUpstream, or leave minimumCount out')];
  return Number.isInteger(minimumCount) && minimumCount !== 0 ? [] : [problem(`${field}.minimumCount`, minimumCount, 'is no whole number other than 0', 'say how many keys must have come, or, below 0, how many may lack')];
}

function rollupProblems(mapper: Extract<PartitionMapper, { kind: 'rollup' }>, field: string, depth: number): readonly Problem[] {
  const { upstream, window, minimumCount } = mapper;
  const problems = [...partProblems(upstream, keyBound(upstream) > 1, `${field}.upstream`, depth), ...windowProblems(window, `${field}.window`), ...startProblems(upstream, window, field)];
  if (problems.length > 0) return problems;
  const size = sizeOf(window);
  if (minimumCount !== undefined && !(Number.isInteger(minimumCount) && minimumCount !== 0 && minimumCount <= size)) {
    return [problem(`${field}.minimumCount`, minimumCount, `is no whole number from 1 to ${size}, or below 0`, 'say how many of the window\'s keys must have come, or how many may lack')];
  }
  return hasCode(upstream) ? [] : reachProblems(mapper, field);
}

/** The keys that a run waits for must be told apart, and enough of them must count for that run. */
function reachProblems(mapper: Extract<PartitionMapper, { kind: 'rollup' }>, field: string): readonly Problem[] {
  const { upstream, window } = mapper;
  const inputFormat = upstream.kind === 'startOf' ? (upstream.inputFormat ?? DEFAULT_KEY_FORMAT) : '';
  const samples = window.kind === 'segments' ? window.segments : [formatKey(inputFormat, SAMPLE_MS, UTC)];
  const runs = samples.flatMap((sample) => downstreamKeys(upstream, sample)).map((key) => {
    const expected = expectedKeys(mapper, key) ?? [];
    return { expected: expected.length, needed: Math.max(1, neededOf(mapper, expected.length)), counting: expected.filter((one) => downstreamKeys(upstream, one).includes(key)).length };
  });
  if (window.kind !== 'segments' && runs.some(({ expected }) => expected > 0 && expected < LONGEST[window.kind])) {
    return [problem(`${field}.upstream.inputFormat`, inputFormat, `writes several keys of a ${window.kind} alike`, 'give the format in which the keys come')];
  }
  if (runs.some(({ needed, counting }) => counting >= needed)) return [];
  const [{ needed, counting } = { needed: 1, counting: 0 }] = runs;
  const remedy = window.kind === 'segments' ? 'bring the segments under one key: fixedKey' : `use startOf('${window.kind}'), an output format that it can read, and a window that looks forward`;
  return [problem(`${field}.upstream`, upstream.kind === 'startOf' ? upstream.unit : upstream.kind, `lets only ${counting} of a window's keys count for its run, which needs ${needed}`, remedy)];
}

/** What a window of time starts with must be a time, and of quarters and years the first of a month. */
function startProblems(upstream: PartitionMapper, window: PartitionWindow, field: string): readonly Problem[] {
  if (window.kind === 'segments') return [];
  if (upstream.kind !== 'startOf') return [problem(`${field}.upstream`, upstream.kind, `says no time at which a ${window.kind} could start`, `use startOf('${window.kind}')`)];
  const isOfMonths = (unit: PartitionUnit): boolean => unit === 'month' || unit === 'quarter' || unit === 'year';
  return isOfMonths(window.kind) && !isOfMonths(upstream.unit) ? [problem(`${field}.upstream`, upstream.unit, `does not lead to the first of a month, where a ${window.kind} starts`, `use startOf('${window.kind}')`)] : [];
}

function fanOutProblems({ upstream, window, outputFormat, maxKeys = MAX_KEYS }: Extract<PartitionMapper, { kind: 'fanOut' }>, field: string, depth: number): readonly Problem[] {
  return [
    ...partProblems(upstream, keyBound(upstream) > 1, `${field}.upstream`, depth), ...windowProblems(window, `${field}.window`), ...formatProblems(outputFormat, `${field}.outputFormat`), ...startProblems(upstream, window, field),
    ...(Number.isInteger(maxKeys) && maxKeys >= 1 ? boundProblems(sizeOf(window), maxKeys, `${field}.window`) : [problem(`${field}.maxKeys`, maxKeys, 'is no whole number of 1 or more', `leave it out for ${MAX_KEYS}`)]),
  ];
}

const boundProblems = (bound: number, most: number, field: string): readonly Problem[] =>
  (bound <= most ? [] : [problem(field, bound, `makes more than the ${most} runs that one update may make`, 'take a smaller window, or raise maxKeys')]);

function windowProblems(window: PartitionWindow, field: string): Problem[] {
  if (window.kind !== 'segments') return [];
  const { segments } = window;
  return [
    ...countProblems(segments, 1, MAX_KEYS, 'segment', `${field}.segments`), ...keyProblems(segments, `${field}.segments`),
    ...(new Set(segments).size < segments.length ? [problem(`${field}.segments`, segments, 'names a segment twice', 'name each once')] : []),
  ];
}

const countProblems = (list: readonly unknown[], least: number, most: number, what: string, field: string): readonly Problem[] =>
  (list.length >= least && list.length <= most ? [] : [problem(field, list.length, `is not from ${least} to ${most} ${what}s`, `give at least ${least}`)]);

/** What is wrong with a partition key; undefined: nothing. */
export const partitionKeyRule = (key: unknown): { readonly rule: string; readonly remedy: string } | undefined =>
  (typeof key === 'string' && key.trim() !== '' && key.length <= MAX_KEY_LENGTH ? undefined : { rule: `is no text of 1 to ${MAX_KEY_LENGTH} characters that says something`, remedy: 'give another key' });

const keyProblems = (keys: readonly string[], field: string): readonly Problem[] =>
  keys.flatMap((key) => {
    const wrong = partitionKeyRule(key);
    return wrong === undefined ? [] : [problem(field, key, wrong.rule, wrong.remedy)];
  });

export function formatProblems(format: string | undefined, field: string): readonly Problem[] {
  const wrong = format === undefined ? undefined : keyFormatRule(format);
  return wrong === undefined ? [] : [problem(field, format, wrong.rule, wrong.remedy)];
}

const zoneProblems = (timezone: string | undefined, field: string): readonly Problem[] =>
  (timezone === undefined || timeZone(timezone) !== undefined ? [] : [problem(field, timezone, 'is no IANA time zone', "use a name such as 'UTC' or 'Asia/Seoul'")]);

const UTC = { name: 'UTC', offsetAt: () => 0 };
