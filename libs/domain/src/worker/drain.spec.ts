import { expect, it } from 'vitest';
import { workerDecider } from './drain.ts';

const asked = (drained: boolean, isPresent: boolean) => ({ type: 'SetWorkerDrained', worker: 'a-1', drained, isPresent, by: 'kim', atMs: 5 }) as const;

it('is drained and taken back, and by whom', () => {
  expect(workerDecider.decide(asked(true, true), null)).toEqual([{ type: 'WorkerDrained', by: 'kim', atMs: 5 }]);
  expect(workerDecider.evolve(null, { type: 'WorkerDrained', by: 'kim', atMs: 5 })).toBe('kim');
  expect(workerDecider.decide(asked(true, true), 'kim')).toEqual([]);
  expect(workerDecider.decide(asked(false, true), 'kim')).toEqual([{ type: 'WorkerUndrained', by: 'kim', atMs: 5 }]);
  expect(workerDecider.evolve('kim', { type: 'WorkerUndrained', by: 'kim', atMs: 5 })).toBe(null);
});

it('that is gone can be taken back and not drained', () => {
  expect(workerDecider.decide(asked(false, false), 'kim')).toEqual([{ type: 'WorkerUndrained', by: 'kim', atMs: 5 }]);
  expect(workerDecider.decide(asked(true, false), null)).toMatchObject({ code: 'worker_not_found', message: "No worker 'a-1' is there; `dagbook workers list` shows those that are." });
});
