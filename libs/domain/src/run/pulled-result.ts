import type { RunEvent, TaskResult } from './event.ts';

/** What a task of a run has returned so far: of a mapped one by map index, of another under -1. */
export interface PulledResults {
  readonly isMapped: boolean;
  readonly results: ReadonlyMap<number, TaskResult>;
}

/** What came before them is not what the task returned any more; a success without a result returned nothing. */
const UNDOES: ReadonlySet<RunEvent['type']> = new Set(['TaskSucceeded', 'TaskCleared', 'TaskRestarting', 'TaskRemoved']);

/** Reads a run's events for the results of one task: the newest of each instance, none of one that was cleared since. */
export function resultsOfTask(events: Iterable<RunEvent>, taskId: string): PulledResults {
  const results = new Map<number, TaskResult>();
  let isMapped = false;
  for (const event of events) {
    if (!('taskId' in event) || event.taskId !== taskId) continue;
    if (event.type === 'TaskExpanded') isMapped = true;
    else if (event.type === 'TaskSucceeded' && event.result !== undefined) results.set(event.mapIndex, event.result);
    else if (UNDOES.has(event.type)) results.delete(event.mapIndex);
  }
  return { isMapped, results };
}
