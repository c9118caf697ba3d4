import { isRaised, raise } from '../error.ts';
import type { Filter, Runtime } from '../runtime.ts';
import { filter } from './filter.ts';
import { getOnlyAttribute } from '../value/attribute.ts';
import { jsonLayout, writeJson } from '../value/json.ts';
import { arithmetic, exactFixed, round, toFloatValue, toInt } from '../value/number.ts';
import { truth } from '../value/operator.ts';
import { floatText } from '../value/repr.ts';
import { indexOf, intOf, isInt, isNumber, isText, Markup, PyObject, typeName, Undefined } from '../value/value.ts';
import type { Value } from '../value/value.ts';

function toJsonFilter(value: Value, [indent = null]: readonly (Value | undefined)[], rt: Runtime): Value {
  const json = writeJson(value, { ...jsonLayout(indent, rt), sortKeys: true }, rt);
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
