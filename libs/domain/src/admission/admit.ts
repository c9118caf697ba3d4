import { bestWaiting, countDeferred, endLane, park, rank, wakeBest } from './lane.ts';
import { openLease } from './lease.ts';
import { laneBefore, stops } from './state.ts';
import type { AdmissionState, Gate, Lane, Ready, ReadyAttempt, Worker } from './state.ts';

export interface Grant {
  /** The very object that its `AttemptReady` brought. */
  readonly attempt: ReadyAttempt;
  readonly worker: string;
}

/**
 * Grants slots to the best ready attempts, at most `limit` of them: by priority, then in turn between DAGs, then by
 * readiness. What it grants counts at once; each grant must be answered by `GrantCommitted` or `GrantFailed`.
 * Costs O(log lanes) a grant, and as much for each lane that meets a closed gate, once until that gate has room.
 */
export function admit(state: AdmissionState, limit: number): Grant[] {
  for (const gate of state.opened) wakeBest(state, gate);
  state.opened.clear();
  const grants: Grant[] = [];
  while (grants.length < limit) {
    const lane = state.runnable.best();
    if (lane === undefined) break;
    const { wokenBy } = lane;
    lane.wokenBy = null;
    if (lane.turn === lane.flow.turn) {
      const gate = closedGate(lane);
      if (gate === undefined) grants.push(grantBest(state, lane));
      else park(state, lane, gate);
    } else {
      reinsert(state, lane);
    }
    if (wokenBy !== null) wakeBest(state, wokenBy);
  }
  return grants;
}

/** The first gate that stops the lane; undefined when it may pass now. */
export function closedGate(lane: Lane): Gate | undefined {
  for (const gate of lane.gates) {
    if (stops(gate, lane)) return gate;
    const ahead = gate.kind === 'pool' ? bestWaiting(gate) : undefined;
    if (ahead !== undefined && ahead !== lane && laneBefore(ahead, lane)) return gate;
  }
  return undefined;
}

function grantBest(state: AdmissionState, lane: Lane): Grant {
  const ready = lane.attempts.best() as Ready;
  lane.attempts.remove(ready);
  ready.lane = null;
  countDeferred(state, ready.attempt, -1);
  state.ready.delete(ready.attempt.attemptId);
  state.turn += 1;
  lane.flow.turn = state.turn;
  const worker = lane.poolSlots === 0 ? leastHosting(lane.gates[0] as Gate) : leastLoaded(lane.gates[lane.gates.length - 2] as Gate);
  openLease(state, { ...pick(ready.attempt), epoch: 0 }, worker, ready);
  if (lane.attempts.size === 0) {
    state.runnable.remove(lane);
    endLane(state, lane);
  } else {
    reinsert(state, lane);
  }
  return { attempt: ready.attempt, worker: worker.name };
}

const pick = ({ attemptId, pool, poolSlots, deferredSlots = 0 }: ReadyAttempt) => ({ attemptId, pool, poolSlots, deferredSlots });

function reinsert(state: AdmissionState, lane: Lane): void {
  state.runnable.remove(lane);
  rank(lane, lane.attempts.best() as Ready);
  state.runnable.push(lane);
}

function leastLoaded(queue: Gate): Worker {
  let best: Worker | undefined;
  for (const worker of queue.servers) {
    if (!worker.available || worker.used >= worker.slots) continue;
    if (best === undefined || worker.used * best.slots < best.used * worker.slots) best = worker;
  }
  return best as Worker;
}

function leastHosting(queue: Gate): Worker {
  let best: Worker | undefined;
  for (const worker of queue.servers) {
    if (worker.available && worker.slots > 0 && (best === undefined || worker.hosted < best.hosted)) best = worker;
  }
  return best as Worker;
}
