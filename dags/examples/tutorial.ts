// The first steps: defaults for all tasks, retries, docs, and a command with a template.
import { bash, dag, every } from '@dagbook/sdk';

const d = dag('tutorial', {
  schedule: every('1d'), startDate: '2021-01-01', catchup: false, tags: ['example'],
  defaults: { retries: 1, retryDelay: '5m' }, doc: 'A simple tutorial DAG. Its documentation may be any *Markdown*.',
});

const date = d.task('print_date', bash({ command: 'date' }), { doc: 'You can document your task: it is shown beside it.' })();
d.task('sleep', bash({ command: 'sleep 1' }), { retries: 3 })().after(date);
d.task('templated', bash({
  command: `
{% for i in range(5) %}
    echo "{{ ds }}"
    echo "{{ macros.ds_add(ds, 7) }}"
{% endfor %}
`,
}))().after(date);
export default d;
