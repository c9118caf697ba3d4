import { raise } from '../error.ts';
import { isSpace, stripEnd, stripStart } from './text.ts';
import type { Value } from './value.ts';
import { floatOf, intOf, isInt, isNumber, isText, textOf, typeName, Undefined } from './value.ts';

type Real = bigint | boolean | number;
type ArithmeticOperator = '+' | '-' | '*' | '/' | '//' | '%' | '**';

/** Powers and shifts of ints are refused beyond this many bits. */
const MAX_BITS = 1_000_000;

/** Python's arithmetic: int and float stay apart, `/` gives a float, `//` and `%` go towards minus infinity. */
export function arithmetic(operator: ArithmeticOperator, left: Real, right: Real): Value {
  return isInt(left) && isInt(right) ? intArithmetic(operator, intOf(left), intOf(right)) : floatArithmetic(operator, toFloat(left), toFloat(right));
}

function intArithmetic(operator: ArithmeticOperator, left: bigint, right: bigint): Value {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      if (bits(left) + bits(right) > MAX_BITS) raise('LimitError', 'An int grows too large.');
      return left * right;
    case '/':
      if (right === 0n) raise('ZeroDivisionError', 'division by zero');
      return divide(left, right);
    case '//':
      if (right === 0n) raise('ZeroDivisionError', 'integer division or modulo by zero');
      return floorDivide(left, right);
    case '%':
      if (right === 0n) raise('ZeroDivisionError', 'integer modulo by zero');
      return left - floorDivide(left, right) * right;
    case '**':
      if (right < 0n) return left === 0n ? raise('ZeroDivisionError', '0.0 cannot be raised to a negative power') : Number(left) ** Number(right);
      if (bits(left) > 1 && BigInt(bits(left)) * right > MAX_BITS) raise('LimitError', 'An int grows too large.');
      return left ** right;
  }
}

const bits = (value: bigint): number => (value < 0n ? -value : value).toString(16).length * 4;

export const floorDivide = (left: bigint, right: bigint): bigint => {
  const quotient = left / right;
  return left % right !== 0n && left < 0n !== right < 0n ? quotient - 1n : quotient;
};

/** True division of ints, correct also where one of them is too large for a float. */
function divide(left: bigint, right: bigint): number {
  const quotient = Number(left) / Number(right);
  if (Number.isSafeInteger(Number(left)) && Number.isSafeInteger(Number(right))) return quotient;
  const shift = BigInt(Math.max(0, 70 - bits(left) + bits(right)));
  const scaled = Number((left << shift) / right) / 2 ** Number(shift);
  if (!Number.isFinite(scaled)) raise('OverflowError', 'integer division result too large for a float');
  return scaled;
}

function floatArithmetic(operator: ArithmeticOperator, left: number, right: number): number {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      if (right === 0) raise('ZeroDivisionError', 'float division by zero');
      return left / right;
    case '//':
      if (right === 0) raise('ZeroDivisionError', 'float floor division by zero');
      return Math.floor((left - floatModulo(left, right)) / right + 0.5);
    case '%':
      if (right === 0) raise('ZeroDivisionError', 'float modulo');
      return floatModulo(left, right);
    case '**':
      return power(left, right);
  }
}

function floatModulo(left: number, right: number): number {
  const remainder = left % right;
  if (remainder === 0) return right < 0 ? -0 : 0;
  return remainder < 0 === right < 0 ? remainder : remainder + right;
}

function power(left: number, right: number): number {
  if (left === 0 && right < 0) raise('ZeroDivisionError', '0.0 cannot be raised to a negative power');
  if (left < 0 && !Number.isInteger(right)) raise('TypeError', 'complex numbers are not supported in templates');
  // Python defines 1 ** nan as 1, JavaScript as NaN.
  if (left === 1) return 1;
  const result = left ** right;
  if (!Number.isFinite(result) && Number.isFinite(left) && Number.isFinite(right)) raise('OverflowError', "(34, 'Numerical result out of range')");
  return result;
}

function toFloat(value: Real): number {
  const float = floatOf(value);
  if (!Number.isFinite(float) && typeof value === 'bigint') raise('OverflowError', 'int too large to convert to float');
  return float;
}

/** `int(value)`; a text in this base. */
export function toInt(value: Value, base = 10): bigint {
  if (isText(value)) return parseInteger(textOf(value), base);
  if (base !== 10) raise('TypeError', "int() can't convert non-string with explicit base");
  return truncate(value);
}

