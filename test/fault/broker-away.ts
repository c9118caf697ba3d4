import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { waitingDag } from './dag-source.ts';
import type { FaultCluster } from './fault-cluster.ts';
import { holds } from './until.ts';

/** Freezes the broker while a task runs, thaws it, and lets the task end; answers what the journal says of the task. */
export async function brokerAway(cluster: FaultCluster, options: { readonly awayMs: number; readonly lostAfter: string }): Promise<readonly string[]> {
  const folder = join(cluster.historyFolder, 'broker_away');
  mkdirSync(folder, { recursive: true });
  await cluster.product.writeDag('broker_away', waitingDag('broker_away', folder, options.lostAfter));
  await cluster.trigger('broker_away', 'r1');
  await holds(async () => (await cluster.taskEvents('broker_away', 'r1')).some(({ type }) => type === 'TaskStarted'));
  const kafka = await cluster.running('kafka');
  process.kill(kafka, 'SIGSTOP');
  try {
    await pause(options.awayMs);
  } finally {
    process.kill(kafka, 'SIGCONT');
  }
  writeFileSync(join(folder, 'go'), '');
  await cluster.ended('broker_away', 'r1');
  return (await cluster.taskEvents('broker_away', 'r1')).map(({ type }) => type);
}
