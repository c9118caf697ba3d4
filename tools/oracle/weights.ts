import { priorityWeights } from '@dagbook/domain';
import type { WeightRule } from '@dagbook/domain';
import { oneByOne } from './form.ts';
import type { OracleForm } from './form.ts';

interface Row {
  readonly tasks: readonly { readonly id: string; readonly upstream: readonly string[]; readonly weight: number }[];
  readonly weightRule: WeightRule;
  readonly priorityWeightTotal: { readonly [taskId: string]: number };
}

/** Priority weights: the total of each task of a DAG by its weight rule. */
export const weights: OracleForm<Row> = {
  ask: ({ tasks, weightRule }) => ({ tasks, weightRule }),
  expected: (row) => row.priorityWeightTotal,
  answers: oneByOne(({ tasks, weightRule }) =>
    Object.fromEntries(
      priorityWeights({ tasks: tasks.map(({ id, upstream, weight }) => ({ taskId: id, operator: 'empty', upstream, priorityWeight: weight, weightRule })) }),
    ),
  ),
};