function truncate(value: Value): bigint {
  if (isInt(value)) return intOf(value);
  if (typeof value === 'number') {
    if (Number.isNaN(value)) raise('ValueError', 'cannot convert float NaN to integer');
    if (!Number.isFinite(value)) raise('OverflowError', 'cannot convert float infinity to integer');
    return BigInt(Math.trunc(value));
  }
  if (value instanceof Undefined) value.fail();
  raise('TypeError', `int() argument must be a string, a bytes-like object or a real number, not '${typeName(value)}'`);
}

const DIGITS = /^[+-]?[0-9a-z]+(?:_[0-9a-z]+)*$/i;
const PREFIX: { readonly [base: number]: RegExp } = { 2: /^([+-]?)0b_?/i, 8: /^([+-]?)0o_?/i, 16: /^([+-]?)0x_?/i };

function parseInteger(text: string, base: number): bigint {
  const invalid = (): never => raise('ValueError', `invalid literal for int() with base ${base}: '${text.slice(0, 200)}'`);
  if (base !== 0 && (base < 2 || base > 36)) raise('ValueError', 'int() base must be >= 2 and <= 36, or 0');
  let digits = asciiDigits(stripStart(stripEnd(text)));
  let radix = base;
  if (base === 0) {
    radix = Number(Object.keys(PREFIX).find((known) => (PREFIX[Number(known)] as RegExp).test(digits)) ?? 10);
    if (radix === 10 && /^[+-]?0[0-9_]*[1-9]/.test(digits)) invalid();
  }
  digits = digits.replace(PREFIX[radix] ?? /^$/, '$1');
  if (!DIGITS.test(digits)) invalid();
  const negative = digits.startsWith('-');
  let magnitude = 0n;
  const plain = digits.replace(/^[+-]/, '').replaceAll('_', '').toLowerCase();
  if (plain.length > 4300) raise('ValueError', 'Exceeds the limit (4300 digits) for integer string conversion');
  for (const char of plain) {
    const digit = Number.parseInt(char, 36);
    if (digit >= radix) invalid();
    magnitude = magnitude * BigInt(radix) + BigInt(digit);
  }
  return negative ? -magnitude : magnitude;
}

/** Digits of other scripts as ASCII ones, which `int()` and `float()` also read. */
const asciiDigits = (text: string): string =>
  /^[\x00-\x7f]*$/.test(text) ? text : text.replace(/\p{Nd}/gu, (digit) => String(decimalValue(digit)));

