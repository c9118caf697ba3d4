// Each trigger rule below a task that succeeds, one that fails and one that is skipped.
import { dag, SkipTask, type TriggerRule } from '@dagbook/sdk';

const RULES: readonly TriggerRule[] = [
  'all_success', 'all_failed', 'all_done', 'all_done_min_one_success', 'all_skipped', 'one_success', 'one_failed', 'one_done',
  'none_failed', 'none_failed_min_one_success', 'none_skipped', 'always',
];
const d = dag('example_trigger_rules', { startDate: '2021-01-01', tags: ['example'] });

const succeeds = d.task('succeeds', async () => {})();
const fails = d.task('fails', async () => { throw new Error('on purpose'); })();
const skips = d.task('skips', async () => { throw new SkipTask('on purpose'); })();
for (const triggerRule of RULES) d.task(triggerRule, async () => {}, { triggerRule })().after(succeeds, fails, skips);
export default d;
