import { isRaised, raise } from '../error.ts';
import type { Filter, Runtime } from '../runtime.ts';
import { filter } from './filter.ts';
import { getOnlyAttribute } from '../value/attribute.ts';
import { PyDict } from '../value/dict.ts';
import { arithmetic, exactFixed, round, toFloatValue, toInt } from '../value/number.ts';
import { truth } from '../value/operator.ts';
import { floatText } from '../value/repr.ts';
import { PyList, PyTuple } from '../value/sequence.ts';
import { indexOf, intOf, isInt, isNumber, isText, Markup, PyObject, textOf, typeName, Undefined } from '../value/value.ts';
import type { Value } from '../value/value.ts';

interface JsonLayout {
  /** What a level is indented by; undefined: all on one line. */
  readonly pad: string | undefined;
  readonly sortKeys: boolean;
}

/** JSON as Python's `json.dumps` writes it: ASCII only, a blank after `,` and `:`, NaN and Infinity by name. */
export function toJson(value: Value, indent: number | string | undefined, rt: Runtime, sortKeys = true): string {
  if (typeof indent === 'number') rt.allocate(Math.max(0, indent));
  const pad = indent === undefined ? undefined : typeof indent === 'string' ? indent : ' '.repeat(Math.max(0, indent));
  return write(value, { pad, sortKeys }, '\n', rt);
}

function write(value: Value, layout: JsonLayout, newline: string, rt: Runtime): string {
  const { pad } = layout;
  if (value === null) return 'null';
  if (typeof value === 'boolean') return String(value);
  if (isText(value)) return writeText(textOf(value), rt);
  if (typeof value === 'number') return Number.isFinite(value) ? floatText(value) : Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
  if (isInt(value)) return rt.repr(value);
  const within = pad === undefined ? newline : newline + pad;
  const separator = pad === undefined ? ', ' : `,${within}`;
  const bracket = (open: string, items: readonly string[], close: string): string =>
    items.length === 0 ? open + close : pad === undefined ? open + items.join(separator) + close : `${open}${within}${items.join(separator)}${newline}${close}`;
  if (value instanceof PyList || value instanceof PyTuple) return rt.nested(() => bracket('[', value.items.map((item) => write(item, layout, within, rt)), ']'));
  if (value instanceof PyDict) return rt.nested(() => bracket('{', entriesOf(value, layout.sortKeys, rt).map(([key, item]) => `${writeText(key, rt)}: ${write(item, layout, within, rt)}`), '}'));
  return raise('TypeError', `Object of type ${typeName(value)} is not JSON serializable`);
}

function entriesOf(dict: PyDict, sort: boolean, rt: Runtime): (readonly [string, Value])[] {
  const entries = [...dict.pairs()];
  if (!sort) return entries.map(([key, item]) => [keyText(key, rt), item] as const);
  if (entries.some(([key]) => isText(key)) && entries.some(([key]) => !isText(key))) {
    raise('TypeError', "'<' not supported between instances of keys of different types");
  }
  return entries
    .sort(([a], [b]) => (isText(a) && isText(b) ? (textOf(a) < textOf(b) ? -1 : 1) : isNumber(a) && isNumber(b) ? Number(a) - Number(b) : 0))
    .map(([key, item]) => [keyText(key, rt), item] as const);
}

function keyText(key: Value, rt: Runtime): string {
  if (isText(key)) return textOf(key);
  if (key === null) return 'null';
  if (typeof key === 'boolean') return String(key);
  return isNumber(key) ? rt.repr(key) : raise('TypeError', `keys must be str, int, float, bool or None, not ${typeName(key)}`);
}

const JSON_ESCAPES: { readonly [char: string]: string } = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\b': '\\b', '\f': '\\f' };

function writeText(text: string, rt: Runtime): string {
  rt.allocate(text.length);
  return `"${text.replace(/["\\\x00-\x1f]|[^\x00-\x7e]/g, (char) => JSON_ESCAPES[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`;
}

