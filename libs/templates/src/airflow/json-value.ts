import type { Json } from '../lookup.ts';
import { PyDict } from '../value/dict.ts';
import { PyList } from '../value/sequence.ts';
import type { Value } from '../value/value.ts';

/** JSON as Python reads it, but for a number without a fraction, which is an int: JSON from JavaScript has no other way to say so. */
export function fromJson(json: Json): Value {
  if (json === null || typeof json === 'boolean' || typeof json === 'string') return json;
  if (typeof json === 'number') return Number.isInteger(json) ? BigInt(json) : json;
  if (Array.isArray(json)) return new PyList(json.map((item: Json) => fromJson(item)));
  return PyDict.ofText(Object.entries(json).map(([key, value]) => [key, fromJson(value as Json)] as const));
}
