// One of four ways is taken; the join runs whichever it was.
import { dag } from '@dagbook/sdk';

const WAYS = ['a', 'b', 'c', 'd'] as const;
const d = dag('example_branch_operator', { schedule: '@daily', startDate: '2021-01-01', tags: ['example', 'example2'] });

const start = d.empty('run_this_first');
const decided = d.task('branching', async (_, { logicalDate }): Promise<(typeof WAYS)[number]> => WAYS[logicalDate.getUTCDate() % 4] ?? 'a')().after(start);
const join = d.empty('join', { triggerRule: 'none_failed_min_one_success' });
const way = (name: (typeof WAYS)[number]) => {
  const work = d.task(`branch_${name}`, async () => name)();
  d.empty(`follow_${name}`).after(work).before(join);
  return work;
};
d.branch(decided, { a: way('a'), b: way('b'), c: way('c'), d: way('d') });
export default d;
