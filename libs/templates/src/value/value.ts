import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import type { Arguments } from './arguments.ts';
import type { BinaryOperator } from './operator.ts';

/**
 * A Python value. `None` is null, int a bigint, float a number, str a string; everything else is an object of ours. No
 * JavaScript object from outside ever becomes a value as it is, so no property of one can be reached by a template.
 */
export type Value = null | boolean | bigint | number | string | PyObject;

/**
 * An object with Python's protocols. Absent methods are absent protocols: no `length` means `len()` raises, no `iterate`
 * that it is no iterable, and so on.
 */
export abstract class PyObject {
  /** The type's name, as errors show it. */
  abstract readonly typeName: string;

  abstract repr(rt: Runtime): string;

  str(rt: Runtime): string {
    return this.repr(rt);
  }

  /** The attribute; undefined when there is none, which Python calls an AttributeError. */
  attribute(_name: string, _rt: Runtime): Value | undefined {
    return undefined;
  }

  truth(rt: Runtime): boolean {
    return this.length === undefined || this.length(rt) > 0;
  }

  equals(other: Value, _rt: Runtime): boolean {
    return this === other;
  }

  /** Its identity as the key of a dict; equal values have equal keys. Undefined: unhashable. */
  hashKey(_rt: Runtime): string | undefined {
    return `o${identity(this)}`;
  }

  length?(rt: Runtime): number;
  iterate?(rt: Runtime): Iterator<Value, unknown, undefined>;
  /** Iterates backwards; only what `reversed()` takes has it. */
  reversed?(rt: Runtime): Iterator<Value, unknown, undefined>;
  /** Raises KeyError, IndexError or TypeError. */
  item?(key: Value, rt: Runtime): Value;
  contains?(item: Value, rt: Runtime): boolean;
  call?(args: Arguments, rt: Runtime): Value;
  /** Below, at or above zero; undefined when the two have no order. */
  compare?(other: Value, rt: Runtime): number | undefined;
  /** Undefined is Python's NotImplemented; `reflected` when this object stands on the right. */
  binary?(operator: BinaryOperator, other: Value, reflected: boolean, rt: Runtime): Value | undefined;
  unary?(operator: '-' | '+' | 'abs', rt: Runtime): Value | undefined;
  /** `format(value, spec)`. */
  format?(spec: string, rt: Runtime): string;
}

let identities = 0;
const identityOf = new WeakMap<PyObject, number>();

function identity(object: PyObject): number {
  const known = identityOf.get(object);
  if (known !== undefined) return known;
  identities += 1;
  identityOf.set(object, identities);
  return identities;
}

/** An undefined name, attribute or element: anything but asking whether it is defined raises, as with StrictUndefined. */
export class Undefined extends PyObject {
  override readonly typeName = 'StrictUndefined';
  private readonly message: string;
  private readonly exception: 'UndefinedError' | 'SecurityError';

  constructor(message: string, exception: 'UndefinedError' | 'SecurityError' = 'UndefinedError') {
    super();
    this.message = message;
    this.exception = exception;
  }

  fail(): never {
    raise(this.exception, this.message);
  }

  override repr(): string {
    return 'Undefined';
  }

  override str(): string {
    return this.fail();
  }

  override attribute(): Value {
    return this.fail();
  }

  override truth(): boolean {
    return this.fail();
  }

  override equals(_other: Value): boolean {
    return this.fail();
  }

  override hashKey(): string {
    return this.fail();
  }

  override length(): number {
    return this.fail();
  }

  override iterate(): Iterator<Value, unknown, undefined> {
    return this.fail();
  }

  override reversed(): Iterator<Value, unknown, undefined> {
    return this.fail();
  }

  override item(): Value {
    return this.fail();
  }

  override contains(): boolean {
    return this.fail();
  }

  override call(): Value {
    return this.fail();
  }

  override compare(): number {
    return this.fail();
  }

  override binary(): Value {
    return this.fail();
  }

  override unary(): Value {
    return this.fail();
  }
}

/** What `… if …` without an `else` leaves: it may be printed, compared and gone through, and is nothing. */
export class SilentUndefined extends Undefined {
  override str(): string {
    return '';
  }

  override truth(): boolean {
    return false;
  }

  override equals(other: Value): boolean {
    return other instanceof SilentUndefined;
  }

  override hashKey(): string {
    return 'undefined';
  }

  override length(): number {
    return 0;
  }

  override iterate(): Iterator<Value, unknown, undefined> {
    return [].values();
  }
}

/** Text that counts as escaped. */
export class Markup extends PyObject {
  override readonly typeName = 'Markup';
  readonly text: string;

  constructor(text: string) {
    super();
    this.text = text;
  }

  // Everything else that a Markup does is that of a string, and stands where strings are treated.
  override repr(rt: Runtime): string {
    return `Markup(${rt.repr(this.text)})`;
  }

  override str(): string {
    return this.text;
  }
}

/** What the template's own text says, kept in a name: not a value, where values are written in another way than text. */
export class Fragment extends Markup {}

export type Text = string | Markup;

export const isText = (value: Value): value is Text => typeof value === 'string' || value instanceof Markup;
export const textOf = (value: Text): string => (typeof value === 'string' ? value : value.text);
/** The same kind of text as the one it came from. */
export const like = (origin: Text, text: string): Text => (typeof origin === 'string' ? text : new Markup(text));

export const isInt = (value: Value): value is bigint | boolean => typeof value === 'bigint' || typeof value === 'boolean';
export const isNumber = (value: Value): value is bigint | boolean | number => isInt(value) || typeof value === 'number';
export const intOf = (value: bigint | boolean): bigint => (typeof value === 'bigint' ? value : value ? 1n : 0n);
export const floatOf = (value: bigint | boolean | number): number => (typeof value === 'number' ? value : Number(value));

export function typeName(value: Value): string {
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'float';
    case 'string':
      return 'str';
    case 'object':
      return value === null ? 'NoneType' : value.typeName;
  }
}

/** An int that fits where a position, a count or a width is wanted; OverflowError beyond, TypeError for what is no int. */
export function indexOf(value: Value): number {
  if (!isInt(value)) raise('TypeError', `'${typeName(value)}' object cannot be interpreted as an integer`);
  const number = Number(value);
  if (!Number.isSafeInteger(number)) raise('OverflowError', 'Python int too large to convert to C ssize_t');
  return number;
}
