// The first steps: defaults for all tasks, retries, docs, a command that reads the run's day.
import { bash, dag } from '@dagbook/sdk';

const d = dag('tutorial', {
  schedule: '@daily', startDate: '2021-01-01', catchup: false, tags: ['example'],
  defaults: { retries: 1, retryDelay: '5m' },
});

const date = d.task('print_date', bash({ command: 'date' }))();
d.task('sleep', bash({ command: 'sleep 0.1' }), { retries: 3 })().after(date);
d.task('templated', bash({ command: 'for i in 1 2 3 4 5; do echo "$DAY"; done', env: { DAY: '{{ ds }}' } }))().after(date);
export default d;
