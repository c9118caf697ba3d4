import type { FailureCode, RetryVerdict } from '@dagbook/domain';
import { thrownOutcome } from './error.ts';
import { durationMs } from './schedule.ts';
import type { Duration, TaskContext } from './types.ts';

/** What becomes of a try that failed. */
export interface RetryDecision {
  /** `retry` makes the next try, if one is left; `fail` ends the tries; `default` does what the task would without a policy. */
  readonly action: 'retry' | 'fail' | 'default';
  /** Instead of the task's own delay; only with `retry`. */
  readonly delay?: Duration;
  /** For people: it goes into the log of the try. */
  readonly reason?: string;
}

/**
 * What becomes of a try that failed with an error like this. `on` is the error's class (its subclasses too, unless
 * `exact`), a pattern of its message, a failure code (that of an operator, or `timeout`, `killed`, `out_of_memory`, `worker_lost`),
 * a question to it, or a list of those, any of which fits.
 */
export interface RetryRule extends RetryDecision {
  readonly on: RetryMatch | readonly RetryMatch[];
  readonly exact?: boolean;
}

type RetryMatch = ErrorClass | RegExp | FailureCode | ((error: Error) => boolean);
type ErrorClass = abstract new (...args: never[]) => Error;

/** Rules, the first that fits decides; or a function that decides, for what the process of the task lives to see. */
export type RetryPolicy = readonly RetryRule[] | ((error: unknown, at: RetryQuestion) => RetryDecision | undefined | Promise<RetryDecision | undefined>);

export interface RetryQuestion {
  /** Of the try that failed, from 1. */
  readonly tryNumber: number;
  /** Tries that may follow the first. */
  readonly maxTries: number;
  readonly ctx: TaskContext<unknown>;
}

/** Undefined: nothing fits, and the task's own retries decide. A policy can shorten the series of tries, never lengthen it. Rejects with what the author's code throws. */
export async function retryDecision(policy: RetryPolicy, error: unknown, at: RetryQuestion): Promise<RetryDecision | undefined> {
  const decision = typeof policy === 'function' ? await policy(error, at) : policy.find((rule) => matchesOf(rule).some((on) => fits(on, rule.exact, error)));
  if (decision !== undefined && !ACTIONS.includes(decision.action)) throw new Error(`it answered the action ${JSON.stringify(decision.action)}, which is none of ${ACTIONS.join(', ')}`);
  return decision;
}

const ACTIONS: readonly RetryDecision['action'][] = ['retry', 'fail', 'default'];

/** As it travels. `default` is said too: the rules that go with the DAG are for failures on which nothing was said. */
export const verdictOf = ({ action, delay }: RetryDecision): RetryVerdict => ({ action, ...(action !== 'retry' || delay === undefined ? {} : { delayMs: durationMs('delay of a retry rule', delay) }) });

/** Of failures that the process of the task need not live to see. */
const SEEN_BY_OTHERS: ReadonlySet<unknown> = new Set<FailureCode>(['timeout', 'killed', 'out_of_memory', 'worker_lost']);

/** What the rules say of those, where that is anything but what would be done anyway: they go with the DAG, whose version they are part of. */
export function codeRules(policy: RetryPolicy | undefined): readonly ({ readonly code: FailureCode } & RetryVerdict)[] {
  if (policy === undefined || typeof policy === 'function') return [];
  const first = new Map<FailureCode, RetryVerdict>();
  for (const rule of policy) {
    for (const on of matchesOf(rule)) if (SEEN_BY_OTHERS.has(on) && !first.has(on as FailureCode)) first.set(on as FailureCode, verdictOf(rule));
  }
  return [...first].flatMap(([code, verdict]) => (verdict.action === 'fail' || verdict.delayMs !== undefined ? [{ code, ...verdict }] : []));
}

const matchesOf = ({ on }: RetryRule): readonly RetryMatch[] => (Array.isArray(on) ? (on as readonly RetryMatch[]) : [on as RetryMatch]);

function fits(on: RetryMatch, exact: boolean | undefined, error: unknown): boolean {
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
