// Fails on purpose, so that there is a log with an error and its stack to look at; and tells so.
import { dag } from '@dagbook/sdk';

const d = dag('example_failed_dag', {
  schedule: '@once', startDate: '2021-01-01', catchup: false, tags: ['example'],
  onFailure: ({ failed }) => console.log(`failed: ${failed.join(', ')}`),
});
d.task('fail_task', async (): Promise<void> => { throw new Error('This is a test exception for stacktrace rendering'); })();
export default d;
