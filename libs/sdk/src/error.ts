import type { FailureCode, HumanRequest, Problem } from '@dagbook/domain';
import type { TriggerSpec } from './trigger.ts';

/**
 * What a task may throw besides an ordinary error. The worker bundles its own copy of this module beside the one that
 * DAGs import, so outcomes are told apart by this mark and never by `instanceof`.
 */
const OUTCOME = Symbol.for('dagbook.outcome');

/** Ends the task instance as `skipped`; what is downstream follows its trigger rules. */
export class SkipTask extends Error {
  readonly [OUTCOME] = 'skip';
  override readonly name = 'SkipTask';
}

/** Fails the task instance at once: the retries that are left are not made. */
export class FailTask extends Error {
  readonly [OUTCOME] = 'fail';
  override readonly name = 'FailTask';
}

/** A failure with a code, as operators report them. `retry: false` makes it final. */
export class TaskFailure extends Error {
  readonly [OUTCOME] = 'failure';
  override readonly name = 'TaskFailure';
  readonly code: FailureCode;
  readonly detail: string | undefined;
  readonly retry: boolean;

  constructor(code: FailureCode, message: string, options: { detail?: string; retry?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.detail = options.detail;
    this.retry = options.retry ?? true;
  }
}

/** Not an error: how `defer` leaves the task's function. */
export class Deferral extends Error {
  readonly [OUTCOME] = 'defer';
  override readonly name = 'Deferral';
  readonly trigger: TriggerSpec;
  readonly timeoutMs: number | undefined;

  constructor(trigger: TriggerSpec, timeoutMs: number | undefined) {
    super('the task is deferred; what catches this must throw it again');
    this.trigger = trigger;
    this.timeoutMs = timeoutMs;
  }
}

/** Ends the attempt until people have answered; the same try then runs again, with the answer in its work. */
export class AwaitInput extends Error {
  readonly [OUTCOME] = 'awaitInput';
  override readonly name = 'AwaitInput';
  readonly request: HumanRequest;
  /** undefined: it waits for ever. */
  readonly timeoutAtMs: number | undefined;

  constructor(request: HumanRequest, timeoutAtMs: number | undefined) {
    super(request.subject);
    this.request = request;
    this.timeoutAtMs = timeoutAtMs;
  }
}

export type ThrownOutcome =
  | { readonly kind: 'skip'; readonly message: string }
  | { readonly kind: 'fail'; readonly error: Error }
  | { readonly kind: 'failure'; readonly error: TaskFailure }
  | { readonly kind: 'defer'; readonly deferral: Deferral }
  | { readonly kind: 'awaitInput'; readonly error: AwaitInput }
  | { readonly kind: 'error'; readonly error: unknown };

export function thrownOutcome(error: unknown): ThrownOutcome {
  const mark = typeof error === 'object' && error !== null ? (error as { [OUTCOME]?: string })[OUTCOME] : undefined;
  switch (mark) {
    case 'skip':
      return { kind: 'skip', message: (error as Error).message };
    case 'fail':
      return { kind: 'fail', error: error as Error };
    case 'defer':
      return { kind: 'defer', deferral: error as Deferral };
    case 'failure':
      return { kind: 'failure', error: error as TaskFailure };
    case 'awaitInput':
      return { kind: 'awaitInput', error: error as AwaitInput };
    default:
      return { kind: 'error', error };
  }
}

/** Where in the author's file something was said; from the stack, so lines are those of the evaluated code. */
export interface SourceSite {
  readonly url: string;
  readonly line: number;
  readonly column: number;
}

/** An author's mistake in a DAG file, found while the file is read. Its message names field, value, rule and remedy. */
export class DagDefinitionError extends Error {
  override readonly name = 'DagDefinitionError';
  readonly field: string;
  readonly value: string;
  readonly rule: string;
  readonly remedy: string;
  readonly site: SourceSite | undefined;

  constructor(problem: Problem, message: string, site?: SourceSite) {
    super(message);
    this.field = problem.field;
    this.value = problem.value;
    this.rule = problem.rule;
    this.remedy = problem.remedy;
    this.site = site;
  }
}

/** A mistake that the SDK itself finds; `value` is as the author wrote it. */
export function definitionError({ field, value, rule, remedy }: Omit<Problem, 'value'> & { readonly value: unknown }, site?: SourceSite): DagDefinitionError {
  const problem = { field, value: shown(value), rule, remedy };
  return new DagDefinitionError(problem, `${field} is ${problem.value}: ${rule}. ${remedy}.`, site);
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : typeof value === 'object' && value !== null ? jsonOrTag(value) : String(value);
  return text.length > 200 ? `${text.slice(0, 200)}… (${text.length} characters)` : text;
}

function jsonOrTag(value: object): string {
  try {
    return JSON.stringify(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}
