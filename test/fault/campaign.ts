import { setTimeout as pause } from 'node:timers/promises';
import type { FaultCluster } from './fault-cluster.ts';
import { findViolations, type Findings } from './invariants.ts';
import { carryOut, gapsAfter, type Kill } from './killing.ts';
import { VICTIMS, type PlannedKill, type Victim } from './kill-plan.ts';
import { LatticeLoad } from './load.ts';

/** Above every time-out of the shortened protocol, several times over. */
const STUCK_AFTER_MS = 90_000;

export interface Campaign extends Findings {
  readonly kills: readonly Kill[];
  readonly gaps: ReadonlyMap<Kill, number>;
  readonly runs: number;
  /** Set when runs did not end. */
  readonly stuck?: string;
}

/** Load, kills, the end of the load, and the judgement. */
export async function campaign(cluster: FaultCluster, plan: readonly PlannedKill[], say: (line: string) => void = () => undefined): Promise<Campaign> {
  const load = new LatticeLoad(cluster);
  await load.start();
  await cluster.tasksGoOn();
  const kills = await carryOut(cluster, plan, ({ name, restartMs }) => say(`killed ${name}, back after ${restartMs} ms; ${load.runs.length} runs so far`));
  // What the last kill broke must meet load as well.
  await cluster.tasksGoOn();
  const stuck = await load.finish(STUCK_AFTER_MS).then(() => undefined, (error: Error) => error.message);
  await cluster.ask('GET', '/api/v2/dags');
  if (stuck === undefined) await quiet(cluster);
  const findings = await findViolations(cluster, load.runs);
  return { ...findings, kills, gaps: await gapsAfter(cluster, kills), runs: load.runs.length, ...(stuck === undefined ? {} : { stuck }) };
}

/** Late reports of fenced executions may still drop a lease: they have a moment, and then what is left is a leftover. */
async function quiet(cluster: FaultCluster): Promise<void> {
  for (let looks = 0; looks < 300; looks++) {
    const [row] = await cluster.query<{ n: string }>('SELECT (SELECT count(*) FROM attempt_leases) + (SELECT count(*) FROM commands WHERE outcome IS NULL) AS n');
    if (Number(row?.n) === 0) return;
    await pause(100);
  }
}

export const violationsOf = (campaign: Campaign): string[] => [
  ...(campaign.stuck === undefined ? [] : [campaign.stuck]),
  ...Object.entries(campaign.violations).flatMap(([invariant, found]) => found.map((violation) => `${invariant}: ${violation}`)),
];

/** A line for each victim, one for each invariant. */
export function table(campaign: Campaign): string {
  const byVictim = (victim: Victim) => campaign.kills.filter((kill) => kill.victim === victim);
  const rows = VICTIMS.map((victim) => {
    const kills = byVictim(victim);
    return [victim, String(kills.length), median(kills.map((kill) => kill.restartMs)), median(kills.map((kill) => campaign.gaps.get(kill) ?? 0)), longest(kills.map((kill) => campaign.gaps.get(kill) ?? 0))];
  });
  const kills = aligned([['killed', 'times', 'back, ms (p50)', 'no task began, ms (p50)', '(max)'], ...rows]);
  const invariants = aligned(Object.entries(campaign.violations).map(([invariant, found]) => [invariant, found.length === 0 ? 'holds' : `${found.length} violations`]));
  return `${kills}\n\n${invariants}\n\n${campaign.runs} runs, ${campaign.executions} executions, ${campaign.losses} attempts lost with their worker, ${campaign.wasted} executions whose result did not count`;
}

const median = (values: readonly number[]): string => (values.length === 0 ? '-' : String(Math.round([...values].sort((a, b) => a - b)[values.length >> 1] as number)));
const longest = (values: readonly number[]): string => (values.length === 0 ? '-' : String(Math.round(Math.max(...values))));

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => (row[column] as string).length))) ?? [];
  return rows.map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] as number) : cell.padStart(widths[column] as number))).join('  ')).join('\n');
}
