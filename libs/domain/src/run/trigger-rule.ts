import type { TriggerRule } from '../dag/definition.ts';
import type { TerminalTaskState } from './state-names.ts';

/**
 * What a task instance sees of its relevant upstream task instances. Removed ones count in `upstream` too; a rule that
 * asks for all means all that are not removed.
 */
export interface UpstreamCounts extends Record<TerminalTaskState, number> {
  upstream: number;
  /** Of the direct upstream those that are setups. */
  setups: number;
  setupsSucceeded: number;
  setupsSkipped: number;
}

export const newCounts = (upstream: number, setups: number): UpstreamCounts => ({
  upstream, success: 0, skipped: 0, failed: 0, upstream_failed: 0, removed: 0, setups, setupsSucceeded: 0, setupsSkipped: 0,
});

export type Verdict = 'wait' | 'run' | 'skipped' | 'upstream_failed' | 'removed';

type Judge = (counts: UpstreamCounts, mapIndex: number) => Verdict;

const failures = (c: UpstreamCounts): number => c.failed + c.upstream_failed;
const expected = (c: UpstreamCounts): number => c.upstream - c.removed;
const done = (c: UpstreamCounts): boolean => c.success + c.skipped + failures(c) === expected(c);

/** Airflow 3.3's rules, row by row: what a rule sets at once comes before what it waits for. */
const RULES: Readonly<Record<TriggerRule, Judge>> = {
  all_success: (c, mapIndex) =>
    failures(c) > 0 ? 'upstream_failed'
    : c.skipped > 0 ? 'skipped'
    : c.removed > 0 && c.success > 0 && mapIndex >= c.success && done(c) ? 'removed'
    : c.success === expected(c) ? 'run' : 'wait',
  all_failed: (c) =>
    c.success + c.skipped > 0 ? 'skipped' : failures(c) === expected(c) ? 'run' : 'wait',
  all_done: (c) => (done(c) ? 'run' : 'wait'),
  all_done_min_one_success: (c) =>
    c.skipped > 0 ? 'skipped' : !done(c) ? 'wait' : c.success === 0 ? 'upstream_failed' : 'run',
  all_done_setup_success: (c) =>
    !done(c) ? 'wait'
    : c.setups === 0 || c.setupsSucceeded > 0 ? 'run'
    : c.setupsSkipped >= c.setups ? 'skipped' : 'upstream_failed',
  one_success: (c) =>
    c.success > 0 ? 'run' : !done(c) ? 'wait' : c.skipped === expected(c) ? 'skipped' : 'upstream_failed',
  one_failed: (c) => (failures(c) > 0 ? 'run' : done(c) ? 'skipped' : 'wait'),
  one_done: (c) => (c.success + c.failed > 0 ? 'run' : done(c) ? 'skipped' : 'wait'),
  none_failed: (c) =>
    failures(c) > 0 ? 'upstream_failed' : c.success + c.skipped === expected(c) ? 'run' : 'wait',
  none_failed_min_one_success: (c) =>
    failures(c) > 0 ? 'upstream_failed'
    : c.skipped === expected(c) ? 'skipped'
    : c.success + c.skipped === expected(c) ? 'run' : 'wait',
  none_skipped: (c) => (c.skipped > 0 ? 'skipped' : done(c) ? 'run' : 'wait'),
  all_skipped: (c) =>
    c.success + failures(c) > 0 ? 'skipped' : c.skipped === expected(c) ? 'run' : 'wait',
  always: () => 'run',
};

export const judgeRule = (rule: TriggerRule, counts: UpstreamCounts, mapIndex: number): Verdict =>
  counts.upstream === 0 ? 'run' : RULES[rule](counts, mapIndex);

/** Whether a task with this rule runs though everything before it was skipped. */
export const runsWhenSkipped = (rule: TriggerRule): boolean => judgeRule(rule, { ...newCounts(1, 0), skipped: 1 }, -1) === 'run';

/** Indirect setups must all succeed; a failure or a skip among them decides at once, whatever the trigger rule. */
export const judgeIndirectSetups = (counts: UpstreamCounts): Verdict =>
  failures(counts) > 0 ? 'upstream_failed'
  : counts.skipped > 0 ? 'skipped'
  : counts.success === expected(counts) ? 'run' : 'wait';
