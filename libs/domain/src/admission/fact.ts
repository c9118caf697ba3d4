import { unreachable } from '../decider.ts';
import { dequeue, enqueue, forgetIfUnused, poolGate, queueGate, setLimit } from './lane.ts';
import { closeLease, openLease, takenSlots, workerNamed } from './lease.ts';
import type { AdmissionState, Gate, Lease, ReadyAttempt } from './state.ts';

/** What the dispatcher hears. Every fact may come twice, late or out of order. */
export type AdmissionFact =
  | { readonly type: 'AttemptReady'; readonly attempt: ReadyAttempt }
  /** It holds no slot any more and wants none. `epoch` 0: whatever there is of it; else only the grant of that epoch. */
  | { readonly type: 'AttemptClosed'; readonly attemptId: string; readonly epoch: number }
  /** A grant of ours has committed at this epoch. If `leases` does not hold it after this, it was closed meanwhile: revoke it. */
  | { readonly type: 'GrantCommitted'; readonly attemptId: string; readonly epoch: number }
  /** A grant of ours did not commit: `again` puts the attempt back in its place, otherwise it is forgotten. */
  | { readonly type: 'GrantFailed'; readonly attemptId: string; readonly again: boolean }
  /** A row of `attempt_leases`, read when taking over. */
  | {
      readonly type: 'LeaseFound';
      readonly attemptId: string;
      readonly epoch: number;
      readonly worker: string;
      readonly pool: string;
      readonly poolSlots: number;
      readonly deferredSlots?: number;
    }
  /** A worker as it is now; `available` false when it drains or has not renewed in time. Its attempts go on counting. */
  | { readonly type: 'WorkerSeen'; readonly worker: string; readonly queues: readonly string[]; readonly slots: number; readonly available: boolean }
  | { readonly type: 'WorkerGone'; readonly worker: string }
  | { readonly type: 'PoolDeclared'; readonly pool: string; readonly slots: number; readonly includeDeferred: boolean }
  | { readonly type: 'PoolDeleted'; readonly pool: string };

/** Folds a fact into the state, in place. Costs O(log ready); a change of a limit looks again at the lanes that wait for it. */
export function evolveAdmission(state: AdmissionState, fact: AdmissionFact): AdmissionState {
  switch (fact.type) {
    case 'AttemptReady':
      attemptReady(state, fact.attempt);
      return state;
    case 'AttemptClosed':
      attemptClosed(state, fact.attemptId, fact.epoch);
      return state;
    case 'GrantCommitted': {
      const lease = state.leases.get(fact.attemptId);
      if (lease === undefined) return state;
      lease.epoch = fact.epoch;
      if (lease.closedEpoch >= fact.epoch) endLease(state, lease);
      return state;
    }
    case 'GrantFailed': {
      const lease = state.leases.get(fact.attemptId);
      if (lease?.granted === undefined || lease.epoch !== 0) return state;
      endLease(state, lease);
      if (fact.again && lease.next === undefined) {
        state.ready.set(lease.attemptId, lease.granted);
        enqueue(state, lease.granted);
      }
      return state;
    }
    case 'LeaseFound': {
      const ready = state.ready.get(fact.attemptId);
      if (ready !== undefined) {
        state.ready.delete(fact.attemptId);
        dequeue(state, ready);
      }
      const known = state.leases.get(fact.attemptId);
      if (known !== undefined) {
        if (known.epoch >= fact.epoch) return state;
        closeLease(state, known);
      }
      openLease(state, fact, workerNamed(state, fact.worker));
      return state;
    }
    case 'WorkerSeen':
      workerSeen(state, fact.worker, fact.queues, fact.slots, fact.available);
      return state;
    case 'WorkerGone':
      if (!state.workers.has(fact.worker)) return state;
      workerSeen(state, fact.worker, [], 0, false);
      if (workerNamed(state, fact.worker).used + workerNamed(state, fact.worker).hosted === 0) state.workers.delete(fact.worker);
      return state;
    case 'PoolDeclared':
      poolDeclared(state, fact.pool, fact.slots, fact.includeDeferred);
      return state;
    case 'PoolDeleted': {
      const gate = poolGate(state, fact.pool);
      gate.declared = false;
      includeDeferred(state, gate, false);
      setLimit(state, gate, 0);
      forgetIfUnused(state, gate);
      return state;
    }
    default:
      return unreachable(fact);
  }
}

