// Reads what updates of an asset said beside themselves. `outlet_event_extra.ts` makes them.
import { asset, dag } from '@dagbook/sdk';

const output = asset('s3://output/1.txt', { name: 'test-asset' });

export default ['read_asset_event', 'read_asset_event_from_classic'].map((dagId) => {
  const d = dag(dagId, { schedule: '@daily', startDate: '1970-01-01', catchup: false, tags: ['example', 'consumes'] });
  d.task(dagId, async (_, { inletEvents, log }) => {
    const events = await inletEvents(output, { limit: 10 });
    for (const { extra, timestamp } of events) log.info(`at ${timestamp.toISOString()}: ${String(extra['hi'])}`);
    return events.map(({ extra }) => extra['hi'] as string);
  }, { inlets: [output] })();
  return d;
});
