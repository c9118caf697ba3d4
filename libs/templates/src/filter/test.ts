import { isRaised } from '../error.ts';
import type { Runtime, Test } from '../runtime.ts';
import { bind } from '../value/arguments.ts';
import { PyDict } from '../value/dict.ts';
import { parsed } from '../value/function.ts';
import type { CompareOperator } from '../value/operator.ts';
import { binary } from '../value/binary.ts';
import { compare, contains, equals, hashKey, isIterable } from '../value/operator.ts';
import { isLower, isUpper } from '../value/text-method.ts';
import { isNumber, isText, Markup, PyObject, textOf, Undefined } from '../value/value.ts';
import type { Value } from '../value/value.ts';
import { lengthOf } from '../value/sequence.ts';

const test =
  (name: string, parameters: string, body: (value: Value, args: readonly (Value | undefined)[], rt: Runtime) => boolean): Test =>
  (value, args, rt) =>
    body(value, bind(`test_${name}`, parsed(parameters), args), rt);

const plain = (body: (value: Value, rt: Runtime) => boolean): Test => test('value', '', (value, _, rt) => body(value, rt));
const comparison = (operator: CompareOperator): Test => test(operator, 'b', (value, [other], rt) => compare(operator, value, other as Value, rt));

const remainderIs = (value: Value, divisor: Value, wanted: Value, rt: Runtime): boolean => equals(binary('%', value, divisor, rt), wanted, rt);

function isSequence(value: Value, rt: Runtime): boolean {
  try {
    lengthOf(value, rt);
  } catch (error) {
    if (isRaised(error, 'TypeError', 'UndefinedError', 'SecurityError')) return false;
    throw error;
  }
  return isText(value) || (value instanceof PyObject && value.item !== undefined);
}

const named = (kind: 'filters' | 'tests'): Test => plain((value, rt) => {
  hashKey(value, rt);
  return isText(value) && rt.library[kind].has(textOf(value));
});

export const TESTS: { readonly [name: string]: Test } = {
  defined: plain((value) => !(value instanceof Undefined)),
  undefined: plain((value) => value instanceof Undefined),
  none: plain((value) => value === null),
  boolean: plain((value) => typeof value === 'boolean'),
  true: plain((value) => value === true),
  false: plain((value) => value === false),
  integer: plain((value) => typeof value === 'bigint'),
  float: plain((value) => typeof value === 'number'),
  number: plain(isNumber),
  string: plain(isText),
  mapping: plain((value) => value instanceof PyDict),
  sequence: plain(isSequence),
  iterable: plain((value) => {
    if (value instanceof Undefined) value.fail();
    return isIterable(value);
  }),
  callable: plain((value) => value instanceof PyObject && value.call !== undefined),
  escaped: plain((value) => value instanceof Markup),
  odd: plain((value, rt) => remainderIs(value, 2n, 1n, rt)),
  even: plain((value, rt) => remainderIs(value, 2n, 0n, rt)),
  divisibleby: test('divisibleby', 'num', (value, [divisor], rt) => remainderIs(value, divisor as Value, 0n, rt)),
  lower: plain((value, rt) => isLower(rt.str(value))),
  upper: plain((value, rt) => isUpper(rt.str(value))),
  sameas: test('sameas', 'other', (value, [other]) => value === other),
  in: test('in', 'seq', (value, [sequence], rt) => contains(sequence as Value, value, rt)),
  filter: named('filters'),
  test: named('tests'),
  '==': comparison('=='), eq: comparison('=='), equalto: comparison('=='),
  '!=': comparison('!='), ne: comparison('!='),
  '>': comparison('>'), gt: comparison('>'), greaterthan: comparison('>'),
  '>=': comparison('>='), ge: comparison('>='),
  '<': comparison('<'), lt: comparison('<'), lessthan: comparison('<'),
  '<=': comparison('<='), le: comparison('<='),
};
