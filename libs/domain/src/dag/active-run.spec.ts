import { describe, expect, it } from 'vitest';
import { nextStartAtMs, runsToStart } from './active-run.ts';

describe('runsToStart', () => {
  const queued = new Map([['late', 30], ['early', 10], ['middle', 20]]);
  const dag = { definition: { maxActiveRuns: 3 }, paused: false, running: 1, queued, starting: new Set<string>(), nowMs: 30 };

  it('takes the oldest, as many as there is room for', () => {
    expect(runsToStart(dag)).toEqual(['early', 'middle']);
  });

  it('counts those that are starting already, and takes them no second time', () => {
    expect(runsToStart({ ...dag, starting: new Set(['early']) })).toEqual(['middle']);
  });

  it('takes none without room, and none of a paused DAG', () => {
    expect(runsToStart({ ...dag, running: 3 })).toEqual([]);
    expect(runsToStart({ ...dag, paused: true })).toEqual([]);
  });

  it('has room for 16 where nothing is said', () => {
    expect(runsToStart({ ...dag, definition: {}, running: 15 })).toEqual(['early']);
  });

  it('takes none before its time', () => {
    expect(runsToStart({ ...dag, nowMs: 19 })).toEqual(['early']);
    expect([9, 10, 29, 30].map((nowMs) => nextStartAtMs(queued, nowMs))).toEqual([10, 20, 30, null]);
  });
});
