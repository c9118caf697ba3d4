// Waits that take no worker slot: a sensor in deferred mode, and a task that defers itself and goes on where its trigger ends.
import { dag, defer, poke, trigger } from '@dagbook/sdk';

const d = dag('example_time_delta_sensor_async', { startDate: '2021-01-01', catchup: false, tags: ['example'] });

const wait = d.sensor('wait', async (_, { logicalDate }) => (Date.now() >= logicalDate.getTime() + 2_000 ? poke.done('two seconds are over') : poke.again()), {
  every: '1s', mode: 'deferred',
})();

const pause = d.task('pause', async (_, { resumed }) => (resumed === undefined ? defer(trigger.after('2s')) : `went on at ${String(resumed.event)}`))();

const order = d.task('order', async (_, { resumed }) => {
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

d.task('finish', async ({ waited, paused, parcels }: { waited: string; paused: string; parcels: unknown }) => [waited, paused, parcels])({ waited: wait, paused: pause, parcels: order });
export default d;
