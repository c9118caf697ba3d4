import type { FailureCode, RetryVerdict } from '@dagbook/domain';
import { thrownOutcome } from './error.ts';
import { durationMs } from './schedule.ts';
import type { Duration } from './types.ts';

/**
 * What becomes of a try that failed with an error like this. `on` is the error's class (its subclasses too, unless
 * `exact`), a pattern of its message, the failure code of an operator, or a question to it.
 */
export interface RetryRule {
  readonly on: ErrorClass | RegExp | FailureCode | ((error: Error) => boolean);
  readonly exact?: boolean;
  /** `retry` makes the next try, if one is left; `fail` ends the tries; `default` does what the task would without a policy. */
  readonly action: 'retry' | 'fail' | 'default';
  /** Instead of the task's own delay; only with `retry`. */
  readonly delay?: Duration;
}

type ErrorClass = abstract new (...args: never[]) => Error;

/** The first rule that fits decides; none: the task's own retries do. A policy can shorten the series of tries, never lengthen it. Throws what a rule's question throws. */
export function retryVerdict(rules: readonly RetryRule[], error: unknown): RetryVerdict | undefined {
  const rule = rules.find((one) => fits(one, error));
  if (rule === undefined || rule.action === 'default') return undefined;
  return { action: rule.action, ...(rule.delay === undefined ? {} : { delayMs: durationMs('delay of a retry rule', rule.delay) }) };
}

function fits({ on, exact }: RetryRule, error: unknown): boolean {
  if (typeof on === 'string') {
    const thrown = thrownOutcome(error);
    return thrown.kind === 'failure' ? thrown.error.code === on : on === 'error' && thrown.kind === 'error';
  }
  if (on instanceof RegExp) return new RegExp(on, on.flags.replace('g', '')).test(error instanceof Error ? error.message : String(error));
  if (!(error instanceof Error)) return false;
  if (isErrorClass(on)) return exact === true ? error.constructor === on : error instanceof on;
  return on(error);
}

const isErrorClass = (on: ErrorClass | ((error: Error) => boolean)): on is ErrorClass => on === Error || on.prototype instanceof Error;
