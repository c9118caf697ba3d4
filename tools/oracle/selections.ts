import { clearSelection } from '@dagbook/domain';
import { oneByOne } from './form.ts';
import type { OracleForm } from './form.ts';

interface Row {
  readonly tasks: readonly { readonly id: string; readonly upstream: readonly string[] }[];
  readonly setupTeardown: readonly (readonly [setup: string, teardown: string])[];
  readonly selected: readonly string[];
  readonly downstream: boolean;
  readonly upstream: boolean;
  readonly cleared: readonly string[];
}

/** Selections: the tasks that a clear of some of them covers. */
export const selections: OracleForm<Row> = {
  ask: ({ cleared: _, ...asked }) => asked,
  expected: ({ cleared }) => cleared.toSorted(),
  answers: oneByOne(({ tasks, setupTeardown, selected, upstream, downstream }) => {
    const setups = new Set(setupTeardown.map(([setup]) => setup));
    const definition = tasks.map(({ id, upstream: direct }) => {
      const torn = setupTeardown.filter(([, teardown]) => teardown === id).map(([setup]) => setup);
      return { taskId: id, upstream: direct, setup: setups.has(id), ...(torn.length === 0 ? {} : { teardown: { setups: torn } }) };
    });
    return clearSelection({ tasks: definition }, new Set(selected), { upstream, downstream }).toSorted();
  }),
};
