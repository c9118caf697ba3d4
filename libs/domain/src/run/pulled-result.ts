import type { RunEvent, TaskResult } from './event.ts';

/** What a task of a run has returned so far: of a mapped one by map index, of another under -1. */
export interface PulledResults {
  readonly isMapped: boolean;
  readonly results: ReadonlyMap<number, TaskResult>;
}

/** Reads a run's events for the results of one task: the newest of each instance, none of one that was cleared since. */
export function resultsOfTask(events: Iterable<RunEvent>, taskId: string): PulledResults {
  const results = new Map<number, TaskResult>();
  let isMapped = false;
  for (const event of events) {
    if (!('taskId' in event) || event.taskId !== taskId) continue;
    switch (event.type) {
      case 'TaskExpanded':
        isMapped = true;
        break;
      case 'TaskSucceeded':
        if (event.result === undefined) results.delete(event.mapIndex);
        else results.set(event.mapIndex, event.result);
        break;
      case 'TaskCleared':
      case 'TaskRestarting':
      case 'TaskRemoved':
        results.delete(event.mapIndex);
    }
  }
  return { isMapped, results };
}
