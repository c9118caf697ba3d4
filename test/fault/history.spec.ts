import { describe, expect, it } from 'vitest';
import { judgeHistory, wasted, type Effect, type Execution } from './history.ts';

const ran = (epoch: number, beganAtMs: number, endedAtMs?: number, attempt = 'd/r/a/-1/1'): Execution => ({ attempt, epoch, pid: epoch, beganAtMs, ...(endedAtMs === undefined ? {} : { endedAtMs }) });
const took = (epoch: number, succeeded = true, attempt = 'd/r/a/-1/1'): Effect => ({ attempt, epoch, succeeded });

describe('the judge of what tasks wrote', () => {
  it('lets an execution pass that was fenced while a newer one ran', () => {
    const executions = [ran(1, 0, 100), ran(2, 50, 150)];
    expect(judgeHistory(executions, [took(2)])).toEqual([]);
    expect(wasted(executions, [took(2)])).toBe(1);
  });

  it('finds a success that no execution stands behind', () => {
    expect(judgeHistory([ran(1, 0, 100)], [took(2)])).toEqual(['d/r/a/-1/1@2 succeeded in the journal, and the task has not written that it ran']);
    expect(judgeHistory([ran(1, 0)], [took(1)])).toEqual(['d/r/a/-1/1@1 succeeded in the journal, and the task has not written that it ended']);
  });

  it('finds an epoch that ran twice', () => {
    expect(judgeHistory([ran(1, 0, 100), ran(1, 200, 300)], [took(1)])).toEqual(['d/r/a/-1/1@1 was executed 2 times under one epoch']);
  });

  it('finds two executions that count and overlap', () => {
    const second = 'd/r/a/-1/2';
    expect(judgeHistory([ran(1, 0, 100), ran(1, 50, 150, second)], [took(1, false), took(1, true, second)])).toEqual(['two executions of d/r/a/-1 that both count overlap: epochs 1 and 1']);
  });
});
