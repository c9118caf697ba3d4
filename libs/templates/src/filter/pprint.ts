import type { Runtime } from '../runtime.ts';
import { PyDict } from '../value/dict.ts';
import { PyList, PyTuple } from '../value/sequence.ts';
import { codePointLength } from '../value/text.ts';
import type { Value } from '../value/value.ts';
import { sorted } from '../value/operator.ts';

const WIDTH = 80;

/** `pprint.pformat`: what does not fit on a line is broken by element; dicts come sorted by key. */
export const pprint = (value: Value, rt: Runtime): string => print(value, 0, 0, rt);

function print(value: Value, indent: number, after: number, rt: Runtime): string {
  const flat = flatten(value, rt);
  if (codePointLength(flat) <= WIDTH - indent - after) return flat;
  if (value instanceof PyDict) {
    const entries = sortedPairs(value, rt).map(([key, item], at, all) => {
      const name = `${flatten(key, rt)}: `;
      return name + print(item, indent + 1 + codePointLength(name), at === all.length - 1 ? after + 1 : 1, rt);
    });
    return `{${entries.join(`,\n${' '.repeat(indent + 1)}`)}}`;
  }
  if (value instanceof PyList || value instanceof PyTuple) {
    const [open, close] = value instanceof PyList ? ['[', ']'] : ['(', value.items.length === 1 ? ',)' : ')'];
    const items = value.items.map((item, at, all) => print(item, indent + 1, at === all.length - 1 ? after + close.length : 1, rt));
    return `${open}${items.join(`,\n${' '.repeat(indent + 1)}`)}${close}`;
  }
  return flat;
}

function flatten(value: Value, rt: Runtime): string {
  if (value instanceof PyDict) return `{${sortedPairs(value, rt).map(([key, item]) => `${flatten(key, rt)}: ${flatten(item, rt)}`).join(', ')}}`;
  if (value instanceof PyList) return `[${value.items.map((item) => flatten(item, rt)).join(', ')}]`;
  return rt.repr(value);
}

/** By key where keys have an order, and else as they come. */
function sortedPairs(dict: PyDict, rt: Runtime): (readonly [Value, Value])[] {
  const pairs = [...dict.pairs()];
  if (!pairs.every(([key]) => typeof key === typeof pairs[0]?.[0] && key !== null)) return pairs;
  return sorted(pairs.map((pair) => new PyTuple([...pair])), (pair) => (pair as PyTuple).items[0] as Value, false, rt).map((pair) => (pair as PyTuple).items as [Value, Value]);
}
