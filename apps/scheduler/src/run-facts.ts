import type { Work } from '@dagbook/contracts';
import type { HotRun } from './hot-run.ts';

/** What every attempt of a run is told of it. */
export const runFacts = ({ created }: Pick<HotRun, 'created'>): Work['run'] => ({
  runType: created.runType,
  logicalDateMs: created.logicalDateMs,
  dataInterval: created.dataInterval,
  runAfterMs: created.runAfterMs,
  conf: created.conf,
  params: created.params,
  ...(created.assetEvents === undefined ? {} : { assetEvents: created.assetEvents }),
  ...(created.assetEventsKey === undefined ? {} : { assetEventsKey: created.assetEventsKey }),
  ...(created.partitionKey === undefined ? {} : { partitionKey: created.partitionKey }),
  ...(created.partitionDateMs === undefined ? {} : { partitionDateMs: created.partitionDateMs }),
});
