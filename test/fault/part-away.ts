import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { waitingDag } from './dag-source.ts';
import type { FaultCluster } from './fault-cluster.ts';
import { descendantsOf } from './process-table.ts';
import { holds } from './until.ts';

/**
 * Freezes the broker, or Postgres with all its backends, while a task runs, thaws it, and lets the task end; answers what
 * the journal says of the task. Frozen is worse than killed: connections stay, and nothing on them is answered.
 */
export async function partAway(cluster: FaultCluster, part: 'kafka' | 'postgres', options: { readonly awayMs: number; readonly lostAfter: string }): Promise<readonly string[]> {
  const dagId = `${part}_away`;
  const folder = join(cluster.historyFolder, dagId);
  mkdirSync(folder, { recursive: true });
  await cluster.product.writeDag(dagId, waitingDag(dagId, folder, options.lostAfter));
  await cluster.trigger(dagId, 'r1');
  await holds(async () => (await cluster.taskEvents(dagId, 'r1')).some(({ type }) => type === 'TaskStarted'));
  const pid = await cluster.running(part);
  const frozen = [pid, ...descendantsOf(pid).map((facts) => facts.pid)];
  frozen.forEach((each) => signal(each, 'SIGSTOP'));
  try {
    await pause(options.awayMs);
  } finally {
    frozen.forEach((each) => signal(each, 'SIGCONT'));
  }
  writeFileSync(join(folder, 'go'), '');
  await cluster.ended(dagId, 'r1');
  return (await cluster.taskEvents(dagId, 'r1')).map(({ type }) => type);
}

/** A backend may have gone meanwhile. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
