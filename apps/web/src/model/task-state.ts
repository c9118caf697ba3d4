/** Airflow's words for where a task instance stands. */
export type TaskState =
  | 'none' | 'scheduled' | 'queued' | 'running' | 'restarting' | 'up_for_retry' | 'up_for_reschedule' | 'deferred' | 'awaiting_input'
  | 'success' | 'failed' | 'skipped' | 'upstream_failed' | 'removed';

export type RunState = 'queued' | 'running' | 'success' | 'failed';

/** The character of a state in a packed strip: lower case is unfinished, upper case is terminal. */
const CHAR_OF: Readonly<Record<TaskState, string>> = {
  none: '-', scheduled: 'c', queued: 'q', running: 'r', restarting: 't', up_for_retry: 'y', up_for_reschedule: 'p', deferred: 'd',
  awaiting_input: 'i', success: 'S', failed: 'F', skipped: 'K', upstream_failed: 'U', removed: 'X',
};

const STATE_OF: ReadonlyMap<string, TaskState> = new Map((Object.keys(CHAR_OF) as TaskState[]).map((state) => [CHAR_OF[state], state]));

/** What a person must see first when several instances share one cell. */
export const WORST_FIRST: readonly TaskState[] = [
  'failed', 'upstream_failed', 'up_for_retry', 'restarting', 'running', 'awaiting_input', 'deferred', 'up_for_reschedule',
  'queued', 'scheduled', 'none', 'removed', 'skipped', 'success',
];

const RANK_OF_CHAR: ReadonlyMap<string, number> = new Map(WORST_FIRST.map((state, rank) => [CHAR_OF[state], rank]));

/** A run whose version of the DAG does not have the task. */
export const ABSENT = ' ';

export const charOf = (state: TaskState): string => CHAR_OF[state];

/** `null`: the task is not part of that run, or the character is newer than this page. */
export const stateOf = (char: string): TaskState | null => STATE_OF.get(char) ?? null;

/** The worst of the packed states; `ABSENT` when there is none. */
export function worstChar(chars: Iterable<string>): string {
  let worst = ABSENT;
  let worstRank = Number.POSITIVE_INFINITY;
  for (const char of chars) {
    const rank = RANK_OF_CHAR.get(char);
    if (rank !== undefined && rank < worstRank) {
      worst = char;
      worstRank = rank;
    }
  }
  return worst;
}

const TERMINAL: ReadonlySet<string> = new Set(['success', 'failed', 'skipped', 'upstream_failed', 'removed']);

export const isTerminal = (state: TaskState | RunState | null | undefined): boolean => state != null && TERMINAL.has(state);
