import type { TaskState } from '@dagbook/domain';

/**
 * One character a task state, in strips and in rows: lower case is unfinished, upper case is terminal.
 * Rows hold these characters, so a letter is never given another meaning.
 */
const CHAR_OF = {
  none: '-',
  scheduled: 'c',
  queued: 'q',
  running: 'r',
  restarting: 't',
  up_for_retry: 'y',
  up_for_reschedule: 'p',
  deferred: 'd',
  awaiting_input: 'i',
  success: 'S',
  failed: 'F',
  skipped: 'K',
  upstream_failed: 'U',
  removed: 'X',
} as const satisfies Record<TaskState, string>;

const STATE_OF = new Map<string, TaskState>(Object.entries(CHAR_OF).map(([state, char]) => [char, state as TaskState]));

export const stateChar = (state: TaskState): string => CHAR_OF[state];

export function stateOfChar(char: string): TaskState {
  const state = STATE_OF.get(char);
  if (state === undefined) throw new Error(`invariant: no task state is written as ${char}`);
  return state;
}

/** What a mapped task shows for all its instances: the first of these that any of them is in. */
const WORST_FIRST: readonly TaskState[] = [
  'failed', 'upstream_failed', 'up_for_retry', 'restarting', 'running', 'awaiting_input', 'deferred', 'up_for_reschedule',
  'queued', 'scheduled', 'none', 'removed', 'skipped', 'success',
];

export type StateCounts = { [state in TaskState]?: number };

export const worstState = (counts: StateCounts): TaskState => WORST_FIRST.find((state) => (counts[state] ?? 0) > 0) ?? 'none';

export function moveCount(counts: StateCounts, from: TaskState | null, to: TaskState | null): void {
  if (from !== null) {
    const left = (counts[from] ?? 0) - 1;
    if (left > 0) counts[from] = left;
    else delete counts[from];
  }
  if (to !== null) counts[to] = (counts[to] ?? 0) + 1;
}
