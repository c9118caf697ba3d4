import { setTimeout as pause } from 'node:timers/promises';
import type { FaultCluster } from './fault-cluster.ts';
import type { PlannedKill, Victim } from './kill-plan.ts';

export interface Kill {
  readonly victim: Victim;
  readonly name: string;
  readonly atMs: number;
  /** Until its successor ran. */
  readonly restartMs: number;
}

/** Carries out a plan of kills and waits until everything that was killed is there again. */
export async function carryOut(cluster: FaultCluster, plan: readonly PlannedKill[], onKill: (kill: Kill) => void = () => undefined): Promise<Kill[]> {
  const waits: Promise<Kill>[] = [];
  for (const { victim, which, afterMs, alone } of plan) {
    if (alone) {
      await waits.at(-1);
      await cluster.tasksGoOn();
    }
    await pause(afterMs);
    const names = cluster.namesOf(victim);
    const name = names[Math.floor(which * names.length)] as string;
    const successor = await cluster.kill(name);
    const atMs = Date.now();
    waits.push(successor().then(() => {
      const kill = { victim, name, atMs, restartMs: Date.now() - atMs };
      onKill(kill);
      return kill;
    }));
  }
  return Promise.all(waits);
}

/** A kill may show so much later: what it broke was not asked for at once. */
const SHOWS_WITHIN_MS = 5_000;

/** The longest time without a task's start that each kill caused: those that it fell into first, or that came soon after it. */
export async function gapsAfter(cluster: FaultCluster, kills: readonly Kill[]): Promise<Map<Kill, number>> {
  const gaps = await cluster.query<{ fromMs: number; toMs: number }>(
    `SELECT from_ms::float8 AS "fromMs", to_ms::float8 AS "toMs" FROM (
       SELECT lag(stored_at_ms) OVER (ORDER BY stored_at_ms) AS from_ms, stored_at_ms AS to_ms FROM events WHERE type = 'TaskStarted'
     ) g WHERE to_ms - from_ms > 20 ORDER BY from_ms`,
  );
  const inTime = [...kills].sort((a, b) => a.atMs - b.atMs);
  const longest = new Map(inTime.map((kill) => [kill, 0]));
  for (const { fromMs, toMs } of gaps) {
    const cause = inTime.find(({ atMs }) => atMs > fromMs && atMs < toMs) ?? inTime.findLast(({ atMs }) => atMs <= fromMs && atMs > fromMs - SHOWS_WITHIN_MS);
    if (cause !== undefined) longest.set(cause, Math.max(longest.get(cause) ?? 0, toMs - Math.max(fromMs, cause.atMs)));
  }
  return longest;
}
