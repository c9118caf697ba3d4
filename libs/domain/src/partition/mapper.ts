import { unreachable } from '../decider.ts';
import { problem, type Problem } from '../problem.ts';
import { addMonths, civilDate, DAY_MS, dayNumber, dayOfWeek, daysInMonth, HOUR_MS, MINUTE_MS } from '../schedule/civil.ts';
import type { PartitionMapper, PartitionUnit, PartitionWindow, StartOfMapper } from './definition.ts';
import { DEFAULT_KEY_FORMAT, formatKey, keyFormatRule, parseKey } from './key-format.ts';

/** Airflow's. */
const OUTPUT_FORMAT: { readonly [unit in PartitionUnit]: string } = { hour: '%Y-%m-%dT%H', day: '%Y-%m-%d', week: '%Y-%m-%d (W%V)', month: '%Y-%m', quarter: '%Y-Q{quarter}', year: '%Y' };
const MEMBER_FORMAT: { readonly [unit in PartitionUnit]: string } = { hour: '%Y-%m-%dT%H:%M', day: '%Y-%m-%dT%H', week: '%Y-%m-%d', month: '%Y-%m-%d', quarter: '%Y-%m', year: '%Y-%m' };
/** What a key must say for the members of a window to differ. */
const MEMBER_PART: { readonly [unit in PartitionUnit]: string } = { hour: '%M', day: '%H', week: '%d', month: '%d', quarter: '%m', year: '%m' };
const LONGEST: { readonly [unit in PartitionUnit]: number } = { hour: 60, day: 24, week: 7, month: 31, quarter: 3, year: 12 };
const MAX_KEYS = 1_000;
const MAX_KEY_LENGTH = 250;

/** Which runs an update counts for; none: its key cannot be mapped. */
export function downstreamKeys(mapper: PartitionMapper, key: string): readonly string[] {
  switch (mapper.kind) {
    case 'identity':
      return [key];
    case 'fixedKey':
      return [mapper.key];
    case 'allowedKeys':
      return mapper.keys.includes(key) ? [key] : [];
    case 'startOf': {
      const startMs = startOf(mapper, key);
      return startMs === undefined ? [] : [formatKey(outputFormat(mapper), startMs)];
    }
    case 'product':
      return productKeys(mapper.mappers, key.split('|'));
    case 'rollup':
      return downstreamKeys(mapper.upstream, key);
    case 'fanOut':
      return fanOutKeys(mapper, key);
    default:
      return unreachable(mapper);
  }
}

/** Whether what has come of an asset is enough for the run of this key. `arrived` are upstream keys. */
export function isComplete(mapper: PartitionMapper, downstreamKey: string, arrived: ReadonlySet<string>): boolean {
  if (mapper.kind !== 'rollup') return arrived.size > 0;
  const expected = expectedKeys(mapper, downstreamKey);
  const { minimumCount = expected.length } = mapper;
  const came = expected.filter((key) => arrived.has(key)).length;
  return came >= (minimumCount > 0 ? minimumCount : Math.max(1, expected.length + minimumCount));
}

/** Everything in a mapper that could never work. */
export function mapperProblems(mapper: PartitionMapper, field: string): readonly Problem[] {
  switch (mapper.kind) {
    case 'identity':
      return [];
    case 'fixedKey':
      return keyProblems([mapper.key], `${field}.key`);
    case 'allowedKeys':
      return [...(mapper.keys.length === 0 ? [problem(`${field}.keys`, mapper.keys, 'allows no key', 'name at least one key')] : []), ...keyProblems(mapper.keys, `${field}.keys`)];
    case 'startOf':
      return [...formatProblems(mapper.inputFormat, `${field}.inputFormat`), ...formatProblems(mapper.outputFormat, `${field}.outputFormat`)];
    case 'product':
      return [
        ...(mapper.mappers.length === 0 ? [problem(`${field}.mappers`, mapper.mappers, 'maps no part', 'give a mapper for each part of the key')] : []),
        ...mapper.mappers.flatMap((part, index) => (part.kind === 'rollup' || part.kind === 'fanOut'
          ? [problem(`${field}.mappers[${index}]`, part.kind, 'does not map one part to one', 'put it around the product, or map the part by startOf')] : mapperProblems(part, `${field}.mappers[${index}]`))),
      ];
    case 'rollup':
      return rollupProblems(mapper, field);
    case 'fanOut':
      return fanOutProblems(mapper, field);
    default:
      return unreachable(mapper);
  }
}

