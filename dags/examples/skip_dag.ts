// A skipped task, followed under two trigger rules.
import { dag, SkipTask } from '@dagbook/sdk';

const d = dag('example_skip_dag', { startDate: '2021-01-01', tags: ['example'] });

for (const [n, triggerRule] of [['1', 'all_success'], ['2', 'one_success']] as const) {
  const skipped = d.task(`skip_operator_${n}`, async () => { throw new SkipTask('always'); })();
  const ran = d.empty(`always_true_${n}`);
  const join = d.empty(n, { triggerRule }).after(skipped, ran);
  d.empty(`final_${n}`).after(join);
}
export default d;
