// An asset whose name is only known when the task runs is updated through an alias. Who waits for the alias runs then, and who waits
// for the asset too. Unpause all four, then trigger the producers.
import { asset, assetAlias, dag, when } from '@dagbook/sdk';

/** Airflow has these twice, decorated and as operators; here both are the same calls. */
const build = (suffix: string, uri: string, aliasName: string, aliasTask: string) => {
  const spec = { startDate: '2021-01-01', catchup: false } as const;
  const file = asset(uri);
  const alias = assetAlias(aliasName);

  const producer = dag(`asset_s3_bucket_producer${suffix}`, { ...spec, tags: ['example', 'producer', 'asset'] });
  producer.task('produce_asset_events', async () => {}, { outlets: [file] })();

  const aliasProducer = dag(`asset_alias_example_alias_producer${suffix}`, { ...spec, tags: ['example', 'producer', 'asset-alias'] });
  aliasProducer.task(aliasTask, async (_, { emit, ds }) => emit(asset(uri), { day: ds }, { alias }), { outlets: [alias] })();

  const consumer = dag(`asset_s3_bucket_consumer${suffix}`, { ...spec, schedule: when.all(file), tags: ['example', 'consumer', 'asset'] });
  consumer.task('consume_asset_event', async (_, { triggeringAssetEvents }) => triggeringAssetEvents.length)();

  const aliasConsumer = dag(`asset_alias_example_alias_consumer${suffix}`, { ...spec, schedule: when.all(alias), tags: ['example', 'consumer', 'asset-alias'] });
  aliasConsumer.task('consume_asset_event_from_asset_alias', async (_, { inletEvents, log }) => {
    const events = await inletEvents(alias);
    for (const event of events) log.info(event.uri, event.extra);
    return events.map((event) => event.uri);
  }, { inlets: [alias] })();

  return [producer, aliasProducer, consumer, aliasConsumer];
};

export default [
  ...build('', 's3://bucket/my-task', 'example-alias', 'produce_asset_events_through_asset_alias'),
  ...build('_with_no_taskflow', 's3://bucket/my-task-with-no-taskflow', 'example-alias-no-taskflow', 'produce_asset_events_through_asset_alias_with_no_taskflow'),
];
