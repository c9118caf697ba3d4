import type { RunEvent, TaskResult } from './event.ts';
import { XCOM_KEY } from './xcom.ts';

/** What stands under one key of a task of a run: of a mapped one by map index, of another under -1. */
export interface PulledResults {
  readonly isMapped: boolean;
  readonly results: ReadonlyMap<number, TaskResult>;
}

/** After these nothing of an instance's stands any more. */
const UNDOES: ReadonlySet<RunEvent['type']> = new Set(['TaskCleared', 'TaskRestarting', 'TaskRemoved']);

/** Reads a run's events for what a task returned, or what people set under another key: the newest of each instance, none of one that was cleared since. */
export function resultsOfTask(events: Iterable<RunEvent>, taskId: string, key: string = XCOM_KEY): PulledResults {
  const results = new Map<number, TaskResult>();
  let isMapped = false;
  for (const event of events) {
    if (!('taskId' in event) || event.taskId !== taskId) continue;
    if (event.type === 'TaskExpanded') isMapped = true;
    else if (event.type === 'XComSet' && event.key === key) results.set(event.mapIndex, event.value);
    else if (event.type === 'XComDeleted' && event.key === key) results.delete(event.mapIndex);
    else if (event.type === 'TaskSucceeded' && key === XCOM_KEY && event.result !== undefined) results.set(event.mapIndex, event.result);
    else if (UNDOES.has(event.type)) results.delete(event.mapIndex);
  }
  return { isMapped, results };
}
