import { isRaised, raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import type { Arguments } from './arguments.ts';
import { formatMethod } from './brace.ts';
import { NativeFunction } from './function.ts';
import { floatHex, integerRatio } from './number.ts';
import { PyTuple, textItem } from './sequence.ts';
import { textMethod } from './text-method.ts';
import type { Value } from './value.ts';
import { floatOf, intOf, isInt, isText, like, PyObject, textOf, typeName, Undefined } from './value.ts';

/**
 * Attributes and elements as Jinja's sandbox finds them with Airflow's rule: whatever begins with two underscores is
 * refused where Python has it, one underscore is allowed. Only names of our own tables are ever found.
 */

/** What every Python object has; enough of it to refuse what Airflow refuses, by the same error. */
const OBJECT_ATTRIBUTES: ReadonlySet<string> = new Set([
  '__class__', '__delattr__', '__dir__', '__doc__', '__eq__', '__format__', '__ge__', '__getattribute__', '__getstate__', '__gt__', '__hash__',
  '__init__', '__init_subclass__', '__le__', '__lt__', '__ne__', '__new__', '__reduce__', '__reduce_ex__', '__repr__', '__setattr__',
  '__sizeof__', '__str__', '__subclasshook__',
]);
const CONTAINER_ATTRIBUTES: ReadonlySet<string> = new Set(['__len__', '__getitem__', '__contains__', '__iter__', '__add__', '__mul__', '__rmul__', '__mod__', '__rmod__', '__getnewargs__']);
const BUILTIN_ATTRIBUTES: ReadonlySet<string> = new Set(['__call__', '__module__', '__name__', '__qualname__', '__self__', '__text_signature__']);
const FUNCTION_ATTRIBUTES: ReadonlySet<string> = new Set([
  '__annotations__', '__builtins__', '__call__', '__closure__', '__code__', '__defaults__', '__dict__', '__get__', '__globals__', '__kwdefaults__', '__module__', '__name__', '__qualname__',
]);

/** `value.name`. */
export function getAttribute(value: Value, name: string, rt: Runtime): Value {
  const attribute = ownAttribute(value, name, rt);
  if (attribute !== undefined) return attribute;
  if (isUnsafe(value, name)) return unsafe(value, name);
  const found = element(value, name, rt);
  return found === undefined ? missingAttribute(value, name) : found;
}

/** `value[key]`. */
export function getItem(value: Value, key: Value, rt: Runtime): Value {
  const found = element(value, key, rt);
  if (found !== undefined) return found;
  if (!isText(key)) return new Undefined(`${describe(value)} has no element ${rt.repr(key)}`);
  const name = textOf(key);
  const attribute = ownAttribute(value, name, rt);
  if (attribute !== undefined) return attribute;
  return isUnsafe(value, name) ? unsafe(value, name) : missingAttribute(value, name);
}

/** `value | attr(name)`: the attribute and never the element. */
export function getOnlyAttribute(value: Value, name: string, rt: Runtime): Value {
  const attribute = ownAttribute(value, name, rt);
  if (attribute !== undefined) return attribute;
  return isUnsafe(value, name) ? unsafe(value, name) : missingAttribute(value, name);
}

const REACH = { attribute: getAttribute, item: getItem };

/** Undefined when there is no such attribute; the value None is null. */
function ownAttribute(value: Value, name: string, rt: Runtime): Value | undefined {
  if (isText(value)) return name === 'format' || name === 'format_map' ? formatMethod(value, name, REACH) : textMethod(value, name);
  if (value instanceof Undefined && name.startsWith('__') && name.endsWith('__')) return undefined;
  if (value instanceof PyObject) return value.attribute(name, rt);
  return isInt(value) || typeof value === 'number' ? numberAttribute(value, name) : undefined;
}

function numberAttribute(value: bigint | boolean | number, name: string): Value | undefined {
  const plain = (result: () => Value): Value => new NativeFunction(name, ({ positional, named }: Arguments) => {
    if (positional.length + named.size > 0) raise('TypeError', `${typeName(value)}.${name}() takes no arguments (${positional.length + named.size} given)`);
    return result();
  });
  if (name === 'real') return isInt(value) ? intOf(value) : value;
  if (name === 'imag') return isInt(value) ? 0n : 0;
  if (name === 'conjugate') return plain(() => (isInt(value) ? intOf(value) : value));
  if (name === 'is_integer') return plain(() => isInt(value) || Number.isInteger(floatOf(value)));
  if (name === 'as_integer_ratio') return plain(() => new PyTuple([...integerRatio(isInt(value) ? intOf(value) : value)]));
  if (!isInt(value)) return name === 'hex' ? plain(() => floatHex(value)) : undefined;
  const int = intOf(value);
  if (name === 'numerator') return int;
  if (name === 'denominator') return 1n;
  if (name === 'bit_length') return plain(() => (int === 0n ? 0n : BigInt((int < 0n ? -int : int).toString(2).length)));
  return name === 'bit_count' ? plain(() => BigInt((int < 0n ? -int : int).toString(2).replaceAll('0', '').length)) : undefined;
}

/** Undefined when Python raises TypeError, KeyError or IndexError. */
function element(value: Value, key: Value, rt: Runtime): Value | undefined {
  try {
    if (isText(value)) return like(value, textItem(textOf(value), key));
    return value instanceof PyObject ? value.item?.(key, rt) : undefined;
  } catch (error) {
    if (isRaised(error, 'TypeError', 'KeyError', 'IndexError')) return undefined;
    throw error;
  }
}

function isUnsafe(value: Value, name: string): boolean {
  if (!name.startsWith('__')) return false;
  if (OBJECT_ATTRIBUTES.has(name)) return true;
  if (value instanceof NativeFunction) return (value.typeName === 'function' ? FUNCTION_ATTRIBUTES : BUILTIN_ATTRIBUTES).has(name);
  const container = isText(value) || (value instanceof PyObject && value.item !== undefined && !(value instanceof Undefined));
  return container && CONTAINER_ATTRIBUTES.has(name);
}

const unsafe = (value: Value, name: string): Value =>
  new Undefined(`access to attribute '${name}' of '${typeName(value)}' object is unsafe.`, 'SecurityError');

const missingAttribute = (value: Value, name: string): Value => new Undefined(`'${describe(value)}' has no attribute '${name}'`);
const describe = (value: Value): string => (value === null ? 'None' : `${typeName(value)} object`);

export function callValue(callee: Value, args: Arguments, rt: Runtime): Value {
  const result = callee instanceof PyObject ? callee.call?.(args, rt) : undefined;
  return result === undefined ? raise('TypeError', `'${typeName(callee)}' object is not callable`) : result;
}
