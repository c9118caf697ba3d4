// Mappers of partitions that are code, and a cron whose task says which partition it made. As Airflow's example plugins
// custom_partition_mapper, business_day_window and custom_partition_timetable.
import { asset, cron, dag, partitions } from '@dagbook/sdk';

const tags = ['example', 'partitions'];

/** eu::daily-sales becomes daily-sales; other keys stay as they are. */
const withoutPrefix = (prefix: string) => partitions.mapper({
  name: `without_prefix_${prefix}`,
  toDownstream: (key) => (key.startsWith(`${prefix}::`) ? key.slice(prefix.length + 2) : key),
});

const sales = asset('s3://sales/by-region');
const worldwide = dag('example_asset_partition_custom_mapper', { schedule: partitions.of(sales, { mapper: partitions.chain(withoutPrefix('eu'), withoutPrefix('us')) }), tags });
worldwide.task('aggregate', async (_, { run, triggeringAssetEvents }) => [run.partitionKey ?? '', ...triggeringAssetEvents.map(({ partitionKey }) => partitionKey ?? '')])();

/** A month, once each of its days from Monday to Friday has come. */
const businessMonth = partitions.mapper({
  name: 'business_month',
  toDownstream: (day) => day.slice(0, 7),
  toUpstream: (month) => {
    const [year, number] = month.split('-').map(Number) as [number, number];
    const days = Array.from({ length: new Date(Date.UTC(year, number, 0)).getUTCDate() }, (_, index) => new Date(Date.UTC(year, number - 1, index + 1)));
    return days.filter((day) => day.getUTCDay() % 6 !== 0).map((day) => day.toISOString().slice(0, 10));
  },
});

const trades = asset('s3://trades/by-day');
const monthly = dag('example_asset_partition_business_month', { schedule: partitions.of(trades, { mapper: businessMonth }), tags });
monthly.task('close_month', async (_, { run }) => run.partitionKey ?? null)();

// Runs at six, and tells which day it found.
const found = dag('example_asset_partition_scheduled_at_runtime', { schedule: partitions.atRuntime(cron('0 6 * * 1-5', { timezone: 'UTC' })), tags });
found.task('look', async (_, { ds, emit }) => emit(trades, {}, { partitionKey: ds }), { outlets: [trades] })();

export default [worldwide, monthly, found];
