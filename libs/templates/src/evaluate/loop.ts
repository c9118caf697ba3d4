import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import type { Arguments } from '../value/arguments.ts';
import { fn, NativeFunction } from '../value/function.ts';
import { equals } from '../value/operator.ts';
import { lengthOf, PyTuple } from '../value/sequence.ts';
import type { Value } from '../value/value.ts';
import { PyObject, Undefined } from '../value/value.ts';

/** The `loop` of a loop's body. It looks one element ahead when asked for the last or the next one, and to the end for the length. */
export class Loop extends PyObject {
  override readonly typeName = 'LoopContext';
  private readonly iterable: Value;
  private readonly recurse: ((over: Value, depth: number) => Value) | undefined;
  private readonly depth: number;
  private iterator: Iterator<Value, unknown, undefined>;
  private index0 = -1;
  private total: number | undefined;
  /** Read ahead, not yet current; null when the end was seen. */
  private ahead: { readonly value: Value } | null | undefined;
  private before: Value | undefined;
  private current: Value | undefined;
  private changed: Value | undefined;

  constructor(iterable: Value, iterator: Iterator<Value, unknown, undefined>, depth: number, recurse: ((over: Value, depth: number) => Value) | undefined) {
    super();
    this.iterable = iterable;
    this.iterator = iterator;
    this.depth = depth;
    this.recurse = recurse;
  }

  /** Steps to the next element; undefined at the end. */
  advance(): { readonly value: Value } | undefined {
    const next = this.peek();
    this.ahead = undefined;
    if (next === null) return undefined;
    this.index0 += 1;
    this.before = this.current;
    this.current = next.value;
    return next;
  }

  override repr(rt: Runtime): string {
    return `<LoopContext ${this.index0 + 1}/${this.length(rt)}>`;
  }

  override length(rt: Runtime): number {
    if (this.total !== undefined) return this.total;
    if (this.iterable instanceof PyObject && this.iterable.length === undefined) {
      const rest: Value[] = [];
      for (let next = this.iterator.next(); next.done !== true; next = this.iterator.next()) rest.push(next.value);
      rt.allocate(rest.length);
      this.iterator = rest.values();
      this.total = rest.length + this.index0 + 1 + (this.ahead ? 1 : 0);
    } else this.total = lengthOf(this.iterable, rt);
    return this.total;
  }

  override call({ positional }: Arguments): Value {
    if (this.recurse === undefined) raise('TypeError', "The loop must have the 'recursive' marker to be called recursively.");
    return this.recurse(positional[0] ?? null, this.depth + 1);
  }

  override attribute(name: string, rt: Runtime): Value | undefined {
    switch (name) {
      case 'index':
        return BigInt(this.index0 + 1);
      case 'index0':
        return BigInt(this.index0);
      case 'revindex':
        return BigInt(this.length(rt) - this.index0);
      case 'revindex0':
        return BigInt(this.length(rt) - this.index0 - 1);
      case 'first':
        return this.index0 === 0;
      case 'last':
        return this.peek() === null;
      case 'length':
        return BigInt(this.length(rt));
      case 'depth':
        return BigInt(this.depth + 1);
      case 'depth0':
        return BigInt(this.depth);
      case 'previtem':
        return this.before ?? (this.index0 > 0 ? null : new Undefined('there is no previous item'));
      case 'nextitem': {
        const next = this.peek();
        return next === null ? new Undefined('there is no next item') : next.value;
      }
      case 'cycle':
        return new NativeFunction('cycle', ({ positional }) => {
          if (positional.length === 0) raise('TypeError', 'no items for cycling given');
          return positional[this.index0 % positional.length] as Value;
        });
      case 'changed':
        return new NativeFunction('changed', ({ positional }) => {
          const value = new PyTuple([...positional]);
          const same = this.changed !== undefined && equals(this.changed, value, rt);
          this.changed = value;
          return !same;
        });
      default:
        return undefined;
    }
  }

  private peek(): { readonly value: Value } | null {
    if (this.ahead === undefined) {
      const next = this.iterator.next();
      this.ahead = next.done === true ? null : { value: next.value };
    }
    return this.ahead;
  }
}

/** `cycler(…)`. */
export class Cycler extends PyObject {
  override readonly typeName = 'Cycler';
  private readonly items: readonly Value[];
  private position = 0;

  constructor(items: readonly Value[]) {
    super();
    if (items.length === 0) raise('RuntimeError', 'at least one item has to be provided');
    this.items = items;
  }

  override repr(): string {
    return '<jinja2.utils.Cycler object>';
  }

  override attribute(name: string): Value | undefined {
    const current = this.items[this.position] as Value;
    switch (name) {
      case 'current':
        return current;
      case 'items':
        return new PyTuple([...this.items]);
      case 'pos':
        return BigInt(this.position);
      case 'next':
        return fn('next', '', () => {
          const value = this.items[this.position] as Value;
          this.position = (this.position + 1) % this.items.length;
          return value;
        });
      case 'reset':
        return fn('reset', '', () => {
          this.position = 0;
          return null;
        });
      default:
        return undefined;
    }
  }
}

/** `joiner(…)`: nothing the first time it is called, then its separator. */
export class Joiner extends PyObject {
  override readonly typeName = 'Joiner';
  private readonly separator: Value;
  private used = false;

  constructor(separator: Value) {
    super();
    this.separator = separator;
  }

  override repr(): string {
    return '<jinja2.utils.Joiner object>';
  }

  override call(): Value {
    const first = !this.used;
    this.used = true;
    return first ? '' : this.separator;
  }

  override attribute(name: string): Value | undefined {
    if (name === 'sep') return this.separator;
    return name === 'used' ? this.used : undefined;
  }
}

/** `namespace(…)`: the one thing that an inner block can assign to and an outer one read. */
export class Namespace extends PyObject {
  override readonly typeName = 'Namespace';
  private readonly names = new Map<string, Value>();

  constructor(names: Iterable<readonly [string, Value]>) {
    super();
    for (const [name, value] of names) this.names.set(name, value);
  }

  assign(name: string, value: Value): void {
    this.names.set(name, value);
  }

  override repr(rt: Runtime): string {
    return `<Namespace {${[...this.names].map(([name, value]) => `${rt.repr(name)}: ${rt.repr(value)}`).join(', ')}}>`;
  }

  override attribute(name: string): Value | undefined {
    return this.names.get(name);
  }
}