function rollupProblems({ upstream, window, minimumCount }: Extract<PartitionMapper, { kind: 'rollup' }>, field: string): readonly Problem[] {
  const problems = [...mapperProblems(upstream, `${field}.upstream`), ...windowProblems(window, `${field}.window`)];
  if (problems.length > 0) return problems;
  if (window.kind === 'segments') {
    if (upstream.kind !== 'fixedKey') problems.push(problem(`${field}.upstream`, upstream.kind, 'does not bring the segments under one key', 'use fixedKey, whose key is that of the run'));
  } else {
    problems.push(...gatherProblems(upstream, window.kind, field));
    if (window.direction === 'backward') problems.push(problem(`${field}.window.direction`, 'backward', 'waits for keys that count for other runs', 'leave it out: a rollup looks forward from the start of its window'));
  }
  const size = window.kind === 'segments' ? window.segments.length : LONGEST[window.kind];
  if (minimumCount !== undefined && !(Number.isInteger(minimumCount) && minimumCount !== 0 && Math.abs(minimumCount) <= size)) {
    problems.push(problem(`${field}.minimumCount`, minimumCount, `is no whole number from 1 to ${size}, or from -1 to -${size}`, `say how many of the window's keys must have come, or how many may lack`));
  }
  return problems;
}

/** What a window gathers must come under one key, and its members must be told apart. */
function gatherProblems(upstream: PartitionMapper, unit: PartitionUnit, field: string): readonly Problem[] {
  if (upstream.kind !== 'startOf' || upstream.unit !== unit) return [problem(`${field}.upstream`, upstream.kind === 'startOf' ? upstream.unit : upstream.kind, `does not lead to the start of the window's ${unit}`, `use startOf('${unit}')`)];
  const inputFormat = upstream.inputFormat ?? DEFAULT_KEY_FORMAT;
  return inputFormat.includes(MEMBER_PART[unit]) ? [] : [problem(`${field}.upstream.inputFormat`, inputFormat, `says no ${MEMBER_PART[unit]}, by which the window's keys differ`, 'give the format in which the keys come')];
}

function fanOutProblems({ upstream, window, outputFormat: format, maxKeys = MAX_KEYS }: Extract<PartitionMapper, { kind: 'fanOut' }>, field: string): readonly Problem[] {
  const problems = [...mapperProblems(upstream, `${field}.upstream`), ...windowProblems(window, `${field}.window`), ...formatProblems(format, `${field}.outputFormat`)];
  if (window.kind !== 'segments' && (upstream.kind !== 'startOf' || upstream.unit !== window.kind)) {
    problems.push(problem(`${field}.upstream`, upstream.kind === 'startOf' ? upstream.unit : upstream.kind, `does not lead to the start of the window's ${window.kind}`, `use startOf('${window.kind}')`));
  }
  const size = window.kind === 'segments' ? window.segments.length : LONGEST[window.kind];
  if (!(Number.isInteger(maxKeys) && maxKeys >= 1)) problems.push(problem(`${field}.maxKeys`, maxKeys, 'is no whole number of 1 or more', `leave it out for ${MAX_KEYS}`));
  else if (size > maxKeys) problems.push(problem(`${field}.window`, size, `makes more than the ${maxKeys} runs that one update may make`, 'take a smaller window, or raise maxKeys'));
  return problems;
}

function windowProblems(window: PartitionWindow, field: string): Problem[] {
  if (window.kind !== 'segments') return [];
  const { segments } = window;
  if (segments.length === 0) return [problem(`${field}.segments`, segments, 'has no segment', 'name at least one')];
  return [...(new Set(segments).size < segments.length ? [problem(`${field}.segments`, segments, 'names a segment twice', 'name each once')] : []), ...keyProblems(segments, `${field}.segments`)];
}