/** Decimal digits stand in runs of ten that begin at a multiple of their zero. */
function decimalValue(digit: string): number {
  const code = digit.codePointAt(0)!;
  let zero = code;
  while (code - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return code - zero;
}

const FLOAT_TEXT = /^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?$/i;

/** `float(value)`. */
export function toFloatValue(value: Value): number {
  if (isNumber(value)) return toFloat(value);
  if (value instanceof Undefined) value.fail();
  if (!isText(value)) raise('TypeError', `float() argument must be a string or a real number, not '${typeName(value)}'`);
  const text = asciiDigits(stripStart(stripEnd(textOf(value))));
  if (FLOAT_TEXT.test(text)) return Number(text.replaceAll('_', ''));
  const word = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (word === null) raise('ValueError', `could not convert string to float: ${isSpace(text) || text === '' ? "''" : `'${text.slice(0, 200)}'`}`);
  if ((word[2] as string).toLowerCase() === 'nan') return NaN;
  return word[1] === '-' ? -Infinity : Infinity;
}

/** Python's `round`: halves go to the even neighbour, and a decimal is rounded as it is written, not as it is stored. */
export function round(value: Value, digits: number | undefined): Value {
  if (isInt(value)) return digits === undefined || digits >= 0 ? intOf(value) : roundInt(intOf(value), BigInt(Math.min(-digits, 4300)));
  if (typeof value !== 'number') raise('TypeError', `type ${typeName(value)} doesn't define __round__ method`);
  if (digits === undefined) return truncate(roundFloat(value, 0));
  return roundFloat(value, digits);
}

function roundInt(value: bigint, digits: bigint): bigint {
  const unit = 10n ** digits;
  const low = floorDivide(value, unit) * unit;
  const twice = (value - low) * 2n;
  if (twice < unit || (twice === unit && (low / unit) % 2n === 0n)) return low;
  return low + unit;
}

function roundFloat(value: number, digits: number): number {
  if (!Number.isFinite(value) || digits > 323) return value;
  if (digits < -308) return value < 0 ? -0 : 0;
  const rounded = Number(exactFixed(Math.abs(value), digits));
  return value < 0 || Object.is(value, -0) ? -rounded : rounded;
}

/**
 * A float of at least 0 with this many decimals (a negative number: so many zeros before the point), rounded half to
 * even from its exact value, which `toFixed` does not do beyond its own rules for halves.
 */
export function exactFixed(value: number, decimals: number): string {
  // No float has more decimals than that.
  if (decimals > MAX_DECIMALS) return exactFixed(value, MAX_DECIMALS) + '0'.repeat(decimals - MAX_DECIMALS);
  const { mantissa, exponent } = exactParts(value);
  const scale = 10n ** BigInt(Math.abs(decimals));
  const numerator = (decimals >= 0 ? mantissa * scale : mantissa) << BigInt(Math.max(exponent, 0));
  const denominator = (decimals >= 0 ? 1n : scale) << BigInt(Math.max(-exponent, 0));
  let rounded = numerator / denominator;
  const twice = (numerator - rounded * denominator) * 2n;
  if (twice > denominator || (twice === denominator && rounded % 2n === 1n)) rounded += 1n;
  if (decimals <= 0) return (rounded * (decimals < 0 ? scale : 1n)).toString();
  const text = rounded.toString().padStart(decimals + 1, '0');
  return `${text.slice(0, -decimals)}.${text.slice(-decimals)}`;
}

const MAX_DECIMALS = 1074;
const buffer = new DataView(new ArrayBuffer(8));

/** value = mantissa × 2^exponent, exactly. */
function exactParts(value: number): { readonly mantissa: bigint; readonly exponent: number } {
  buffer.setFloat64(0, value);
  const raw = buffer.getBigUint64(0);
  const biased = Number((raw >> 52n) & 0x7ffn);
  const fraction = raw & 0xfffffffffffffn;
  return biased === 0 ? { mantissa: fraction, exponent: -1074 } : { mantissa: fraction | 0x10000000000000n, exponent: biased - 1075 };
}

/** The two ints whose quotient a number is, without a common divisor. */
export function integerRatio(value: bigint | number): readonly [bigint, bigint] {
  if (typeof value === 'bigint') return [value, 1n];
  if (Number.isNaN(value)) raise('ValueError', 'cannot convert NaN to integer ratio');
  if (!Number.isFinite(value)) raise('OverflowError', 'cannot convert Infinity to integer ratio');
  let { mantissa, exponent } = exactParts(Math.abs(value));
  while (exponent < 0 && mantissa % 2n === 0n) [mantissa, exponent] = [mantissa / 2n, exponent + 1];
  const numerator = mantissa << BigInt(Math.max(exponent, 0));
  return [value < 0 ? -numerator : numerator, 1n << BigInt(Math.max(-exponent, 0))];
}

/** `float.hex()`. */
export function floatHex(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  if (value === 0) return `${sign}0x0.0p+0`;
  const { mantissa, exponent } = exactParts(Math.abs(value));
  const digits = mantissa.toString(16).padStart(14, '0');
  const power = exponent + 52;
  return `${sign}0x${digits[0]}.${digits.slice(1)}p${power < 0 ? '' : '+'}${power}`;
}

export function negate(value: Value): Value | undefined {
  if (isInt(value)) return -intOf(value);
  return typeof value === 'number' ? -value : undefined;
}

/** The key that equal numbers share: 1, 1.0 and True are one key of a dict. */
export function numberKey(value: bigint | boolean | number): string {
  if (typeof value === 'number') return Number.isInteger(value) ? `i${BigInt(value)}` : `f${value}`;
  return `i${intOf(value)}`;
}

/** Below, at or above zero; NaN when one of them is. */
export function compareNumbers(left: bigint | boolean | number, right: bigint | boolean | number): number {
  const [a, b] = [typeof left === 'boolean' ? intOf(left) : left, typeof right === 'boolean' ? intOf(right) : right];
  if (Number.isNaN(a) || Number.isNaN(b)) return NaN;
  return a < b ? -1 : a > b ? 1 : 0;
}

