import { readFileSync } from 'node:fs';
import { compilePlan, createRunState, isRejected, readyInstances, settle, type DagDefinition } from '@dagbook/domain';
import { expect, test } from 'vitest';
import { createRun } from '../oracles/dagrun-row.ts';

interface Selection {
  readonly tasks: readonly { readonly id: string; readonly upstream: readonly string[] }[];
  readonly setupTeardown: readonly (readonly [setup: string, teardown: string])[];
  readonly selected: readonly string[];
  readonly downstream: boolean;
  readonly upstream: boolean;
  readonly cleared: readonly string[];
}

const selections = readFileSync(new URL('../oracles/selections.jsonl', import.meta.url), 'utf8')
  .trimEnd().split('\n').map((line) => JSON.parse(line) as Selection);

function definitionOf({ tasks, setupTeardown }: Selection): DagDefinition {
  return {
    dagId: 'oracle', timezone: 'UTC', schedule: { kind: 'none' },
    tasks: tasks.map(({ id, upstream }) => {
      const setups = setupTeardown.filter(([, teardown]) => teardown === id).map(([setup]) => setup);
      return {
        taskId: id, operator: 'oracle', upstream,
        ...(setupTeardown.some(([setup]) => setup === id) ? { setup: true } : {}),
        ...(setups.length > 0 ? { teardown: { setups } } : {}),
      };
    }),
  };
}

test.each(selections.map((selection, line) => ({ line: line + 1, selection })))('clear of line $line, in a run, covers what Airflow clears', ({ selection }) => {
  const run = createRunState(compilePlan(definitionOf(selection)));
  settle(run, createRun(0));
  settle(run, { type: 'StartRun', nowMs: 0 });
  for (let ready = readyInstances(run); ready.length > 0; ready = readyInstances(run)) {
    for (const { taskId, mapIndex, tryNumber } of ready) settle(run, { type: 'RecordTaskSucceeded', taskId, mapIndex, tryNumber, epoch: 1, nowMs: 1 });
  }
  expect(run.state).toBe('success');

  const cleared = settle(run, {
    type: 'ClearTasks', tasks: selection.selected.map((taskId) => ({ taskId })), upstream: selection.upstream, downstream: selection.downstream, nowMs: 2,
  });
  const covered = isRejected(cleared) ? [] : cleared.events.flatMap((event) => (event.type === 'TaskCleared' ? [event.taskId] : []));
  expect(covered.sort()).toEqual(selection.cleared);
});
