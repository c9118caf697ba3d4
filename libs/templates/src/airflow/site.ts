import { raise, TemplateError } from '../error.ts';
import type { Json } from '../lookup.ts';
import type { Filter, Runtime } from '../runtime.ts';
import { PyDate, PyTime } from '../date/datetime.ts';
import type { Arguments } from '../value/arguments.ts';
import { PyDict } from '../value/dict.ts';
import { NativeFunction } from '../value/function.ts';
import { iterate } from '../value/operator.ts';
import { isInt, isText, PyObject, textOf, typeName, Undefined } from '../value/value.ts';
import type { Value } from '../value/value.ts';
import { fromJson } from './json-value.ts';

/**
 * A macro or filter of a site's own: a function of JSON. Dates come as ISO texts, ints as numbers, and arguments given by
 * name as one object behind the others. A filter gets its value first.
 */
export type SiteFunction = (...args: Json[]) => Json;

export const siteMacros = (functions: { readonly [name: string]: SiteFunction } = {}): (readonly [string, Value])[] =>
  Object.entries(functions).map(([name, body]) => [name, new NativeFunction(name, (args, rt) => callSite(name, body, args, rt), 'function')] as const);

export const siteFilters = (functions: { readonly [name: string]: SiteFunction } = {}): (readonly [string, Filter])[] =>
  Object.entries(functions).map(([name, body]) => [name, (value, { positional, named }, rt) => callSite(name, body, { positional: [value, ...positional], named }, rt)] as const);

function callSite(name: string, body: SiteFunction, { positional, named }: Arguments, rt: Runtime): Value {
  const args = positional.map((value) => toJsonValue(value, rt));
  if (named.size > 0) args.push(Object.fromEntries([...named].map(([key, value]) => [key, toJsonValue(value, rt)])));
  try {
    return fromJson(body(...args));
  } catch (error) {
    if (error instanceof TemplateError) throw error;
    return raise('RuntimeError', `The macro ${name} failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function toJsonValue(value: Value, rt: Runtime): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return value;
  if (isText(value)) return textOf(value);
  if (isInt(value)) return Number(value);
  if (value instanceof Undefined) return value.fail();
  return rt.nested(() => {
    if (value instanceof PyDict) return Object.fromEntries([...value.pairs()].map(([key, item]) => [rt.str(key), toJsonValue(item, rt)]));
    if (value instanceof PyDate || value instanceof PyTime) return rt.str(value).replace(' ', 'T');
    if (value instanceof PyObject && value.iterate !== undefined) return [...iterate(value, rt)].map((item) => toJsonValue(item, rt));
    return raise('TypeError', `a macro cannot be given a ${typeName(value)}`);
  });
}
