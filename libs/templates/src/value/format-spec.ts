import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import { exactFixed, toFloatValue } from './number.ts';
import { floatText, intText } from './repr.ts';
import { codePointLength, codePointSlice } from './text.ts';
import type { Value } from './value.ts';
import { intOf, isInt, isText, Markup, PyObject, textOf, typeName } from './value.ts';

interface Spec {
  readonly fill: string;
  readonly align: '<' | '>' | '=' | '^' | '';
  /** Empty when no sign was asked for, which is the same as `-` but for text. */
  readonly sign: '+' | '-' | ' ' | '';
  readonly alternate: boolean;
  readonly width: number;
  readonly grouping: ',' | '_' | '';
  readonly precision: number | undefined;
  readonly type: string;
}

const SPEC = /^(?:([^])?([<>=^]))?([-+ ])?(z)?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/u;

function parseSpec(text: string, type: string): Spec {
  const match = SPEC.exec(text) ?? raise('ValueError', `Invalid format specifier '${text}' for object of type '${type}'`);
  const [, fill, align, sign, , alternate, zero, width, grouping, precision, kind] = match;
  return {
    fill: fill ?? (zero === undefined ? ' ' : '0'),
    align: (align ?? (zero === undefined || type === 'str' ? '' : '=')) as Spec['align'],
    sign: (sign ?? '') as Spec['sign'],
    alternate: alternate !== undefined,
    width: number(width) ?? 0,
    grouping: (grouping ?? '') as Spec['grouping'],
    precision: number(precision),
    type: kind ?? '',
  };
}

function number(digits: string | undefined): number | undefined {
  if (digits === undefined) return undefined;
  if (digits.length > 9) raise('ValueError', 'Too many decimal digits in format string');
  return Number(digits);
}

/** `format(value, spec)`. */
export function formatValue(value: Value, spec: string, rt: Runtime): string {
  if (value instanceof Markup && spec !== '') return formatText(value.text, spec, rt);
  if (value instanceof PyObject && !(value instanceof Markup)) {
    if (value.format !== undefined) return value.format(spec, rt);
    if (spec !== '') raise('TypeError', `unsupported format string passed to ${typeName(value)}.__format__`);
    return value.str(rt);
  }
  if (spec === '') return rt.str(value);
  if (isText(value)) return formatText(textOf(value), spec, rt);
  if (isInt(value)) return formatInt(intOf(value), spec, rt);
  if (typeof value === 'number') return formatFloat(value, parseSpec(spec, 'float'), rt);
  return raise('TypeError', 'unsupported format string passed to NoneType.__format__');
}

function formatText(text: string, source: string, rt: Runtime): string {
  const spec = parseSpec(source, 'str');
  if (spec.sign !== '') raise('ValueError', 'Sign not allowed in string format specifier');
  if (spec.alternate) raise('ValueError', 'Alternate form (#) not allowed in string format specifier');
  if (spec.type !== '' && spec.type !== 's') raise('ValueError', `Unknown format code '${spec.type}' for object of type 'str'`);
  if (spec.align === '=') raise('ValueError', "'=' alignment not allowed in string format specifier");
  if (spec.grouping !== '') raise('ValueError', `Cannot specify '${spec.grouping}' with 's'.`);
  const cut = spec.precision === undefined ? text : codePointSlice(text, 0, spec.precision);
  return pad('', cut, spec, '<', rt);
}

const RADIX: { readonly [type: string]: readonly [radix: number, prefix: string] } = { b: [2, '0b'], o: [8, '0o'], x: [16, '0x'], X: [16, '0X'] };

function formatInt(value: bigint, source: string, rt: Runtime): string {
  const spec = parseSpec(source, 'int');
  if (/^[eEfFgG%]$/.test(spec.type)) return formatFloat(Number(value), spec, rt);
  if (spec.precision !== undefined) raise('ValueError', 'Precision not allowed in integer format specifier');
  rt.allocate(spec.width * (spec.grouping === '' ? 1 : 4));
  const magnitude = value < 0n ? -value : value;
  if (spec.type === 'c') {
    if (value < 0n || value > 0x10ffffn) raise('OverflowError', '%c arg not in range(0x110000)');
    return pad('', String.fromCodePoint(Number(value)), spec, '<', rt);
  }
  const radix = RADIX[spec.type];
  if (radix === undefined && spec.type !== '' && spec.type !== 'd' && spec.type !== 'n') {
    raise('ValueError', `Unknown format code '${spec.type}' for object of type 'int'`);
  }
  const digits = radix === undefined ? intText(magnitude) : magnitude.toString(radix[0]);
  const grouped = grouping(spec.type === 'X' ? digits.toUpperCase() : digits, spec, radix === undefined ? 3 : 4, 0);
  return pad(signOf(value < 0n, spec) + (spec.alternate && radix !== undefined ? radix[1] : ''), grouped, spec, '>', rt);
}

function formatFloat(value: number, spec: Spec, rt: Runtime): string {
  if (spec.type !== '' && !/^[eEfFgGn%]$/.test(spec.type)) raise('ValueError', `Unknown format code '${spec.type}' for object of type 'float'`);
  const negative = value < 0 || Object.is(value, -0);
  rt.allocate((spec.precision ?? 0) + spec.width);
  const body = floatBody(Math.abs(value), spec);
  const point = /^\d+/.exec(body)?.[0].length ?? 0;
  const grouped = point === 0 ? body : grouping(body.slice(0, point), spec, 3, body.length - point) + body.slice(point);
  return pad(signOf(negative, spec), grouped, spec, '>', rt);
}

