import { partitionOf } from '@dagbook/contracts';
import { setTimeout as pause } from 'node:timers/promises';
import { latticeDag } from './dag-source.ts';
import type { FaultCluster } from './fault-cluster.ts';

/** Runs below which more are triggered: the tasks of so many keep both workers full. */
const OPEN_RUNS = 12;
const LOOK_EVERY_MS = 100;

/**
 * `throughput-10k`'s lattice over and over, in DAGs that lie in different partitions, so that both schedulers have work.
 * Runs are triggered as a client would: again until the API says that it is done.
 */
export class LatticeLoad {
  readonly runs: { readonly dagId: string; readonly runId: string }[] = [];
  readonly #cluster: FaultCluster;
  readonly #dagIds = spreadDagIds();
  #stopped = false;
  #going: Promise<void> | undefined;

  constructor(cluster: FaultCluster) {
    this.#cluster = cluster;
  }

  async start(): Promise<void> {
    await Promise.all(this.#dagIds.map((dagId) => this.#cluster.product.writeDag(dagId, latticeDag(dagId, this.#cluster.historyFolder))));
    this.#going = this.#go();
  }

  /** Triggers no more; resolves when every run has ended. Rejects when the journal has stood still for `stuckAfterMs`. */
  async finish(stuckAfterMs: number): Promise<void> {
    this.#stopped = true;
    await this.#going;
    let events = -1;
    let changedAtMs = performance.now();
    for (;;) {
      const ended = await this.#ended();
      if (ended === this.runs.length) return;
      const [row] = await this.#cluster.query<{ n: string }>('SELECT last_value AS n FROM events_pos');
      if (Number(row?.n) !== events) changedAtMs = performance.now();
      events = Number(row?.n);
      if (performance.now() - changedAtMs > stuckAfterMs) throw new Error(`${this.runs.length - ended} of ${this.runs.length} runs have not ended, and nothing has happened for ${stuckAfterMs / 1_000} s`);
      await pause(LOOK_EVERY_MS);
    }
  }

  async #go(): Promise<void> {
    while (!this.#stopped) {
      if (this.runs.length - (await this.#ended()) >= OPEN_RUNS) await pause(LOOK_EVERY_MS);
      else await Promise.all(this.#dagIds.map((dagId) => this.#trigger(dagId)));
    }
  }

  async #trigger(dagId: string): Promise<void> {
    const run = { dagId, runId: `r${this.runs.length + 1}` };
    this.runs.push(run);
    await this.#cluster.trigger(run.dagId, run.runId);
  }

  async #ended(): Promise<number> {
    const [row] = await this.#cluster.query<{ n: string }>(`SELECT count(*) AS n FROM events WHERE stream_id >= 'run-lattice_' AND stream_id < 'run-lattice' || chr(96) AND type IN ('RunSucceeded', 'RunFailed')`);
    return Number(row?.n);
  }
}

/** One DAG for each quarter of the partitions. */
function spreadDagIds(): string[] {
  const byQuarter = new Map<number, string>();
  for (let n = 0; byQuarter.size < 4; n++) {
    const dagId = `lattice_${n}`;
    const quarter = Math.floor(partitionOf(dagId) / 4);
    if (!byQuarter.has(quarter)) byQuarter.set(quarter, dagId);
  }
  return [...byQuarter.values()];
}
