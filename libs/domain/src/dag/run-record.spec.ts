import { describe, expect, it } from 'vitest';
import type { DagDefinition } from './definition.ts';
import { decideDag } from './decide.ts';
import type { DagEvent } from './event.ts';
import { evolveDag, initialDag, type DagFold } from './fold.ts';
import { averageRuntimesMs, remembersRuns } from './run-record.ts';

const decided = (fold: DagFold, command: Parameters<typeof decideDag>[0]): readonly DagEvent[] => decideDag(command, fold) as readonly DagEvent[];
const begin = (fold: DagFold, ...runIds: string[]): DagFold => decided(fold, { type: 'BeginRuns', runIds, nowMs: 0 }).reduce(evolveDag, fold);
const end = (fold: DagFold, runId: string, state: 'success' | 'failed', definition: Pick<DagDefinition, 'maxConsecutiveFailedRuns'> = {}, runtimeMs = 10): readonly DagEvent[] =>
  decided(fold, { type: 'RecordRunEnd', definition, runId, state, runtimeMs, nowMs: 0 });
const story = (states: string, limit: number): DagFold =>
  [...states].reduce((fold, letter, index) => {
    const begun = begin(fold, `r${index}`);
    return end(begun, `r${index}`, letter === 'f' ? 'failed' : 'success', { maxConsecutiveFailedRuns: limit }).reduce(evolveDag, begun);
  }, initialDag());

describe('a DAG', () => {
  it.each([['ff', 3, false, 2], ['fff', 3, true, 3], ['ffsf', 3, false, 1], ['sfff', 3, true, 3], ['ffff', 0, false, 4], ['f', 1, true, 1]])('of the runs %s with a limit of %i: paused %s', (states, limit, paused, failedInARow) => {
    const fold = story(states, limit);
    expect([fold.paused, fold.runs.failedInARow, fold.runs.begun]).toEqual([paused, failedInARow, []]);
  });

  it('is paused by its next failure when somebody let it go on', () => {
    const goneOn = evolveDag(story('ff', 2), { type: 'DagUnpaused', by: 'ann', atMs: 0 });
    expect(end(begin(goneOn, 'x'), 'x', 'failed', { maxConsecutiveFailedRuns: 2 }).map(({ type }) => type)).toEqual(['RunEnded', 'DagPaused']);
  });

  it('counts a beginning and an end once', () => {
    const begun = begin(begin(initialDag(), 'a', 'b'), 'a');
    expect(begun.runs.begun).toEqual(['a', 'b']);
    const ended = end(begun, 'a', 'failed').reduce(evolveDag, begun);
    expect([end(ended, 'a', 'failed'), end(ended, 'z', 'failed')]).toEqual([[], []]);
  });

  it('remembers its runs only where that is asked for', () => {
    expect([remembersRuns({}), remembersRuns({ maxConsecutiveFailedRuns: 1 }), remembersRuns({ deadlines: [{ reference: 'queuedAt', intervalMs: 1 }] })]).toEqual([false, true, false]);
    expect(remembersRuns({ deadlines: [{ reference: 'averageRuntime', intervalMs: 1, averageOf: { limit: 1, minRuns: 1 } }] })).toBe(true);
  });
});

it('an average is of the newest runs, and of none when there are too few', () => {
  const fold = [10, 20, 60].reduce((before, runtimeMs, index) => {
    const begun = begin(before, `r${index}`);
    return end(begun, `r${index}`, 'success', {}, runtimeMs).reduce(evolveDag, begun);
  }, initialDag());
  const deadline = (limit: number, minRuns: number) => ({ reference: 'averageRuntime', intervalMs: 0, averageOf: { limit, minRuns } }) as const;
  expect(averageRuntimesMs({ deadlines: [deadline(10, 3), deadline(2, 1), { reference: 'queuedAt', intervalMs: 0 }, deadline(10, 4)] }, fold)).toEqual([30, 40, null, null]);
  expect(averageRuntimesMs({}, fold)).toBe(undefined);
});
