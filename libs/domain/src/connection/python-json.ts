import type { Json } from '../json.ts';

/** JSON as Python's `json.dumps` writes it: a blank after `,` and `:`, ASCII only, keys in their order. */
export function pythonJson(value: Json): string {
  if (value === null || typeof value !== 'object') return ascii(JSON.stringify(value));
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  return `{${Object.entries(value).map(([key, item]) => `${ascii(JSON.stringify(key))}: ${pythonJson(item as Json)}`).join(', ')}}`;
}

const ascii = (text: string): string => text.replace(/[^\x00-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** A number as Python writes what it read from this text: an int of any size stays as it is, a float keeps its point. */
export function pythonNumber(text: string, value: number): string {
  if (!/[.eE]/.test(text)) return text === '-0' ? '0' : text;
  if (Number.isInteger(value) && Math.abs(value) < 1e16) return `${Object.is(value, -0) ? '-0' : value}.0`;
  const [mantissa, exponent] = (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e16 ? value.toExponential() : String(value)).split('e');
  return exponent === undefined ? (mantissa as string) : `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
}