const keyProblems = (keys: readonly string[], field: string): readonly Problem[] =>
  keys.flatMap((key) => (typeof key === 'string' && key !== '' && key.length <= MAX_KEY_LENGTH ? [] : [problem(field, key, `is no key of 1 to ${MAX_KEY_LENGTH} characters`, 'give another key')]));

export function formatProblems(format: string | undefined, field: string): readonly Problem[] {
  const wrong = format === undefined ? undefined : keyFormatRule(format);
  return wrong === undefined ? [] : [problem(field, format, wrong.rule, wrong.remedy)];
}

const outputFormat = (mapper: StartOfMapper): string => mapper.outputFormat ?? OUTPUT_FORMAT[mapper.unit];

function startOf({ unit, inputFormat = DEFAULT_KEY_FORMAT }: StartOfMapper, key: string): number | undefined {
  const wallMs = parseKey(inputFormat, key);
  return wallMs === undefined ? undefined : floor(unit, wallMs);
}

function floor(unit: PartitionUnit, wallMs: number): number {
  const days = Math.floor(wallMs / DAY_MS);
  const { year, month } = civilDate(days);
  switch (unit) {
    case 'hour':
      return Math.floor(wallMs / HOUR_MS) * HOUR_MS;
    case 'day':
      return days * DAY_MS;
    case 'week':
      return (days - ((dayOfWeek(days) + 6) % 7)) * DAY_MS;
    case 'month':
      return dayNumber(year, month, 1) * DAY_MS;
    case 'quarter':
      return dayNumber(year, month - ((month - 1) % 3), 1) * DAY_MS;
    case 'year':
      return dayNumber(year, 1, 1) * DAY_MS;
    default:
      return unreachable(unit);
  }
}

/** Members of a window of time whose period starts at `startMs`. */
function membersOf(unit: PartitionUnit, direction: 'backward' | undefined, startMs: number): readonly number[] {
  const count = direction === 'backward' && unit === 'month' ? monthLength(addMonths(startMs, -1)) : unit === 'month' ? monthLength(startMs) : LONGEST[unit];
  const first = direction === 'backward' ? 1 - count : 0;
  const isMonths = unit === 'quarter' || unit === 'year';
  const stepMs = unit === 'hour' ? MINUTE_MS : unit === 'day' ? HOUR_MS : DAY_MS;
  return Array.from({ length: count }, (_, index) => (isMonths ? addMonths(startMs, first + index) : startMs + (first + index) * stepMs));
}

function monthLength(wallMs: number): number {
  const { year, month } = civilDate(Math.floor(wallMs / DAY_MS));
  return daysInMonth(year, month);
}

function expectedKeys({ upstream, window }: Extract<PartitionMapper, { kind: 'rollup' }>, downstreamKey: string): readonly string[] {
  if (window.kind === 'segments') return window.segments;
  if (upstream.kind !== 'startOf') return [];
  const startMs = parseKey(outputFormat(upstream), downstreamKey);
  const { inputFormat = DEFAULT_KEY_FORMAT } = upstream;
  return startMs === undefined ? [] : membersOf(window.kind, window.direction, startMs).map((memberMs) => formatKey(inputFormat, memberMs));
}

function fanOutKeys({ upstream, window, outputFormat: format }: Extract<PartitionMapper, { kind: 'fanOut' }>, key: string): readonly string[] {
  if (window.kind === 'segments') return downstreamKeys(upstream, key).length === 0 ? [] : window.segments;
  const startMs = upstream.kind === 'startOf' ? startOf(upstream, key) : undefined;
  return startMs === undefined ? [] : [...new Set(membersOf(window.kind, window.direction, startMs).map((memberMs) => formatKey(format ?? MEMBER_FORMAT[window.kind], memberMs)))];
}

function productKeys(mappers: readonly PartitionMapper[], parts: readonly string[]): readonly string[] {
  if (parts.length !== mappers.length) return [];
  const mapped = mappers.map((mapper, index) => downstreamKeys(mapper, parts[index] as string)[0]);
  return mapped.includes(undefined) ? [] : [mapped.join('|')];
}
