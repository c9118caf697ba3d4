import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import type { Arguments } from './arguments.ts';
import { MethodTable } from './function.ts';
import { equals, hashKey, iterate } from './operator.ts';
import { PyTuple } from './sequence.ts';
import type { Value } from './value.ts';
import { PyObject, typeName } from './value.ts';

/** A dict: keys in the order they were put in, 1, 1.0 and True one key. */
export class PyDict extends PyObject {
  override readonly typeName = 'dict';
  private readonly entries = new Map<string, readonly [Value, Value]>();

  static ofText(entries: Iterable<readonly [string, Value]>): PyDict {
    const dict = new PyDict();
    for (const [key, value] of entries) dict.entries.set(`s${key}`, [key, value]);
    return dict;
  }

  get(key: Value, rt: Runtime): Value | undefined {
    return this.entries.get(hashKey(key, rt))?.[1];
  }

  /** Of a key that is text. */
  getText(key: string): Value | undefined {
    return this.entries.get(`s${key}`)?.[1];
  }

  set(key: Value, value: Value, rt: Runtime): void {
    rt.allocate(1);
    const hash = hashKey(key, rt);
    this.entries.set(hash, [this.entries.get(hash)?.[0] ?? key, value]);
  }

  delete(key: Value, rt: Runtime): Value | undefined {
    const hash = hashKey(key, rt);
    const found = this.entries.get(hash);
    this.entries.delete(hash);
    return found?.[1];
  }

  clear(): void {
    this.entries.clear();
  }

  pairs(): IterableIterator<readonly [Value, Value]> {
    return this.entries.values();
  }

  override repr(rt: Runtime): string {
    return rt.printedOnce(this, '{...}', () => `{${[...this.pairs()].map(([key, value]) => `${rt.repr(key)}: ${rt.repr(value)}`).join(', ')}}`);
  }

  override length(): number {
    return this.entries.size;
  }

  override *iterate(): Generator<Value, void, undefined> {
    const { size } = this.entries;
    for (const [key] of this.entries.values()) {
      yield key;
      if (this.entries.size !== size) raise('RuntimeError', 'dictionary changed size during iteration');
    }
  }

  override reversed(): Iterator<Value, unknown, undefined> {
    return [...this.pairs()].map(([key]) => key).reverse().values();
  }

  override item(key: Value, rt: Runtime): Value {
    const found = this.get(key, rt);
    return found === undefined ? raise('KeyError', rt.repr(key)) : found;
  }

  override contains(key: Value, rt: Runtime): boolean {
    return this.entries.has(hashKey(key, rt));
  }

  override equals(other: Value, rt: Runtime): boolean {
    if (this === other) return true;
    if (!(other instanceof PyDict) || other.entries.size !== this.entries.size) return false;
    for (const [hash, [, value]] of this.entries) {
      const theirs = other.entries.get(hash);
      if (theirs === undefined || (theirs[1] !== value && !equals(value, theirs[1], rt))) return false;
    }
    return true;
  }

  override hashKey(): undefined {
    return undefined;
  }

  override attribute(name: string): Value | undefined {
    return DICT_METHODS.bound(this, name);
  }
}

/** `dict(…)`, and what `update` and `namespace` take: a mapping or pairs, then names. */
export function fillDict(dict: PyDict, { positional, named }: Arguments, rt: Runtime): PyDict {
  if (positional.length > 1) raise('TypeError', `dict expected at most 1 argument, got ${positional.length}`);
  const [source] = positional;
  if (source instanceof PyDict) for (const [key, value] of source.pairs()) dict.set(key, value, rt);
  else if (source !== undefined) {
    let at = 0;
    for (const element of iterate(source, rt)) {
      const pair = [...iterate(element, rt)];
      if (pair.length !== 2) raise('ValueError', `dictionary update sequence element #${at} has length ${pair.length}; 2 is required`);
      dict.set(pair[0] as Value, pair[1] as Value, rt);
      at += 1;
    }
  }
  for (const [key, value] of named) dict.set(key, value, rt);
  return dict;
}

type ViewKind = 'dict_keys' | 'dict_values' | 'dict_items';

/** `keys()`, `values()` or `items()`: what the dict holds at the time it is looked at. */
class DictView extends PyObject {
  override readonly typeName: ViewKind;
  private readonly dict: PyDict;

  constructor(typeName: ViewKind, dict: PyDict) {
    super();
    this.typeName = typeName;
    this.dict = dict;
  }

  override repr(rt: Runtime): string {
    return rt.printedOnce(this, '...', () => `${this.typeName}([${[...this.elements()].map((element) => rt.repr(element)).join(', ')}])`);
  }

  override length(): number {
    return this.dict.length();
  }

  override *iterate(): Generator<Value, void, undefined> {
    yield* this.elements();
  }

  override reversed(): Iterator<Value, unknown, undefined> {
    return [...this.elements()].reverse().values();
  }

  override contains(item: Value, rt: Runtime): boolean {
    if (this.typeName === 'dict_keys') return this.dict.contains(item, rt);
    for (const element of this.elements()) if (element === item || equals(element, item, rt)) return true;
    return false;
  }

  override hashKey(): string | undefined {
    return undefined;
  }

  private *elements(): Generator<Value, void, undefined> {
    for (const [key, value] of this.dict.pairs()) {
      yield this.typeName === 'dict_keys' ? key : this.typeName === 'dict_values' ? value : new PyTuple([key, value]);
    }
  }
}

const DICT_METHODS = new MethodTable<PyDict>({
  keys: ['', (dict) => new DictView('dict_keys', dict)],
  values: ['', (dict) => new DictView('dict_values', dict)],
  items: ['', (dict) => new DictView('dict_items', dict)],
  get: ['key default? /', (dict, [key, otherwise = null], rt) => {
    const found = dict.get(key as Value, rt);
    return found === undefined ? otherwise : found;
  }],
  setdefault: ['key default? /', (dict, [key, otherwise = null], rt) => {
    const found = dict.get(key as Value, rt);
    if (found !== undefined) return found;
    dict.set(key as Value, otherwise, rt);
    return otherwise;
  }],
  pop: ['key default? /', (dict, [key, otherwise], rt) => {
    const found = dict.delete(key as Value, rt);
    if (found !== undefined) return found;
    return otherwise === undefined ? raise('KeyError', rt.repr(key as Value)) : otherwise;
  }],
  popitem: ['', (dict, _, rt) => {
    const last = [...dict.pairs()].at(-1) ?? raise('KeyError', "'popitem(): dictionary is empty'");
    dict.delete(last[0], rt);
    return new PyTuple([...last]);
  }],
  clear: ['', (dict) => {
    dict.clear();
    return null;
  }],
  copy: ['', (dict, _, rt) => fillDict(new PyDict(), { positional: [dict], named: new Map() }, rt)],
}).with('update', (dict, args, rt) => {
  fillDict(dict, args, rt);
  return null;
});

export function mappingOf(value: Value): PyDict {
  return value instanceof PyDict ? value : raise('TypeError', `argument after ** must be a mapping, not ${typeName(value)}`);
}
