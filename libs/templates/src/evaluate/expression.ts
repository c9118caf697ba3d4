import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import type { Application, CallArguments, Expression } from '../syntax/ast.ts';
import type { Arguments } from '../value/arguments.ts';
import { callValue, getAttribute, getItem } from '../value/attribute.ts';
import { mappingOf, PyDict } from '../value/dict.ts';
import { binary } from '../value/binary.ts';
import { compare, escaped, iterate, truth, unary } from '../value/operator.ts';
import { PyList, PyTuple, Slice, textItem } from '../value/sequence.ts';
import { escapeHtml } from '../value/text.ts';
import type { Value } from '../value/value.ts';
import { Fragment, isText, like, Markup, PyObject, SilentUndefined, textOf, typeName, Undefined } from '../value/value.ts';
import type { Scope } from './scope.ts';

/** Where an expression stands: its names, and whether what is printed there gets escaped. */
export interface Frame {
  readonly scope: Scope;
  readonly autoescape: boolean;
}

export function evaluate(expression: Expression, frame: Frame, rt: Runtime): Value {
  const of = (inner: Expression): Value => evaluate(inner, frame, rt);
  switch (expression.kind) {
    case 'constant':
      return expression.value;
    case 'name':
      return resolve(expression.name, frame);
    case 'tuple':
      return new PyTuple(expression.items.map(of));
    case 'list':
      return new PyList(expression.items.map(of));
    case 'dict': {
      const dict = new PyDict();
      const entries = expression.entries.map(([key, value]) => [of(key), of(value)] as const);
      for (const [key, value] of entries) dict.set(key, value, rt);
      return dict;
    }
    case 'attribute':
      return getAttribute(of(expression.of), expression.name, rt);
    case 'item':
      return subscript(of(expression.of), of(expression.key), rt);
    case 'slice':
      return new Slice(...([expression.start, expression.stop, expression.step].map((part) => (part === undefined ? null : of(part))) as [Value, Value, Value]));
    case 'call':
      return callValue(of(expression.callee), evaluateArguments(expression.args, frame, rt), rt);
    case 'filter':
      return applyFilter(expression.filter, expression.value === undefined ? raise('TemplateSyntaxError', 'a filter stands without a value', expression.line) : of(expression.value), frame, rt);
    case 'test':
      return applyTest(expression.test, of(expression.value), frame, rt);
    case 'conditional':
      if (truth(of(expression.test), rt)) return of(expression.then);
      return expression.otherwise === undefined ? new SilentUndefined('the inline if-expression evaluated to false and no else section was defined.') : of(expression.otherwise);
    case 'or': {
      const left = of(expression.left);
      return truth(left, rt) ? left : of(expression.right);
    }
    case 'and': {
      const left = of(expression.left);
      return truth(left, rt) ? of(expression.right) : left;
    }
    case 'not':
      return !truth(of(expression.operand), rt);
    case 'negative':
      return unary('-', of(expression.operand), rt);
    case 'positive':
      return unary('+', of(expression.operand), rt);
    case 'compare':
      return chain(expression, of, rt);
    case 'binary':
      return binary(expression.operator, of(expression.left), of(expression.right), rt);
    case 'concat':
      return concat(expression.items.map(of), frame, rt);
  }
}

const resolve = (name: string, { scope }: Frame): Value => {
  const value = scope.get(name);
  return value === undefined ? new Undefined(`'${name}' is undefined`) : value;
};

/** A slice is Python's own: what cannot be sliced raises, where an absent element is only undefined. */
function subscript(value: Value, key: Value, rt: Runtime): Value {
  if (!(key instanceof Slice)) return getItem(value, key, rt);
  if (isText(value)) return like(value, textItem(textOf(value), key));
  const item = value instanceof PyObject ? value.item?.(key, rt) : undefined;
  return item === undefined ? raise('TypeError', `'${typeName(value)}' object is not subscriptable`) : item;
}

function chain(expression: Expression & { readonly kind: 'compare' }, of: (inner: Expression) => Value, rt: Runtime): boolean {
  let left = of(expression.first);
  for (const [operator, operand] of expression.rest) {
    const right = of(operand);
    if (!compare(operator, left, right, rt)) return false;
    left = right;
  }
  return true;
}

/** `~` writes its parts one after the other; one Markup among them escapes the others where escaping is on. */
function concat(parts: readonly Value[], { autoescape }: Frame, rt: Runtime): Value {
  const markup = autoescape && parts.some((part) => part instanceof Markup);
  const text = parts.map((part) => (markup ? (isText(part) ? escaped(part) : escapeHtml(rt.str(part))) : rt.str(part))).join('');
  rt.allocate(text.length);
  return markup ? new Markup(text) : text;
}

export function evaluateArguments(args: CallArguments, frame: Frame, rt: Runtime): Arguments {
  const positional = args.positional.map((argument) => evaluate(argument, frame, rt));
  const named = new Map<string, Value>();
  for (const [name, argument] of args.named) named.set(name, evaluate(argument, frame, rt));
  if (args.spread !== undefined) positional.push(...iterate(evaluate(args.spread, frame, rt), rt));
  if (args.spreadNamed !== undefined) {
    for (const [key, value] of mappingOf(evaluate(args.spreadNamed, frame, rt)).pairs()) {
      if (!isText(key)) raise('TypeError', 'keywords must be strings');
      if (named.has(textOf(key))) raise('TypeError', `got multiple values for keyword argument '${textOf(key)}'`);
      named.set(textOf(key), value);
    }
  }
  return { positional, named };
}

function applyFilter({ name, args }: Application, value: Value, frame: Frame, rt: Runtime): Value {
  return rt.filter(name)(value, evaluateArguments(args, frame, rt), rt, frame.autoescape);
}

function applyTest({ name, args }: Application, value: Value, frame: Frame, rt: Runtime): boolean {
  return rt.test(name)(value, evaluateArguments(args, frame, rt), rt);
}

/** The value of a chain of filters over a text, as `{% filter %}` and `{% set %}` blocks have it. */
export function filterText(filter: Expression | undefined, text: Value, frame: Frame, rt: Runtime): Value {
  if (filter === undefined) return text;
  if (filter.kind !== 'filter') return evaluate(filter, frame, rt);
  return applyFilter(filter.filter, filterText(filter.value, text, frame, rt), frame, rt);
}

/** What printing a value writes. */
export function printed(value: Value, { autoescape }: Frame, rt: Runtime): string {
  if (rt.write !== undefined) return value instanceof Fragment ? value.text : rt.write(rt.str(value));
  if (!autoescape) return rt.str(value);
  return value instanceof Markup ? value.text : escapeHtml(rt.str(value));
}
