// Late on purpose: what is to be done about it runs at once, beside the task, whatever becomes of that.
import { bash, dag } from '@dagbook/sdk';

const d = dag('example_deadline_callback', {
  startDate: '2026-01-01', tags: ['example'],
  deadlines: [
    {
      name: 'at once', reference: 'queuedAt', interval: '0s',
      onMissed: [
        ({ deadline, dagId, runId, log }) => log.warn(`${dagId} ${runId} was to be done ${deadline.name}`, { due: deadline.dueAt.toISOString() }),
        bash({ command: 'echo "{{ dag.dag_id }}: {{ deadline_name }} was missed"' }),
      ],
    },
  ],
  onSuccess: ({ reason, log }) => log.info(`late, and a ${reason} all the same`),
});
d.task('load', async () => 'late')();
export default d;
