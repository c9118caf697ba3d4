import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import { quoteText } from './text.ts';
import type { Value } from './value.ts';

export function strOf(value: Value, rt: Runtime): string {
  if (typeof value === 'string') return value;
  return typeof value === 'object' && value !== null ? value.str(rt) : reprOf(value, rt);
}

export function reprOf(value: Value, rt: Runtime): string {
  switch (typeof value) {
    case 'string':
      rt.allocate(value.length);
      return quoteText(value);
    case 'boolean':
      return value ? 'True' : 'False';
    case 'bigint':
      return intText(value);
    case 'number':
      return floatText(value);
    case 'object':
      return value === null ? 'None' : value.repr(rt);
  }
}

/** Python refuses to write an int of more than 4,300 digits. */
const MAX_DIGITS = 4300;
const LARGEST_INT = 10n ** BigInt(MAX_DIGITS);

export function intText(value: bigint): string {
  if (value >= LARGEST_INT || value <= -LARGEST_INT) raise('ValueError', `Exceeds the limit (${MAX_DIGITS} digits) for integer string conversion`);
  return value.toString();
}

/** The shortest text that reads as the same float, in Python's notation. */
export function floatText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const [mantissa, exponentText] = value.toExponential().split('e') as [string, string];
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16) return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  const plain = String(value);
  return plain.includes('.') ? plain : `${plain}.0`;
}
