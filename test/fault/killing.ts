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
    if (alone) await waits.at(-1);
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

/** The longest time without a task's start that followed each kill, looked for until the next kill. */
export async function gapsAfter(cluster: FaultCluster, kills: readonly Kill[], withinMs = 5_000): Promise<Map<Kill, number>> {
  const gaps = await cluster.query<{ fromMs: number; gapMs: number }>(
    `SELECT from_ms AS "fromMs", gap_ms AS "gapMs" FROM (
       SELECT (lag(stored_at_ms) OVER w)::float8 AS from_ms, (stored_at_ms - lag(stored_at_ms) OVER w)::float8 AS gap_ms
       FROM events WHERE type = 'TaskStarted' WINDOW w AS (ORDER BY stored_at_ms)
     ) g WHERE gap_ms > 20`,
  );
  const inTime = [...kills].sort((a, b) => a.atMs - b.atMs);
  return new Map(inTime.map((kill, index) => {
    const untilMs = Math.min(kill.atMs + withinMs, inTime[index + 1]?.atMs ?? Number.POSITIVE_INFINITY);
    const after = gaps.filter(({ fromMs, gapMs }) => fromMs + gapMs > kill.atMs && fromMs < untilMs);
    return [kill, Math.max(0, ...after.map(({ fromMs, gapMs }) => fromMs + gapMs - Math.max(fromMs, kill.atMs)))];
  }));
}
