// By when each run must have succeeded: an hour after its logical date, and no slower than usual; who is told when it has not.
import { dag, type DeadlineCallbackContext } from '@dagbook/sdk';

const alert = ({ dagId, runId, deadline, log }: DeadlineCallbackContext<unknown>) => log.warn(`${runId} of ${dagId} is late: ${deadline.name}`);

const d = dag('example_deadline_alert', {
  startDate: '2026-01-01', tags: ['example'],
  deadlines: [
    { name: 'an hour after it is due', reference: 'logicalDate', interval: '1h', onMissed: alert },
    { name: 'waited too long', reference: 'queuedAt', interval: '5m', onMissed: alert },
    { name: 'slower than usual', reference: 'averageRuntime', interval: '30s', averageOf: { limit: 10, minRuns: 3 }, onMissed: alert },
  ],
});
d.task('load', async () => 'in time')();
export default d;
