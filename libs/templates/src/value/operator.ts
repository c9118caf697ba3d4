import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import { arithmetic, compareNumbers, negate, numberKey } from './number.ts';
import { compareText, escapeHtml } from './text.ts';
import type { Text, Value } from './value.ts';
import { isNumber, isText, Markup, PyObject, textOf, typeName, Undefined } from './value.ts';

export type BinaryOperator = '+' | '-' | '*' | '/' | '//' | '%' | '**';
export type CompareOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in';

export const escaped = (text: Text): string => (typeof text === 'string' ? escapeHtml(text) : text.text);

export function unary(operator: '-' | '+', value: Value, rt: Runtime): Value {
  const result = value instanceof PyObject ? value.unary?.(operator, rt) : operator === '-' ? negate(value) : isNumber(value) ? arithmetic('+', 0n, value) : undefined;
  return result ?? raise('TypeError', `bad operand type for unary ${operator}: '${typeName(value)}'`);
}

export function truth(value: Value, rt: Runtime): boolean {
  if (value instanceof Markup) return value.text !== '';
  if (value instanceof PyObject) return value.truth(rt);
  return typeof value === 'bigint' ? value !== 0n : Boolean(value) || Number.isNaN(value);
}

export function equals(left: Value, right: Value, rt: Runtime): boolean {
  if (right instanceof Undefined) return right.equals(left);
  if (isNumber(left) && isNumber(right)) return compareNumbers(left, right) === 0;
  if (isText(left) && isText(right)) return textOf(left) === textOf(right);
  if (left instanceof PyObject && !(left instanceof Markup)) return left.equals(right, rt);
  if (right instanceof PyObject && !(right instanceof Markup)) return right.equals(left, rt);
  return left === right;
}

/** Below, at or above zero; NaN for what compares with nothing; TypeError when the two have no order. */
export function order(operator: '<' | '<=' | '>' | '>=', left: Value, right: Value, rt: Runtime): number {
  if (left instanceof Undefined) left.fail();
  if (right instanceof Undefined) right.fail();
  if (isNumber(left) && isNumber(right)) return compareNumbers(left, right);
  if (isText(left) && isText(right)) return compareText(textOf(left), textOf(right));
  const result = left instanceof PyObject ? left.compare?.(right, rt) : undefined;
  return result ?? raise('TypeError', `'${operator}' not supported between instances of '${typeName(left)}' and '${typeName(right)}'`);
}

export function compare(operator: CompareOperator, left: Value, right: Value, rt: Runtime): boolean {
  switch (operator) {
    case '==':
      return equals(left, right, rt);
    case '!=':
      return !equals(left, right, rt);
    case '<':
      return order(operator, left, right, rt) < 0;
    case '<=':
      return order(operator, left, right, rt) <= 0;
    case '>':
      return order(operator, left, right, rt) > 0;
    case '>=':
      return order(operator, left, right, rt) >= 0;
    case 'in':
      return contains(right, left, rt);
    case 'not in':
      return !contains(right, left, rt);
  }
}

export function contains(container: Value, item: Value, rt: Runtime): boolean {
  if (isText(container)) {
    if (item instanceof Undefined) raise('TypeError', "'in <string>' requires string as left operand, not StrictUndefined");
    if (!isText(item)) raise('TypeError', `'in <string>' requires string as left operand, not ${typeName(item)}`);
    return textOf(container).includes(textOf(item));
  }
  if (!(container instanceof PyObject)) return raise('TypeError', `argument of type '${typeName(container)}' is not iterable`);
  if (container.contains !== undefined) return container.contains(item, rt);
  for (const element of iterate(container, rt)) if (element === item || equals(element, item, rt)) return true;
  return false;
}

export function hashKey(value: Value, rt: Runtime): string {
  if (value === null) return 'n';
  if (isText(value)) return `s${textOf(value)}`;
  if (isNumber(value)) return numberKey(value);
  return value.hashKey(rt) ?? raise('TypeError', `unhashable type: '${typeName(value)}'`);
}

/** The elements of an iterable; a text has its code points. Each is counted against the limits. */
export function* iterate(value: Value, rt: Runtime): Generator<Value, void, undefined> {
  if (isText(value)) {
    // One by one, the points of a Markup are plain text.
    for (const point of textOf(value)) yield point;
    return;
  }
  const iterator = iteratorOf(value, rt);
  for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
    rt.allocate(1);
    yield next.value;
  }
}

function iteratorOf(value: Value, rt: Runtime): Iterator<Value, unknown, undefined> {
  const iterator = value instanceof PyObject ? value.iterate?.(rt) : undefined;
  return iterator ?? raise('TypeError', `'${typeName(value)}' object is not iterable`);
}

export const isIterable = (value: Value): boolean => isText(value) || (value instanceof PyObject && value.iterate !== undefined);

/** `sorted(values, key=…, reverse=…)`: stable, also when reversed. */
export function sorted(values: readonly Value[], key: (value: Value) => Value, reverse: boolean, rt: Runtime): Value[] {
  const keyed = values.map((value) => ({ value, key: key(value) }));
  keyed.sort((a, b) => (reverse ? -1 : 1) * sign(a.key, b.key, rt));
  return keyed.map(({ value }) => value);
}

function sign(left: Value, right: Value, rt: Runtime): number {
  const difference = order('<', left, right, rt);
  return Number.isNaN(difference) ? 0 : difference;
}
