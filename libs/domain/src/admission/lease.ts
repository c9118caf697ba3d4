import { countDeferred, dagGate, giveBack, partsOf, poolGate, take } from './lane.ts';
import type { AdmissionState, Deferred, Gate, Lease, Ready, Worker } from './state.ts';

/** A live attempt begins to count: in its pool, its DAG, its caps and on its worker. */
export function openLease(
  state: AdmissionState,
  attempt: { readonly attemptId: string; readonly pool: string; readonly poolSlots: number; readonly deferredSlots?: number; readonly epoch: number },
  worker: Worker,
  granted?: Ready,
): Lease {
  const { dagId, runId, taskId } = partsOf(attempt.attemptId);
  if (attempt.poolSlots === 0) return openHosted(state, { ...attempt, dagId, runId, taskId }, worker, granted);
  const dag = dagGate(state, dagId);
  const gates = [dag, poolGate(state, attempt.pool)];
  const task = state.tasks.size > 0 ? state.tasks.get(`${dagId}/${taskId}`) : undefined;
  if (task !== undefined) gates.push(task);
  const taskInRun = state.tasksInRun.size > 0 ? state.tasksInRun.get(`${dagId}/${runId}/${taskId}`) : undefined;
  if (taskInRun !== undefined) gates.push(taskInRun);

  const lease: Lease = {
    attemptId: attempt.attemptId,
    dagId,
    runId,
    taskId,
    poolSlots: attempt.poolSlots,
    worker,
    gates,
    epoch: attempt.epoch,
    closedEpoch: 0,
    ...(granted === undefined ? {} : { granted }),
  };
  for (const gate of gates) take(gate, unitsOf(lease, gate));
  dag.leases.add(lease);
  state.leases.set(lease.attemptId, lease);
  occupy(state, worker, 1);
  return lease;
}

/** It counts on its worker alone, and takes none of its slots. */
function openHosted(
  state: AdmissionState,
  { attemptId, dagId, runId, taskId, epoch, pool, deferredSlots = 0 }: Pick<Lease, 'attemptId' | 'dagId' | 'runId' | 'taskId' | 'epoch'> & Deferred,
  worker: Worker,
  granted: Ready | undefined,
): Lease {
  const deferred = { pool, deferredSlots };
  const lease: Lease = { attemptId, dagId, runId, taskId, poolSlots: 0, deferred, worker, gates: [], epoch, closedEpoch: 0, ...(granted === undefined ? {} : { granted }) };
  state.leases.set(attemptId, lease);
  countDeferred(state, deferred, 1);
  worker.hosted += 1;
  return lease;
}

export function closeLease(state: AdmissionState, lease: Lease): void {
  state.leases.delete(lease.attemptId);
  lease.gates[0]?.leases.delete(lease);
  for (const gate of lease.gates) giveBack(state, gate, unitsOf(lease, gate));
  if (lease.deferred !== undefined) countDeferred(state, lease.deferred, -1);
  if (lease.poolSlots === 0) lease.worker.hosted -= 1;
  else occupy(state, lease.worker, -1);
  if (lease.worker.used === 0 && lease.worker.hosted === 0 && lease.worker.queues.length === 0) state.workers.delete(lease.worker.name);
}

/** The record of a worker, also of one known only from a lease. */
export function workerNamed(state: AdmissionState, name: string): Worker {
  let worker = state.workers.get(name);
  if (worker === undefined) {
    worker = { name, queues: [], slots: 0, used: 0, hosted: 0, available: false };
    state.workers.set(name, worker);
  }
  return worker;
}

/** How many of its slots a worker counts as taken in the queues it serves; more leases than slots take no other worker's. */
export const takenSlots = (worker: Worker): number => Math.min(worker.used, worker.slots);

function occupy(state: AdmissionState, worker: Worker, leases: number): void {
  const before = takenSlots(worker);
  worker.used += leases;
  const change = takenSlots(worker) - before;
  if (!worker.available || change === 0) return;
  for (const queue of worker.queues) {
    queue.used += change;
    if (change < 0 && queue.waiting.size > 0) state.opened.add(queue);
  }
}

const unitsOf = (lease: Lease, gate: Gate): number => (gate.kind === 'pool' ? lease.poolSlots : 1);
