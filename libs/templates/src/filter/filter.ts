import type { Filter, Runtime } from '../runtime.ts';
import { bind } from '../value/arguments.ts';
import { parsed } from '../value/function.ts';
import type { Value } from '../value/value.ts';

/** A filter of a fixed signature (of what follows the value), which is checked as Python checks it. */
export const filter =
  (name: string, parameters: string, body: (value: Value, args: readonly (Value | undefined)[], rt: Runtime, autoescape: boolean) => Value): Filter =>
  (value, args, rt, autoescape) =>
    body(value, bind(name, parsed(parameters), args), rt, autoescape);
