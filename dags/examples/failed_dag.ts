// Fails on purpose, and tells so.
import { bash, dag } from '@dagbook/sdk';

const d = dag('example_failed_dag', {
  startDate: '2021-01-01', tags: ['example'],
  onFailure: ({ failed }) => console.log(`failed: ${failed.join(', ')}`),
});
const failing = d.task('fail_task', bash({ command: 'echo "about to fail"; exit 1' }))();
d.empty('never_reached').after(failing);
d.empty('reached_all_the_same', { triggerRule: 'all_done' }).after(failing);
export default d;
