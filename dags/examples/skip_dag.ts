// A skipped task, followed under two trigger rules.
import { dag, every, SkipTask } from '@dagbook/sdk';

const d = dag('example_skip_dag', { schedule: every('1d'), startDate: '2021-01-01', catchup: false, tags: ['example'] });

for (const [n, triggerRule] of [['1', 'all_success'], ['2', 'one_success']] as const) {
  const skipped = d.task(`skip_operator_${n}`, async (): Promise<void> => { throw new SkipTask('always'); })();
  const ran = d.empty(`always_true_${n}`);
  d.empty(`final_${n}`).after(d.empty(triggerRule, { triggerRule }).after(skipped, ran));
}
export default d;
