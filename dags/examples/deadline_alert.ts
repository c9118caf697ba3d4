// By when each run must have succeeded: an hour after its logical date, and no slower than usual.
import { dag } from '@dagbook/sdk';

const d = dag('example_deadline_alert', {
  startDate: '2026-01-01', tags: ['example'],
  deadlines: [
    { name: 'an hour after it is due', reference: 'logicalDate', interval: '1h' },
    { name: 'waited too long', reference: 'queuedAt', interval: '5m' },
    { name: 'slower than usual', reference: 'averageRuntime', interval: '30s', averageOf: { limit: 10, minRuns: 3 } },
  ],
});
d.task('load', async () => 'in time')();
export default d;
