import { expect, test } from 'vitest';
import type { RunEvent } from './event.ts';
import { resultsOfTask } from './pulled-result.ts';

const succeeded = (taskId: string, mapIndex: number, value?: number): RunEvent =>
  ({ type: 'TaskSucceeded', taskId, mapIndex, tryNumber: 1, epoch: 1, ...(value === undefined ? {} : { result: { kind: 'inline', value } }), atMs: 0 });

test('the newest result of each instance counts, and none of one that was cleared', () => {
  const events: RunEvent[] = [
    { type: 'TaskExpanded', taskId: 'm', length: 3, atMs: 0 },
    succeeded('m', 0, 1), succeeded('other', 0, 9), succeeded('m', 1, 2), succeeded('m', 2),
    { type: 'TaskCleared', taskId: 'm', mapIndex: 0, atMs: 0 },
    succeeded('m', 1, 3),
  ];
  expect(resultsOfTask(events, 'm')).toEqual({ isMapped: true, results: new Map([[1, { kind: 'inline', value: 3 }]]) });
  expect(resultsOfTask(events, 'other')).toEqual({ isMapped: false, results: new Map([[0, { kind: 'inline', value: 9 }]]) });
});
