// A file that appears, or is written anew, is an update of an asset; each makes a run.
import { stat } from 'node:fs/promises';
import { asset, dag, watcher, when } from '@dagbook/sdk';

const FILE = '/tmp/dagbook_example_asset';

const written = watcher('written', async ({ last, log }) => {
  const found = await stat(FILE).catch(() => undefined);
  const id = found?.mtime.toISOString();
  if (found === undefined || id === undefined || id === last) return null;
  log.info(`${FILE} was written`, { at: id });
  return { id, extra: { bytes: found.size } };
}, { every: '1s' });

const d = dag('example_asset_with_watchers', {
  schedule: when.all(asset(`file://localhost${FILE}`, { watchers: [written] })), tags: ['example'],
});
d.task('test_task', async (_, { triggeringAssetEvents }) => triggeringAssetEvents.map(({ extra }) => extra['bytes'] as number))();
export default d;
