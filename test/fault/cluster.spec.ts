import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { partitionOf } from '@dagbook/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { campaign, table, violationsOf } from './campaign.ts';
import { keepingDag, latticeDag, processesDag, waitingDag } from './dag-source.ts';
import { FaultCluster } from './fault-cluster.ts';
import { readHistory } from './history.ts';
import { gapsAfter } from './killing.ts';
import { VICTIMS } from './kill-plan.ts';
import { partAway } from './part-away.ts';
import { descendantsOf, isRunning } from './process-table.ts';
import { holds, until } from './until.ts';

/** One cluster for all of it: what a fault leaves behind is what the next one meets. */
let cluster: FaultCluster;
beforeAll(async () => {
  cluster = await FaultCluster.start();
});
afterAll(async () => {
  await cluster.stop();
});

describe('a cluster', () => {
  it('survives the kill of each of its processes under load, and of Kafka and Postgres', { timeout: 300_000 }, async () => {
    const plan = VICTIMS.map((victim) => ({ victim, which: 0, afterMs: 300, alone: true }));
    const result = await campaign(cluster, plan);
    process.stderr.write(`${table(result)}\n`);
    expect(violationsOf(result)).toEqual([]);
    expect(result.kills.map(({ victim }) => victim)).toEqual([...VICTIMS]);
  });

  it('does not count what a stopped worker reports when it goes on', async () => {
    const folder = join(cluster.historyFolder, 'stopped');
    mkdirSync(folder, { recursive: true });
    await cluster.product.writeDag('stopped', waitingDag('stopped', folder, '4s'));
    await cluster.trigger('stopped', 'r1');
    const { worker } = await until(async () => (await cluster.taskEvents('stopped', 'r1')).find(({ type }) => type === 'TaskStarted'));
    const name = nameOf(worker);
    const pid = await cluster.running(name);
    process.kill(pid, 'SIGSTOP');
    try {
      expect(await cluster.ended('stopped', 'r1')).toBe('RunSucceeded');
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    // What the stopped worker still had to send comes, in the order of the DAG's partition, before what it reports next.
    writeFileSync(join(folder, 'go'), '');
    await worksAgain('stopped', worker);
    const events = await cluster.taskEvents('stopped', 'r1');
    expect(events.map(({ type, epoch }) => [type, epoch])).toEqual([
      ['TaskScheduled', null], ['TaskStarted', 1], ['TaskAttemptLost', 1], ['TaskScheduled', null], ['TaskStarted', 2], ['TaskSucceeded', 2],
    ]);
    expect(events.at(-1)?.worker).not.toBe(worker);
    expect(readHistory(folder).filter(({ attempt }) => attempt.startsWith('stopped/r1/')).map(({ epoch }) => epoch).sort()).toEqual([1, 2]);
    await holds(async () => (await cluster.query('SELECT attempt_id FROM attempt_leases')).length === 0);
  });

  it('loses no healthy task while the broker is away for longer than leases are renewed', async () => {
    expect(await partAway(cluster, 'kafka', { awayMs: 6_000, lostAfter: '40s' })).toEqual(['TaskScheduled', 'TaskStarted', 'TaskSucceeded']);
  });

  it('leaves no process of a task running when its worker is killed', async () => {
    await cluster.product.writeDag('processes', processesDag('processes', join(cluster.historyFolder, 'processes')));
    await cluster.trigger('processes', 'r1');
    await holds(async () => (await cluster.taskEvents('processes', 'r1')).filter(({ type }) => type === 'TaskStarted').length === 3);
    const names = cluster.namesOf('worker');
    const before = await Promise.all(names.map((name) => cluster.running(name)));
    // The commands of the tasks are the last that a try starts.
    await holds(() => cluster.remains().filter(({ command }) => /^sleep 60[12]$/.test(command)).length === 2);
    const taskProcesses = before.flatMap((pid) => descendantsOf(pid).map((facts) => facts.pid));
    const strays = cluster.remains().filter(({ command }) => /^sleep 60[12]$/.test(command)).map((facts) => facts.pid);
    await Promise.all(names.map((name) => cluster.kill(name)));
    await holds(() => [...taskProcesses, ...strays].every((pid) => !isRunning(pid)));
    expect(await cluster.ended('processes', 'r1')).toBe('RunSucceeded');
  });

  it('keeps what a task kept before its worker was killed, for the next execution to go on from', async () => {
    await cluster.product.writeDag('keeping', keepingDag('keeping'));
    await cluster.trigger('keeping', 'r1');
    const { worker } = await until(async () => (await cluster.taskEvents('keeping', 'r1')).find(({ type }) => type === 'TaskStarted'));
    await holds(async () => (await cluster.query(`SELECT FROM task_states WHERE dag_id = 'keeping' AND value::text = '3'`)).length === 1);
    await cluster.kill(nameOf(worker));
    expect(await cluster.ended('keeping', 'r1')).toBe('RunSucceeded');
    await holds(async () => (await cluster.ask<{ state: string }>('GET', '/api/v2/dags/keeping/dagRuns/r1'))?.state === 'success');
    const { value } = (await cluster.ask<{ value: unknown }>('GET', '/api/v2/dags/keeping/dagRuns/r1/taskInstances/load/xcomEntries/return_value')) ?? {};
    expect(value).toEqual({ begun: 3, epoch: 2 });
    expect(await cluster.ask('GET', '/api/v2/dags/keeping/dagRuns/r1/taskInstances/load/state-store')).toMatchObject({ task_state_store: [{ key: 'page', value: 6 }], total_entries: 1 });
  });

  it('goes on with the other scheduler when one is killed', async () => {
    await cluster.product.writeDag('standby', latticeDag('standby', join(cluster.historyFolder, 'standby')));
    await cluster.trigger('standby', 'r1');
    await holds(async () => (await cluster.taskEvents('standby', 'r1')).some(({ type }) => type === 'TaskSucceeded'));
    const owner = ownersOf('standby').at(-1) as string;
    const before = ownersOf('standby').length;
    await cluster.kill(owner);
    const kill = { victim: 'scheduler', name: owner, atMs: Date.now(), restartMs: 0 } as const;
    expect(await cluster.ended('standby', 'r1')).toBe('RunSucceeded');
    process.stderr.write(`scheduler killed: no task began for ${(await gapsAfter(cluster, [kill])).get(kill)} ms\n`);
    expect(ownersOf('standby')[before]).not.toBe(owner);
    expect((await cluster.taskEvents('standby', 'r1')).filter(({ type }) => type === 'TaskSucceeded').length).toBe(100);
  });
});

/** Triggers runs until the worker has had one of them. */
async function worksAgain(dagId: string, worker: string | null): Promise<void> {
  let runs = 1;
  await holds(async () => {
    const batch = Array.from({ length: 4 }, () => `r${++runs}`);
    await Promise.all(batch.map((runId) => cluster.trigger(dagId, runId)));
    await Promise.all(batch.map((runId) => cluster.ended(dagId, runId)));
    const events = (await Promise.all(batch.map((runId) => cluster.taskEvents(dagId, runId)))).flat();
    return events.some((event) => event.type === 'TaskStarted' && event.worker === worker);
  });
}

/** The schedulers that took the DAG's partition, in the order of time, as they wrote in their logs. */
function ownersOf(dagId: string): string[] {
  const partition = partitionOf(dagId);
  return cluster.namesOf('scheduler')
    .flatMap((name) => readFileSync(join(cluster.logFolder, `${name}.jsonl`), 'utf8').split('\n').filter((line) => line.startsWith('{')).map((line) => ({ name, ...(JSON.parse(line) as { time: string; taken?: number[] }) })))
    .filter(({ taken }) => taken?.includes(partition) === true)
    .sort((a, b) => (a.time < b.time ? -1 : 1))
    .map(({ name }) => name);
}

const nameOf = (slot: string | null): string => (slot ?? '').replace(/^local-/, '');
