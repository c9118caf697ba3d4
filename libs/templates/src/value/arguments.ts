import { raise } from '../error.ts';
import type { Value } from './value.ts';

/** What a call was given. */
export interface Arguments {
  readonly positional: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
}

const NO_NAMES: ReadonlyMap<string, Value> = new Map();

export const positional = (...values: readonly Value[]): Arguments => ({ positional: values, named: NO_NAMES });

/**
 * The arguments in the order of these parameters: `name`, `name?` for one that may be left out, and after `/` only by
 * position, after `*` only by name. TypeError when they do not fit, as Python says it.
 */
export function bind(callee: string, signature: Signature, args: Arguments): (Value | undefined)[] {
  const { names, required, positionalOnly, positionalLimit } = signature;
  if (args.positional.length > positionalLimit) {
    raise('TypeError', `${callee}() takes at most ${positionalLimit} argument${positionalLimit === 1 ? '' : 's'} (${args.positional.length} given)`);
  }
  const bound: (Value | undefined)[] = [...args.positional];
  bound.length = names.length;
  for (const [name, value] of args.named) {
    const index = names.indexOf(name);
    if (index < 0 || index < positionalOnly) raise('TypeError', `${callee}() got an unexpected keyword argument '${name}'`);
    if (bound[index] !== undefined) raise('TypeError', `${callee}() got multiple values for argument '${name}'`);
    bound[index] = value;
  }
  for (let index = 0; index < names.length; index++) {
    if (required[index] === true && bound[index] === undefined) raise('TypeError', `${callee}() missing required argument: '${names[index]}'`);
  }
  return bound;
}

export interface Signature {
  readonly names: readonly string[];
  readonly required: readonly boolean[];
  readonly positionalOnly: number;
  readonly positionalLimit: number;
}

export function signature(text: string): Signature {
  const names: string[] = [];
  const required: boolean[] = [];
  let positionalOnly = 0;
  let positionalLimit: number | undefined;
  for (const part of text.split(' ').filter((word) => word !== '')) {
    if (part === '/') positionalOnly = names.length;
    else if (part === '*') positionalLimit = names.length;
    else {
      names.push(part.replace('?', ''));
      required.push(!part.endsWith('?'));
    }
  }
  return { names, required, positionalOnly, positionalLimit: positionalLimit ?? names.length };
}
