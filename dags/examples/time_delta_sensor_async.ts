// Waits that take no worker slot: a sensor in deferred mode, and tasks that defer themselves and go on where their trigger ends.
import { dag, defer, timeSensor, trigger } from '@dagbook/sdk';

const spec = { startDate: '2021-01-01', catchup: false, tags: ['example'] };

const sensor = dag('example_time_delta_sensor_async', spec);
const wait = sensor.sensor('wait', timeSensor({ after: '2s' }), { every: '1s', mode: 'deferred' })();
sensor.empty('finish').after(wait);

const deferring = dag('deferred_tasks', spec);
const pause = deferring.task('pause', async (_, { resumed }) => (resumed === undefined ? defer(trigger.after('2s')) : `went on at ${String(resumed.event)}`))();
const order = deferring.task('order', async (_, { resumed }) => {
  if (resumed === undefined) defer(trigger.named('delivered', { order: 7 }), { timeout: '1h' });
  return resumed.event;
}, {
  triggers: {
    // Thousands of these wait in one process: it asks, awaits and asks again, and never blocks.
    delivered: async ({ order: id }: { order: number }, { log }) => {
      log.info('asking for the order', { id });
      return { id, parcels: 2 };
    },
  },
})();
deferring.task('finish', async ({ paused, parcels }: { paused: string; parcels: unknown }) => [paused, parcels])({ paused: pause, parcels: order });

export default [sensor, deferring];