function toJsonFilter(value: Value, [indent = null]: readonly (Value | undefined)[], rt: Runtime): Value {
  const json = toJson(value, indent === null ? undefined : isText(indent) ? textOf(indent) : indexOf(indent), rt);
  return new Markup(json.replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026').replaceAll("'", '\\u0027'));
}

function toIntFilter(value: Value, [otherwise = 0n, base = 10n]: readonly (Value | undefined)[]): Value {
  try {
    return toInt(value, isText(value) ? indexOf(base) : 10);
  } catch (error) {
    if (!isRaised(error, 'TypeError', 'ValueError')) throw error;
  }
  try {
    return toInt(toFloatValue(value));
  } catch (error) {
    if (!isRaised(error, 'TypeError', 'ValueError', 'OverflowError')) throw error;
    return otherwise;
  }
}

function toFloatFilter(value: Value, [otherwise = 0]: readonly (Value | undefined)[]): Value {
  try {
    return toFloatValue(value);
  } catch (error) {
    if (!isRaised(error, 'TypeError', 'ValueError')) throw error;
    return otherwise;
  }
}

function roundFilter(value: Value, [precision = 0n, kind = 'common']: readonly (Value | undefined)[], rt: Runtime): Value {
  if (kind !== 'common' && kind !== 'ceil' && kind !== 'floor') raise('FilterArgumentError', 'method must be common, ceil or floor');
  if (kind === 'common') return round(value, precision === null ? undefined : indexOf(precision));
  if (value instanceof Undefined) value.fail();
  if (!isNumber(value)) raise('TypeError', `unsupported operand type(s) for *: '${typeName(value)}' and 'int'`);
  const scale = arithmetic('**', 10n, BigInt(indexOf(precision))) as bigint | number;
  const scaled = arithmetic('*', value, scale);
  const whole = isInt(scaled) ? intOf(scaled) : toInt(Math[kind](scaled as number));
  rt.allocate(1);
  return arithmetic('/', whole, scale);
}

function absolute(value: Value, rt: Runtime): Value {
  if (isInt(value)) return intOf(value) < 0n ? -intOf(value) : intOf(value);
  if (typeof value === 'number') return Math.abs(value);
  const result = value instanceof PyObject && !(value instanceof Undefined) ? value.unary?.('abs', rt) : undefined;
  return result ?? raise('TypeError', `bad operand type for abs(): '${typeName(value)}'`);
}

const UNITS = ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'];

function fileSize(value: Value, [binary = false]: readonly (Value | undefined)[], rt: Runtime): string {
  const bytes = toFloatValue(value);
  const base = truth(binary, rt) ? 1024 : 1000;
  if (bytes === 1) return '1 Byte';
  if (bytes < base) return `${toInt(bytes)} Bytes`;
  let at = 0;
  while (at < UNITS.length - 1 && !(bytes < base ** (at + 2))) at += 1;
  const unit = truth(binary, rt) ? `${(UNITS[at] as string).toUpperCase()}iB` : `${UNITS[at]}B`;
  if (!Number.isFinite(bytes)) return `${floatText(bytes)} ${unit}`;
  return `${exactFixed((base * bytes) / base ** (at + 2), 1)} ${unit}`;
}

const otherwiseFilter = filter('default', 'default_value? boolean?', (value, [otherwise = '', boolean = false], rt) =>
  value instanceof Undefined || (truth(boolean, rt) && !truth(value, rt)) ? otherwise : value);

export const VALUE_FILTERS: { readonly [name: string]: Filter } = {
  default: otherwiseFilter,
  d: otherwiseFilter,
  int: filter('int', 'default? base?', toIntFilter),
  float: filter('float', 'default?', toFloatFilter),
  round: filter('round', 'precision? method?', roundFilter),
  abs: filter('abs', '', (value, _, rt) => absolute(value, rt)),
  attr: filter('attr', 'name', (value, [name], rt) => getOnlyAttribute(value, rt.str(name as Value), rt)),
  tojson: filter('tojson', 'indent?', toJsonFilter),
  filesizeformat: filter('filesizeformat', 'binary?', fileSize),
};