function attemptReady(state: AdmissionState, attempt: ReadyAttempt): void {
  const lease = state.leases.get(attempt.attemptId);
  if (lease !== undefined) {
    // A later readiness of a try that went through a reschedule or deferral and overtook the news of its end.
    const known = lease.next ?? lease.granted?.attempt;
    if (known === undefined || isLater(attempt, known)) lease.next = attempt;
    return;
  }
  const known = state.ready.get(attempt.attemptId);
  if (known !== undefined) {
    if (!isLater(attempt, known.attempt)) return;
    dequeue(state, known);
  }
  const ready = { attempt, sequence: state.sequence++, lane: null, heapIndex: -1 };
  state.ready.set(attempt.attemptId, ready);
  enqueue(state, ready);
}

/** Of two that were said of one try: hints come late, twice and in any order, and only the newest may be granted. */
function isLater(attempt: ReadyAttempt, than: ReadyAttempt): boolean {
  const [epoch, known] = [attempt.lastEpoch ?? 0, than.lastEpoch ?? 0];
  return epoch === known ? attempt.readyAtMs > than.readyAtMs : epoch > known;
}

function attemptClosed(state: AdmissionState, attemptId: string, epoch: number): void {
  const lease = state.leases.get(attemptId);
  if (lease !== undefined) {
    if (epoch === 0) delete lease.next;
    if (epoch === 0 || epoch === lease.epoch) endLease(state, lease);
    else if (lease.epoch === 0) lease.closedEpoch = Math.max(lease.closedEpoch, epoch);
    return;
  }
  const ready = state.ready.get(attemptId);
  if (ready === undefined || epoch !== 0) return;
  state.ready.delete(attemptId);
  dequeue(state, ready);
}

function endLease(state: AdmissionState, lease: Lease): void {
  closeLease(state, lease);
  if (lease.next !== undefined) attemptReady(state, lease.next);
}

function workerSeen(state: AdmissionState, name: string, listed: readonly string[], slots: number, available: boolean): void {
  const queues = [...new Set(listed)];
  const worker = workerNamed(state, name);
  if (worker.slots === slots && worker.available === available && sameQueues(worker.queues, queues)) return;

  const former = worker.queues;
  const was = worker.available ? { slots: worker.slots, taken: takenSlots(worker) } : { slots: 0, taken: 0 };
  worker.slots = slots;
  worker.available = available;
  worker.queues = queues.map((queue) => queueGate(state, queue));
  const is = available ? { slots, taken: takenSlots(worker) } : { slots: 0, taken: 0 };

  for (const gate of former) {
    gate.servers.delete(worker);
    gate.used -= was.taken;
  }
  for (const gate of worker.queues) {
    gate.servers.add(worker);
    gate.used += is.taken;
  }
  for (const gate of former) setLimit(state, gate, gate.limit - was.slots);
  for (const gate of worker.queues) {
    setLimit(state, gate, gate.limit + is.slots);
    state.opened.add(gate);
  }
  for (const gate of former) forgetIfUnused(state, gate);
}

const sameQueues = (gates: readonly { readonly name: string }[], queues: readonly string[]): boolean =>
  gates.length === queues.length && gates.every((gate, index) => gate.name === queues[index]);

function poolDeclared(state: AdmissionState, pool: string, slots: number, includesDeferred: boolean): void {
  const gate = poolGate(state, pool);
  gate.declared = true;
  includeDeferred(state, gate, includesDeferred);
  setLimit(state, gate, slots);
}

function includeDeferred(state: AdmissionState, gate: Gate, isIncluded: boolean): void {
  if (gate.includeDeferred === isIncluded) return;
  gate.includeDeferred = isIncluded;
  gate.used += isIncluded ? gate.deferredSlots : -gate.deferredSlots;
  state.opened.add(gate);
}
