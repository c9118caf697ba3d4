import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import type { Arguments } from './arguments.ts';
import { MethodTable } from './function.ts';
import type { BinaryOperator } from './operator.ts';
import { equals, hashKey, iterate, order, sorted } from './operator.ts';
import { codePointLength, codePoints } from './text.ts';
import type { Value } from './value.ts';
import { indexOf, intOf, isInt, isText, PyObject, textOf, typeName, Undefined } from './value.ts';

/** `start:stop:step` between brackets. */
export class Slice extends PyObject {
  override readonly typeName = 'slice';
  private readonly start: Value;
  private readonly stop: Value;
  private readonly step: Value;

  constructor(start: Value, stop: Value, step: Value) {
    super();
    this.start = start;
    this.stop = stop;
    this.step = step;
  }

  override repr(rt: Runtime): string {
    return `slice(${rt.repr(this.start)}, ${rt.repr(this.stop)}, ${rt.repr(this.step)})`;
  }

  override hashKey(): undefined {
    return undefined;
  }

  /** The positions it selects of a sequence of this length. */
  positions(length: number): number[] {
    const { start, stop, step } = this.bounds(length);
    const positions: number[] = [];
    for (let at = start; step > 0 ? at < stop : at > stop; at += step) positions.push(at);
    return positions;
  }

  /** Where it begins, ends and how it steps in a sequence of this length. */
  bounds(length: number): { readonly start: number; readonly stop: number; readonly step: number } {
    const step = sliceIndex(this.step) ?? 1;
    if (step === 0) raise('ValueError', 'slice step cannot be zero');
    const [lowest, highest] = step > 0 ? [0, length] : [-1, length - 1];
    const clamp = (value: Value, absent: number): number => {
      const index = sliceIndex(value);
      if (index === undefined) return absent;
      return Math.max(lowest, Math.min(highest, index < 0 ? index + length : index));
    };
    return { start: clamp(this.start, step > 0 ? lowest : highest), stop: clamp(this.stop, step > 0 ? highest : lowest), step };
  }
}

function sliceIndex(value: Value): number | undefined {
  if (value === null) return undefined;
  if (value instanceof Undefined) raise('TypeError', 'slice indices must be integers or None or have an __index__ method');
  if (!isInt(value)) raise('TypeError', 'slice indices must be integers or None or have an __index__ method');
  return Number(intOf(value));
}

/** The element of a sequence at a position that may count from the end; IndexError outside. */
function position(key: Value, length: number, type: string): number {
  if (!isInt(key)) raise('TypeError', `${type} indices must be integers or slices, not ${typeName(key)}`);
  const index = Number(intOf(key));
  const at = index < 0 ? index + length : index;
  if (at < 0 || at >= length) raise('IndexError', `${type} index out of range`);
  return at;
}

export function textItem(text: string, key: Value): string {
  const points = codePoints(text);
  if (key instanceof Slice) return key.positions(points.length).map((at) => points[at]).join('');
  if (!isInt(key)) raise('TypeError', `string indices must be integers, not '${typeName(key)}'`);
  return points[position(key, points.length, 'string')] as string;
}

/** What lists and tuples have in common. */
abstract class PySequence extends PyObject {
  readonly items: Value[];

  constructor(items: Value[]) {
    super();
    this.items = items;
  }

  protected abstract make(items: Value[]): PySequence;

  override length(): number {
    return this.items.length;
  }

  override *iterate(): Generator<Value, void, undefined> {
    // A list that grows while it is gone through is gone through to its new end, as in Python.
    for (let at = 0; at < this.items.length; at++) yield this.items[at] as Value;
  }

  override *reversed(): Generator<Value, void, undefined> {
    for (let at = this.items.length - 1; at >= 0; at--) yield this.items[at] as Value;
  }

  override item(key: Value, rt: Runtime): Value {
    if (!(key instanceof Slice)) return this.items[position(key, this.items.length, this.typeName)] as Value;
    const positions = key.positions(this.items.length);
    rt.allocate(positions.length);
    return this.make(positions.map((at) => this.items[at] as Value));
  }

  override equals(other: Value, rt: Runtime): boolean {
    if (this === other) return true;
    if (!(other instanceof PySequence) || other.typeName !== this.typeName || other.items.length !== this.items.length) return false;
    return this.items.every((item, at) => item === other.items[at] || equals(item, other.items[at] as Value, rt));
  }

