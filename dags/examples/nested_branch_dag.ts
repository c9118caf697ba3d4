// A branch within a branch; joins go on when one way was taken and none failed.
import { dag } from '@dagbook/sdk';

type Way = 'true' | 'false';
const d = dag('example_nested_branch_dag', { schedule: '@daily', startDate: '2021-01-01', catchup: false, tags: ['example'] });

const join = (id: string) => d.empty(id, { triggerRule: 'none_failed_min_one_success' });
const decide = (id: string) => d.task(id, async (): Promise<Way> => 'true')();

const outer = decide('branch_1');
const inner = decide('branch_2');
const outerJoin = join('join_1');
const innerJoin = join('join_2');
const [outerTrue, outerFalse] = [d.empty('true_1'), d.empty('false_1')];
const [innerTrue, innerFalse] = [d.empty('true_2'), d.empty('false_2')];

d.branch(outer, { true: outerTrue, false: outerFalse });
inner.after(outerFalse);
d.branch(inner, { true: innerTrue, false: innerFalse });
innerJoin.after(innerTrue, innerFalse);
outerJoin.after(outerTrue, d.empty('false_3').after(innerJoin));
export default d;
