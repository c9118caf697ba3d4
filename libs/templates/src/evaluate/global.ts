import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import type { Arguments } from '../value/arguments.ts';
import { fillDict, PyDict } from '../value/dict.ts';
import { fn, NativeFunction } from '../value/function.ts';
import { PyRange } from '../value/sequence.ts';
import type { Value } from '../value/value.ts';
import { indexOf, isText, textOf } from '../value/value.ts';
import { Cycler, Joiner, Namespace } from './loop.ts';
import { Scope } from './scope.ts';

function range({ positional, named }: Arguments, rt: Runtime): Value {
  if (named.size > 0) raise('TypeError', 'range() takes no keyword arguments');
  if (positional.length === 0 || positional.length > 3) raise('TypeError', `range expected 1 to 3 arguments, got ${positional.length}`);
  const numbers = positional.map((value) => BigInt(indexOf(value)));
  const [first = 0n, second, step = 1n] = numbers;
  const made = second === undefined ? new PyRange(0n, first, 1n) : new PyRange(first, second, step);
  if (made.length() > rt.limits.maxRange) {
    raise('OverflowError', `Range too big. The sandbox blocks ranges larger than MAX_RANGE (${rt.limits.maxRange}).`);
  }
  return made;
}

function namespace(args: Arguments, rt: Runtime): Value {
  const names = [...fillDict(new PyDict(), args, rt).pairs()].map(([name, value]) => [isText(name) ? textOf(name) : rt.str(name), value] as const);
  return new Namespace(names);
}

/** What every Jinja template has, but `lipsum`, which is random. */
export const JINJA_GLOBALS: Scope = new Scope(undefined, [
  ['range', new NativeFunction('range', range)],
  ['dict', new NativeFunction('dict', (args, rt) => fillDict(new PyDict(), args, rt))],
  ['namespace', new NativeFunction('namespace', namespace)],
  ['cycler', new NativeFunction('cycler', ({ positional }) => new Cycler(positional))],
  ['joiner', fn('joiner', 'sep?', ([separator = ', ']) => new Joiner(separator))],
]);