  override compare(other: Value, rt: Runtime): number | undefined {
    if (!(other instanceof PySequence) || other.typeName !== this.typeName) return undefined;
    for (let at = 0; at < this.items.length && at < other.items.length; at++) {
      const [left, right] = [this.items[at] as Value, other.items[at] as Value];
      if (left !== right && !equals(left, right, rt)) return order('<', left, right, rt);
    }
    return this.items.length - other.items.length;
  }

  override binary(operator: BinaryOperator, other: Value, reflected: boolean, rt: Runtime): Value | undefined {
    if (operator === '*' && isInt(other)) {
      const times = Math.max(0, indexOf(other));
      rt.allocate(this.items.length * times);
      return this.make(Array.from({ length: times }, () => this.items).flat());
    }
    if (operator !== '+' || reflected) return undefined;
    if (!(other instanceof PySequence) || other.typeName !== this.typeName) {
      raise('TypeError', `can only concatenate ${this.typeName} (not "${typeName(other)}") to ${this.typeName}`);
    }
    rt.allocate(this.items.length + other.items.length);
    return this.make([...this.items, ...other.items]);
  }

  protected count(wanted: Value, rt: Runtime): bigint {
    return BigInt(this.items.filter((item) => item === wanted || equals(item, wanted, rt)).length);
  }

  protected find(wanted: Value, rt: Runtime): number {
    return this.items.findIndex((item) => item === wanted || equals(item, wanted, rt));
  }

  static methods = {
    count: ['value /', (self: PySequence, [value]: (Value | undefined)[], rt: Runtime) => self.count(value as Value, rt)],
    index: ['value start? stop? /', (self: PySequence, [value]: (Value | undefined)[], rt: Runtime) => {
      const at = self.find(value as Value, rt);
      return at < 0 ? raise('ValueError', `${rt.repr(value as Value)} is not in ${self.typeName}`) : BigInt(at);
    }],
  } as const;
}


const reprs = (items: readonly Value[], rt: Runtime): string => items.map((item) => rt.repr(item)).join(', ');

export class PyTuple extends PySequence {
  override readonly typeName: string = 'tuple';

  override repr(rt: Runtime): string {
    return rt.printedOnce(this, '(...)', () => (this.items.length === 1 ? `(${reprs(this.items, rt)},)` : `(${reprs(this.items, rt)})`));
  }

  override hashKey(rt: Runtime): string {
    return `t(${this.items.map((item) => hashKey(item, rt)).map((key) => `${key.length}:${key}`).join(',')})`;
  }

  override attribute(name: string): Value | undefined {
    return TUPLE_METHODS.bound(this, name);
  }

  protected override make(items: Value[]): PyTuple {
    return new PyTuple(items);
  }
}

const TUPLE_METHODS = new MethodTable<PyTuple>(PySequence.methods);

export class PyList extends PySequence {
  override readonly typeName = 'list';

  override repr(rt: Runtime): string {
    return rt.printedOnce(this, '[...]', () => `[${reprs(this.items, rt)}]`);
  }

  override hashKey(): undefined {
    return undefined;
  }

  override attribute(name: string): Value | undefined {
    return LIST_METHODS.bound(this, name);
  }

  protected override make(items: Value[]): PyList {
    return new PyList(items);
  }
}

const LIST_METHODS = new MethodTable<PyList>({
  ...PySequence.methods,
  append: ['object /', (list, [object], rt) => {
    rt.allocate(1);
    list.items.push(object as Value);
    return null;
  }],
  extend: ['iterable /', (list, [iterable], rt) => {
    list.items.push(...iterate(iterable as Value, rt));
    return null;
  }],
  insert: ['index object /', (list, [index, object], rt) => {
    rt.allocate(1);
    list.items.splice(indexOf(index as Value), 0, object as Value);
    return null;
  }],
  pop: ['index? /', (list, [index]) => {
    if (list.items.length === 0) raise('IndexError', 'pop from empty list');
    const [removed] = list.items.splice(position(index ?? -1n, list.items.length, 'pop'), 1);
    return removed as Value;
  }],
  remove: ['value /', (list, [value], rt) => {
    const at = list.items.findIndex((item) => item === value || equals(item, value as Value, rt));
    if (at < 0) raise('ValueError', 'list.remove(x): x not in list');
    list.items.splice(at, 1);
    return null;
  }],
  clear: ['', (list) => {
    list.items.length = 0;
    return null;
  }],
  copy: ['', (list, _, rt) => {
    rt.allocate(list.items.length);
    return new PyList([...list.items]);
  }],
  reverse: ['', (list) => {
    list.items.reverse();
    return null;
  }],
  sort: ['* key? reverse?', (list, [key, reverse], rt) => {
    const keyOf = (item: Value): Value => (key === undefined || key === null ? item : call(key, item, rt));
    const result = sorted(list.items, keyOf, reverse === true, rt);
    list.items.splice(0, list.items.length, ...result);
    return null;
  }],
});

