import type { TaskState } from './state-names.ts';

/** What can be asked of, or reported about, one task instance. */
export const TASK_VERBS = ['start', 'succeed', 'fail', 'skip', 'reschedule', 'defer', 'awaitInput', 'lose', 'resume', 'answer', 'wake', 'clear', 'mark'] as const;
export type TaskVerb = (typeof TASK_VERBS)[number];

type Row = Readonly<Record<TaskVerb, readonly TaskState[]>>;

const MARKS = ['success', 'failed', 'skipped'] as const;
const nothing: Row = {
  start: [], succeed: [], fail: [], skip: [], reschedule: [], defer: [], awaitInput: [], lose: [], resume: [], answer: [], wake: [], clear: [], mark: [],
};
const markable: Row = { ...nothing, mark: MARKS };
const finished: Row = { ...markable, clear: ['none'] };
/** A report may come before the start that it overtook, so `scheduled` and `running` take the same. */
const attempted: Row = {
  ...markable,
  start: ['running'],
  succeed: ['success', 'up_for_retry', 'failed'],
  fail: ['up_for_retry', 'failed'],
  skip: ['skipped'],
  reschedule: ['up_for_reschedule'],
  defer: ['deferred'],
  awaitInput: ['awaiting_input'],
  lose: ['scheduled', 'up_for_retry', 'failed'],
  clear: ['none'],
};

/**
 * From each state, by each verb, the states it may come to; an empty cell is refused. `succeed` may fail, when what was
 * returned cannot be used. `queued` stands in the attempt's stream and `restarting` only within a clear, so a run at
 * rest has neither. `mark` to the state it is in changes nothing.
 */
export const TRANSITIONS: Readonly<Record<TaskState, Row>> = {
  none: markable,
  scheduled: attempted,
  queued: nothing,
  running: attempted,
  restarting: nothing,
  up_for_retry: { ...markable, wake: ['scheduled'], clear: ['none'] },
  up_for_reschedule: { ...markable, wake: ['scheduled'], clear: ['none'] },
  /** Its trigger may end the task too, without another execution of its code. */
  deferred: {
    ...markable, succeed: attempted.succeed, fail: attempted.fail, skip: attempted.skip, lose: ['deferred', 'up_for_retry', 'failed'], resume: ['scheduled'], wake: ['up_for_retry', 'failed', 'skipped'], clear: ['none'],
  },
  awaiting_input: { ...markable, answer: ['scheduled'], wake: ['scheduled', 'up_for_retry', 'failed'], clear: ['none'] },
  success: finished,
  failed: finished,
  skipped: finished,
  upstream_failed: finished,
  removed: nothing,
};

export const accepts = (state: TaskState, verb: TaskVerb): boolean => TRANSITIONS[state][verb].length > 0;
