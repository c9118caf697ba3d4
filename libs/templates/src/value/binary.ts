import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import { arithmetic } from './number.ts';
import type { BinaryOperator } from './operator.ts';
import { escaped } from './operator.ts';
import { percentFormat } from './percent.ts';
import type { Text, Value } from './value.ts';
import { indexOf, isInt, isNumber, isText, like, Markup, PyObject, textOf, typeName, Undefined } from './value.ts';

/** `left operator right`, for numbers, texts and whatever else says what the operator means to it. */
export function binary(operator: BinaryOperator, left: Value, right: Value, rt: Runtime): Value {
  if (left instanceof Undefined) left.fail();
  if (right instanceof Undefined && !(operator === '%' && isText(left))) right.fail();
  if (isNumber(left) && isNumber(right)) return arithmetic(operator, left, right);
  const result = textOperation(operator, left, right, rt) ?? objectOperation(operator, left, right, rt);
  return result ?? raise('TypeError', unsupported(operator, left, right));
}

const unsupported = (operator: BinaryOperator, left: Value, right: Value): string =>
  operator === '+' && isText(left)
    ? `can only concatenate str (not "${typeName(right)}") to str`
    : `unsupported operand type(s) for ${operator === '**' ? '** or pow()' : operator}: '${typeName(left)}' and '${typeName(right)}'`;

function textOperation(operator: BinaryOperator, left: Value, right: Value, rt: Runtime): Value | undefined {
  if (operator === '%' && isText(left)) return percentFormat(left, right, rt);
  if (operator === '+' && isText(left) && isText(right)) return joinText(left, right, rt);
  if (operator !== '*') return undefined;
  if (isText(left) && isInt(right)) return repeatText(left, right, rt);
  return isText(right) && isInt(left) ? repeatText(right, left, rt) : undefined;
}

/** Beside a Markup, plain text is escaped. */
function joinText(left: Text, right: Text, rt: Runtime): Text {
  rt.allocate(textOf(left).length + textOf(right).length);
  if (typeof left === 'string' && typeof right === 'string') return left + right;
  return new Markup(escaped(left) + escaped(right));
}

function repeatText(text: Text, times: bigint | boolean, rt: Runtime): Text {
  const count = Math.max(0, indexOf(times));
  rt.allocate(textOf(text).length * count);
  return like(text, textOf(text).repeat(count));
}

const objectOperation = (operator: BinaryOperator, left: Value, right: Value, rt: Runtime): Value | undefined =>
  (left instanceof PyObject ? left.binary?.(operator, right, false, rt) : undefined) ??
  (right instanceof PyObject ? right.binary?.(operator, left, true, rt) : undefined);
