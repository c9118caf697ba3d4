import { raise } from './error.ts';
import type { Arguments } from './value/arguments.ts';
import { reprOf, strOf } from './value/repr.ts';
import { Fragment, Markup } from './value/value.ts';
import type { PyObject, Value } from './value/value.ts';
import type { Lookup, LookupAnswer } from './lookup.ts';
import { lookupKey } from './lookup.ts';

/** What a template may use of each. */
export interface Limits {
  /** Characters of the rendered text. */
  readonly maxOutputLength: number;
  /** Characters and elements that a rendering may make along the way, in all. */
  readonly maxAllocation: number;
  /** Iterations of all loops together. */
  readonly maxIterations: number;
  /** Macros, includes, imports and recursive loops within one another. */
  readonly maxDepth: number;
  /** Elements of a `range`; Airflow's sandbox has 100,000. */
  readonly maxRange: number;
  /** Different values that are looked up outside. */
  readonly maxLookups: number;
}

export const DEFAULT_LIMITS: Limits = {
  maxOutputLength: 33_554_432, maxAllocation: 67_108_864, maxIterations: 1_000_000, maxDepth: 100, maxRange: 100_000, maxLookups: 1_000,
};

/** `autoescape`: whether what is printed where the filter stands gets escaped. */
export type Filter = (value: Value, args: Arguments, rt: Runtime, autoescape: boolean) => Value;
export type Test = (value: Value, args: Arguments, rt: Runtime) => boolean;

export interface Library {
  readonly filters: ReadonlyMap<string, Filter>;
  readonly tests: ReadonlyMap<string, Test>;
}

/** What differs from one rendering to the next; what is not given cannot be asked for. */
export interface Ambient {
  readonly nowMs?: number;
  /** Between 0 and 1, as `Math.random` gives it. */
  readonly random?: () => number;
}

/** Thrown out of an evaluation that needs a value from outside; only `render` catches it. */
export class LookupNeeded extends Error {
  readonly lookup: Lookup;

  constructor(lookup: Lookup) {
    super('a value from outside is needed');
    this.lookup = lookup;
  }
}

/** One rendering: what it has used of its limits, the answers it was given, and the filters and tests there are. */
export class Runtime {
  readonly limits: Limits;
  readonly library: Library;
  private readonly answers: ReadonlyMap<string, LookupAnswer>;
  private readonly ambient: Ambient;
  private allocated = 0;
  private iterations = 0;
  private depth = 0;
  private readonly printing = new Set<PyObject>();

  /** Of each value that is printed, what is written instead. */
  readonly write: ((value: string) => string) | undefined;

  constructor(library: Library, limits: Limits, answers: ReadonlyMap<string, LookupAnswer>, ambient: Ambient, write?: (value: string) => string) {
    this.write = write;
    this.ambient = ambient;
    this.library = library;
    this.limits = limits;
    this.answers = answers;
  }

  /** Counts characters or elements that are about to be made; LimitError when they are too many. */
  allocate(amount: number): void {
    this.allocated += amount;
    if (this.allocated > this.limits.maxAllocation) raise('LimitError', `The template makes more than ${this.limits.maxAllocation} characters and elements along the way.`);
  }

  iterate(): void {
    this.iterations += 1;
    if (this.iterations > this.limits.maxIterations) raise('LimitError', `The template's loops go round more than ${this.limits.maxIterations} times.`);
  }

  nested<T>(evaluate: () => T): T {
    this.depth += 1;
    if (this.depth > this.limits.maxDepth) raise('RecursionError', `Macros, includes and recursive loops stand more than ${this.limits.maxDepth} deep within one another.`);
    const result = evaluate();
    this.depth -= 1;
    return result;
  }

  nowMicros(): bigint {
    const { nowMs } = this.ambient;
    return nowMs === undefined ? raise('RuntimeError', 'The time of day is not known here.') : BigInt(Math.floor(nowMs)) * 1000n;
  }

  random(): number {
    return this.ambient.random === undefined ? raise('RuntimeError', 'There are no random numbers here.') : this.ambient.random();
  }

  lookup(lookup: Lookup): LookupAnswer {
    const answer = this.answers.get(lookupKey(lookup));
    if (answer === undefined) throw new LookupNeeded(lookup);
    return answer;
  }

  str(value: Value): string {
    return strOf(value, this);
  }

  repr(value: Value): string {
    return reprOf(value, this);
  }

  /** Prints a container; one that holds itself has `inside` where it comes again. */
  printedOnce(object: PyObject, inside: string, print: () => string): string {
    if (this.printing.has(object)) return inside;
    this.printing.add(object);
    const text = print();
    this.printing.delete(object);
    return text;
  }

  /** The text that a block or a macro has written, as a value. */
  written(text: string, autoescape: boolean): Value {
    return this.write !== undefined ? new Fragment(text) : autoescape ? new Markup(text) : text;
  }

  filter(name: string): Filter {
    return this.library.filters.get(name) ?? raise('TemplateRuntimeError', `No filter named '${name}' found.`);
  }

  test(name: string): Test {
    return this.library.tests.get(name) ?? raise('TemplateRuntimeError', `No test named '${name}' found.`);
  }
}
