import { problem, type Problem } from '../problem.ts';
import { LONGEST } from './window.ts';

const UNITS = Object.keys(LONGEST);

/** What each kind of mapper has, besides its kind; `?`: may be left out. Whoever writes JavaScript, or misspells an option, can hand in anything. */
const MAPPERS: { readonly [kind: string]: { readonly [member: string]: string } } = {
  identity: {},
  startOf: { unit: 'unit', timezone: '?text', inputFormat: '?text', outputFormat: '?text' },
  fixedKey: { key: 'text' },
  allowedKeys: { keys: 'texts' },
  product: { mappers: 'mappers', delimiter: '?text' },
  chain: { mappers: 'mappers' },
  rollup: { upstream: 'mapper', window: 'window', minimumCount: '?number' },
  custom: { name: 'text', isRollup: '?boolean', minimumCount: '?number' },
  fanOut: { upstream: 'mapper', window: 'window', outputFormat: '?text', maxKeys: '?number' },
};
const WINDOWS: typeof MAPPERS = { ...Object.fromEntries(UNITS.map((unit) => [unit, { direction: '?direction' }])), segments: { segments: 'texts' } };
const PARTITIONING: (typeof MAPPERS)[string] = { mapper: '?mapper', mappers: '?mapperByUri' };
const CRON: (typeof MAPPERS)[string] = { keyFormat: '?text', offset: '?number' };
const MAX_DEPTH = 32;

export const partitioningShape = (value: unknown, field: string): readonly Problem[] => membersShape(value, PARTITIONING, field, 0);
export const cronPartitionShape = (value: unknown, field: string): readonly Problem[] => membersShape(value, CRON, field, 0);
const mapperShape = (value: unknown, field: string, depth = 0): readonly Problem[] => kindShape(value, MAPPERS, 'mapper', field, depth);

function kindShape(value: unknown, kinds: typeof MAPPERS, what: string, field: string, depth: number): readonly Problem[] {
  if (depth > MAX_DEPTH) return [problem(field, depth, 'lies too deep', 'build it of fewer')];
  const kind = isObject(value) ? value['kind'] : undefined;
  if (typeof kind !== 'string' || !Object.hasOwn(kinds, kind)) return [problem(field, isObject(value) ? kind : value, `is no ${what}`, what === 'window' ? `use window(…) of ${UNITS.join(', ')}, or segments(…)` : 'make it by startOf, rollup or another word of partitions')];
  const { kind: _, ...members } = value as { readonly [member: string]: unknown };
  return membersShape(members, kinds[kind] as (typeof MAPPERS)[string], field, depth);
}

function membersShape(value: unknown, members: (typeof MAPPERS)[string], field: string, depth: number): readonly Problem[] {
  if (!isObject(value)) return [problem(field, value, 'is no object', 'give its options by name')];
  const unknown = Object.keys(value).find((member) => !Object.hasOwn(members, member));
  if (unknown !== undefined) return [problem(`${field}.${unknown}`, value[unknown], `is none of its options, which are ${Object.keys(members).join(', ') || 'none'}`, 'leave it out, or spell it as one of them')];
  return Object.entries(members).flatMap(([member, type]) => {
    const given = value[member];
    if (given === undefined && type.startsWith('?')) return [];
    return valueShape(given, type.replace('?', ''), `${field}.${member}`, depth);
  });
}

function valueShape(value: unknown, type: string, field: string, depth: number): readonly Problem[] {
  switch (type) {
    case 'mapper':
      return mapperShape(value, field, depth + 1);
    case 'mappers':
      return Array.isArray(value) ? value.flatMap((part, index) => mapperShape(part, `${field}[${index}]`, depth + 1)) : [problem(field, value, 'is no list of mappers', 'give a list')];
    case 'mapperByUri':
      return isObject(value) ? Object.entries(value).flatMap(([uri, part]) => mapperShape(part, `${field}.${uri}`, depth + 1)) : [problem(field, value, 'is no mapper for each URI', 'give pairs of an asset and its mapper')];
    case 'window':
      return kindShape(value, WINDOWS, 'window', field, depth + 1);
    case 'unit':
      return typeof value === 'string' && UNITS.includes(value) ? [] : [problem(field, value, `is none of ${UNITS.join(', ')}`, 'use one of them')];
    case 'direction':
      return value === 'backward' ? [] : [problem(field, value, "is not 'backward'", 'leave it out to look forward')];
    case 'texts':
      return Array.isArray(value) && value.every((text) => typeof text === 'string') ? [] : [problem(field, value, 'is no list of texts', 'give a list of texts')];
    case 'text':
      return typeof value === 'string' ? [] : [problem(field, value, 'is no text', 'give a text')];
    case 'number':
      return typeof value === 'number' ? [] : [problem(field, value, 'is no number', 'give a number')];
    default:
      return typeof value === type ? [] : [problem(field, value, `is no ${type}`, 'leave it out')];
  }
}

const isObject = (value: unknown): value is { readonly [member: string]: unknown } => typeof value === 'object' && value !== null && !Array.isArray(value);