function call(callable: Value, argument: Value, rt: Runtime): Value {
  const args: Arguments = { positional: [argument], named: new Map() };
  const result = callable instanceof PyObject ? callable.call?.(args, rt) : undefined;
  return result === undefined ? raise('TypeError', `'${typeName(callable)}' object is not callable`) : result;
}

/** `range(…)`; its length is limited where it is made. */
export class PyRange extends PyObject {
  override readonly typeName = 'range';
  readonly start: bigint;
  readonly step: bigint;
  private readonly stop: bigint;
  private readonly count: number;

  constructor(start: bigint, stop: bigint, step: bigint) {
    super();
    if (step === 0n) raise('ValueError', 'range() arg 3 must not be zero');
    this.start = start;
    this.stop = stop;
    this.step = step;
    const span = step > 0n ? stop - start : start - stop;
    const size = step > 0n ? step : -step;
    this.count = span <= 0n ? 0 : Number((span + size - 1n) / size);
  }

  override repr(): string {
    return this.step === 1n ? `range(${this.start}, ${this.stop})` : `range(${this.start}, ${this.stop}, ${this.step})`;
  }

  override length(): number {
    return this.count;
  }

  override *iterate(): Generator<Value, void, undefined> {
    for (let at = 0; at < this.count; at++) yield this.at(at);
  }

  override *reversed(): Generator<Value, void, undefined> {
    for (let at = this.count - 1; at >= 0; at--) yield this.at(at);
  }

  override item(key: Value): Value {
    if (!(key instanceof Slice)) return this.at(position(key, this.count, 'range object'));
    const { start, stop, step } = key.bounds(this.count);
    return new PyRange(this.at(start), this.at(stop), this.step * BigInt(step));
  }

  override equals(other: Value): boolean {
    if (!(other instanceof PyRange) || other.count !== this.count) return false;
    return this.count === 0 || (this.start === other.start && (this.count === 1 || this.step === other.step));
  }

  override attribute(name: string): Value | undefined {
    if (name === 'start') return this.start;
    if (name === 'stop') return this.stop;
    return name === 'step' ? this.step : RANGE_METHODS.bound(this, name);
  }

  private at(index: number): bigint {
    return this.start + BigInt(index) * this.step;
  }
}

const RANGE_METHODS = new MethodTable<PyRange>({
  index: ['value /', (self, [value], rt) => {
    const at = [...self.iterate()].findIndex((item) => equals(item, value as Value, rt));
    return at < 0 ? raise('ValueError', `${rt.repr(value as Value)} is not in range`) : BigInt(at);
  }],
  count: ['value /', (self, [value], rt) => BigInt([...self.iterate()].filter((item) => equals(item, value as Value, rt)).length)],
});

/** A generator or iterator: gone through once. */
export class PyIterator extends PyObject {
  override readonly typeName: string;
  private readonly iterator: Iterator<Value, unknown, undefined>;

  constructor(iterator: Iterator<Value, unknown, undefined>, typeName = 'generator') {
    super();
    this.iterator = iterator;
    this.typeName = typeName;
  }

  override repr(): string {
    return `<${this.typeName} object>`;
  }

  override iterate(): Iterator<Value, unknown, undefined> {
    return this.iterator;
  }
}

export const list = (items: Iterable<Value>): PyList => new PyList([...items]);

/** `len(value)`. */
export function lengthOf(value: Value, rt: Runtime): number {
  if (isText(value)) return codePointLength(textOf(value));
  const length = value instanceof PyObject ? value.length?.(rt) : undefined;
  return length ?? raise('TypeError', `object of type '${typeName(value)}' has no len()`);
}

/** `reversed(value)`; undefined when Python refuses. */
export function reversedOf(value: Value, rt: Runtime): Iterator<Value, unknown, undefined> | undefined {
  if (isText(value)) return codePoints(textOf(value)).reverse().values();
  return value instanceof PyObject ? value.reversed?.(rt) : undefined;
}