function floatBody(value: number, { type, precision, alternate }: Spec): string {
  if (!Number.isFinite(value)) {
    const name = Number.isNaN(value) ? 'nan' : 'inf';
    return type === '%' ? `${name}%` : /[EFG]/.test(type) ? name.toUpperCase() : name;
  }
  switch (type) {
    case 'f':
    case 'F':
      return fixed(value, precision ?? 6, alternate);
    case '%':
      return `${fixed(value * 100, precision ?? 6, alternate)}%`;
    case 'e':
    case 'E':
      return exponential(value, precision ?? 6, alternate, type);
    case '':
      return precision === undefined ? floatText(value) : general(value, precision, alternate, 'e', true);
    default:
      return general(value, precision ?? 6, alternate, type === 'G' ? 'E' : 'e', false);
  }
}

const fixed = (value: number, precision: number, alternate: boolean): string => exactFixed(value, precision) + (alternate && precision === 0 ? '.' : '');

function exponential(value: number, precision: number, alternate: boolean, letter: string): string {
  const { digits, exponent } = significant(value, precision + 1);
  const point = precision > 0 || alternate ? '.' : '';
  return `${digits[0]}${point}${digits.slice(1)}${exponentText(exponent, letter)}`;
}

const exponentText = (exponent: number, letter: string): string => `${letter}${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;

/** So many digits of a value, and the power of ten of the first. */
function significant(value: number, count: number): { readonly digits: string; readonly exponent: number } {
  if (value === 0) return { digits: '0'.repeat(count), exponent: 0 };
  let exponent = Number(value.toExponential().split('e')[1]);
  let digits = exactFixed(value, count - 1 - exponent).replace('.', '').replace(/^0+/, '');
  // Rounding may carry into one digit more.
  const whole = exactFixed(value, count - 1 - exponent).split('.')[0] as string;
  if (exponent >= 0 ? whole.length > exponent + 1 : digits.length > count) exponent += 1;
  digits = digits.padEnd(count, '0').slice(0, count);
  return { digits, exponent };
}

function general(value: number, precision: number, alternate: boolean, letter: string, atLeastOneDecimal: boolean): string {
  const count = Math.max(1, precision);
  const { digits, exponent } = significant(value, count);
  const usesExponent = exponent < -4 || exponent >= count - (atLeastOneDecimal ? 1 : 0);
  if (usesExponent) {
    const fraction = alternate ? digits.slice(1) : digits.slice(1).replace(/0+$/, '');
    return `${digits[0]}${fraction === '' && !alternate ? '' : `.${fraction}`}${exponentText(exponent, letter)}`;
  }
  const plain = exponent < 0 ? `0.${'0'.repeat(-exponent - 1)}${digits}` : `${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
  if (alternate) return plain;
  const trimmed = plain.replace(/0+$/, '').replace(/\.$/, '');
  return atLeastOneDecimal && !trimmed.includes('.') ? `${trimmed}.0` : trimmed;
}

const signOf = (negative: boolean, spec: Spec): string => (negative ? '-' : spec.sign === '-' ? '' : spec.sign);

/** Digits in groups; when padded with zeros, the padding is grouped with them. */
function grouping(digits: string, spec: Spec, size: number, after: number): string {
  if (spec.grouping === '') return digits;
  const grouped = (count: number): number => count + Math.floor((count - 1) / size) + after;
  let count = digits.length;
  if (spec.align === '=' && spec.fill === '0') {
    count = Math.max(count, Math.floor(((spec.width - after) * size) / (size + 1)));
    while (grouped(count) < spec.width) count += 1;
  }
  return group(digits.padStart(count, '0'), size, spec.grouping);
}

function group(digits: string, size: number, separator: string): string {
  const groups: string[] = [];
  for (let end = digits.length; end > 0; end -= size) groups.push(digits.slice(Math.max(0, end - size), end));
  return groups.reverse().join(separator);
}

function pad(prefix: string, body: string, spec: Spec, byDefault: '<' | '>', rt: Runtime): string {
  const missing = spec.width - codePointLength(prefix) - codePointLength(body);
  if (missing <= 0) return prefix + body;
  rt.allocate(missing);
  switch (spec.align === '' ? byDefault : spec.align) {
    case '<':
      return prefix + body + spec.fill.repeat(missing);
    case '>':
      return spec.fill.repeat(missing) + prefix + body;
    case '=':
      return prefix + spec.fill.repeat(missing) + body;
    case '^': {
      const left = Math.floor(missing / 2);
      return spec.fill.repeat(left) + prefix + body + spec.fill.repeat(missing - left);
    }
  }
}

/** A float or an int by a `%` conversion: `e f g` and their capitals. */
export const formatConversion = (value: Value, type: string, options: Omit<Spec, 'type' | 'grouping'>, rt: Runtime): string =>
  formatFloat(toFloatValue(value), { ...options, grouping: '', type }, rt);

/** An int by a `%` conversion: `d o x X`; a precision is the least number of digits. */
export function formatIntConversion(value: bigint, type: string, options: Omit<Spec, 'type' | 'grouping'>, rt: Runtime): string {
  const magnitude = value < 0n ? -value : value;
  const radix = RADIX[type];
  const digits = (radix === undefined ? intText(magnitude) : magnitude.toString(radix[0])).padStart(options.precision ?? 0, '0');
  const prefix = signOf(value < 0n, { ...options, grouping: '', type }) + (options.alternate && radix !== undefined ? radix[1] : '');
  return pad(prefix, type === 'X' ? digits.toUpperCase() : digits, { ...options, grouping: '', type }, '>', rt);
}

/** Text by a `%` conversion. */
export const formatTextConversion = (text: string, options: Omit<Spec, 'type' | 'grouping'>, rt: Runtime): string =>
  pad('', options.precision === undefined ? text : codePointSlice(text, 0, options.precision), { ...options, grouping: '', type: 's' }, '>', rt);
