import { IndexedHeap } from './heap.ts';
import { demandOf, newGate, readyBefore, roomOf } from './state.ts';
import type { AdmissionState, Deferred, Flow, Gate, GateKind, Lane, Lease, Ready, ReadyAttempt } from './state.ts';

/** Ids hold no `/`, so it parts them: `<dag>/<run>/<task>/<map index>/<try>`. */
interface AttemptParts {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
}

export function partsOf(attemptId: string): AttemptParts {
  const first = attemptId.indexOf('/');
  const second = attemptId.indexOf('/', first + 1);
  const third = attemptId.indexOf('/', second + 1);
  return { dagId: attemptId.slice(0, first), runId: attemptId.slice(first + 1, second), taskId: attemptId.slice(second + 1, third) };
}

/** Puts a ready attempt into its lane. */
export function enqueue(state: AdmissionState, ready: Ready): void {
  const lane = laneFor(state, ready.attempt);
  countDeferred(state, ready.attempt, 1);
  ready.lane = lane;
  lane.attempts.push(ready);
  if (lane.attempts.best() === ready) relocate(state, lane);
}

/** Takes a ready attempt out of its lane, which ends when it was the last. */
export function dequeue(state: AdmissionState, ready: Ready): void {
  const lane = ready.lane as Lane;
  const wasBest = lane.attempts.best() === ready;
  countDeferred(state, ready.attempt, -1);
  lane.attempts.remove(ready);
  ready.lane = null;
  if (wasBest) relocate(state, lane);
}

/** Parks a lane of `runnable` at the gate that stops it. */
export function park(state: AdmissionState, lane: Lane, gate: Gate): void {
  state.runnable.remove(lane);
  lane.parkedAt = gate;
  if (lane.poolSlots === 0 || demandOf(lane, gate) > gate.limit) gate.stuck.add(lane);
  else gate.waiting.push(lane);
}

/** Brings the best waiting lane of the gate to `runnable`, if there is room for it. */
export function wakeBest(state: AdmissionState, gate: Gate): void {
  const best = bestWaiting(gate);
  if (best === undefined || roomOf(gate) < demandOf(best, gate)) return;
  gate.waiting.remove(best);
  best.parkedAt = null;
  best.wokenBy = gate;
  state.runnable.push(best);
}

/** The waiting lane that ranks first now: those whose flow was served since they were parked fall back. */
export function bestWaiting(gate: Gate): Lane | undefined {
  for (;;) {
    const best = gate.waiting.best();
    if (best === undefined || best.turn === best.flow.turn) return best;
    gate.waiting.remove(best);
    best.turn = best.flow.turn;
    gate.waiting.push(best);
  }
}

export function setLimit(state: AdmissionState, gate: Gate, limit: number): void {
  if (limit === gate.limit) return;
  const lowered = limit < gate.limit;
  gate.limit = limit;
  for (const lane of [...gate.stuck]) relocate(state, lane);
  // A lane that now wants more than there ever is must not keep the pool from the others.
  if (lowered) for (let lane = gate.waiting.best(); lane !== undefined; lane = gate.waiting.best()) relocate(state, lane);
  state.opened.add(gate);
}

export function take(gate: Gate, units: number): void {
  gate.used += units;
  gate.users += 1;
}

export function giveBack(state: AdmissionState, gate: Gate, units: number): void {
  gate.used -= units;
  if (gate.waiting.size > 0) state.opened.add(gate);
  letGo(state, gate);
}

/** A task that is deferred begins (1) or ceases (-1) to count in its pool. */
export function countDeferred(state: AdmissionState, { pool, deferredSlots = 0 }: Deferred, times: 1 | -1): void {
  if (deferredSlots === 0) return;
  const gate = poolGate(state, pool);
  gate.deferredSlots += times * deferredSlots;
  if (gate.includeDeferred) gate.used += times * deferredSlots;
  if (times === 1) return;
  if (gate.includeDeferred && gate.waiting.size > 0) state.opened.add(gate);
  forgetIfUnused(state, gate);
}

export function queueGate(state: AdmissionState, queue: string): Gate {
  return gateIn(state.queues, 'queue', queue, 0);
}

export function poolGate(state: AdmissionState, pool: string): Gate {
  return gateIn(state.pools, 'pool', pool, 0);
}

/** A DAG's cap is unknown, hence none, until one of its attempts is ready. */
export function dagGate(state: AdmissionState, dagId: string): Gate {
  return gateIn(state.dags, 'dag', dagId, Infinity);
}

/** Where the lane's place or rank is in doubt it goes to `runnable`, to be looked at again. */
function relocate(state: AdmissionState, lane: Lane): void {
  leave(state, lane);
  const best = lane.attempts.best();
  if (best === undefined) {
    endLane(state, lane);
    return;
  }
  rank(lane, best);
  state.runnable.push(lane);
}

/** What a lane held up by its place or by its wakening goes on to others. */
function leave(state: AdmissionState, lane: Lane): void {
  const gate = lane.parkedAt ?? lane.wokenBy;
  if (gate !== null) state.opened.add(gate);
  if (lane.parkedAt === null) {
    if (lane.heapIndex >= 0) state.runnable.remove(lane);
  } else if (!lane.parkedAt.stuck.delete(lane)) {
    lane.parkedAt.waiting.remove(lane);
  }
  lane.parkedAt = null;
  lane.wokenBy = null;
}

export function rank(lane: Lane, best: Ready): void {
  lane.priority = best.attempt.priority;
  lane.turn = lane.flow.turn;
  lane.readyAtMs = best.attempt.readyAtMs;
  lane.sequence = best.sequence;
}

function laneFor(state: AdmissionState, attempt: ReadyAttempt): Lane {
  const { dagId, runId, taskId } = partsOf(attempt.attemptId);
  const { maxActiveTasks, maxActive, maxActivePerRun } = attempt.caps;
  const flowKey = `${dagId}/${attempt.pool}/${attempt.queue}`;
  let key = `${flowKey}/${attempt.poolSlots}`;
  if (attempt.poolSlots === 0) return state.lanes.get(key) ?? newLane(state, { key, flowKey, poolSlots: 0, gates: [queueGate(state, attempt.queue)] });
  if (maxActive !== undefined) key += `/${taskId}`;
  if (maxActivePerRun !== undefined) key += `/${taskId}/${runId}`;

  const dag = dagGate(state, dagId);
  setLimit(state, dag, maxActiveTasks);
  const gates = [dag];
  if (maxActive !== undefined) {
    const gate = capGate(state.tasks, 'task', `${dagId}/${taskId}`, maxActive, dag, (lease) => lease.taskId === taskId);
    setLimit(state, gate, maxActive);
    gates.push(gate);
  }
  if (maxActivePerRun !== undefined) {
    const isOurs = (lease: Lease): boolean => lease.taskId === taskId && lease.runId === runId;
    const gate = capGate(state.tasksInRun, 'taskInRun', `${dagId}/${runId}/${taskId}`, maxActivePerRun, dag, isOurs);
    setLimit(state, gate, maxActivePerRun);
    gates.push(gate);
  }

  const existing = state.lanes.get(key);
  if (existing !== undefined) return existing;
  gates.push(queueGate(state, attempt.queue), poolGate(state, attempt.pool));
  return newLane(state, { key, flowKey, poolSlots: attempt.poolSlots, gates });
}

function newLane(state: AdmissionState, { key, flowKey, poolSlots, gates }: Pick<Lane, 'key' | 'gates' | 'poolSlots'> & { readonly flowKey: string }): Lane {
  const lane: Lane = {
    key,
    flow: flowFor(state, flowKey),
    gates,
    poolSlots,
    attempts: new IndexedHeap(readyBefore),
    parkedAt: null,
    wokenBy: null,
    heapIndex: -1,
    priority: 0,
    turn: 0,
    readyAtMs: 0,
    sequence: 0,
  };
  lane.flow.lanes += 1;
  for (const gate of gates) gate.users += 1;
  state.lanes.set(key, lane);
  return lane;
}

function flowFor(state: AdmissionState, key: string): Flow {
  let flow = state.flows.get(key);
  if (flow === undefined) {
    flow = { key, turn: state.turn, lanes: 0 };
    state.flows.set(key, flow);
  }
  return flow;
}

export function endLane(state: AdmissionState, lane: Lane): void {
  state.lanes.delete(lane.key);
  lane.flow.lanes -= 1;
  if (lane.flow.lanes === 0) state.flows.delete(lane.flow.key);
  for (const gate of lane.gates) letGo(state, gate);
}

function gateIn(gates: Map<string, Gate>, kind: GateKind, name: string, limit: number): Gate {
  let gate = gates.get(name);
  if (gate === undefined) {
    gate = newGate(kind, name, limit);
    gates.set(name, gate);
  }
  return gate;
}

/** The gate of a task's cap; a new one counts the leases that stood before anybody asked. */
function capGate(gates: Map<string, Gate>, kind: GateKind, name: string, limit: number, dag: Gate, isOurs: (lease: Lease) => boolean): Gate {
  const known = gates.has(name);
  const gate = gateIn(gates, kind, name, limit);
  if (!known) {
    for (const lease of dag.leases) {
      if (!isOurs(lease)) continue;
      take(gate, 1);
      lease.gates.push(gate);
    }
  }
  return gate;
}

function letGo(state: AdmissionState, gate: Gate): void {
  gate.users -= 1;
  forgetIfUnused(state, gate);
}

export function forgetIfUnused(state: AdmissionState, gate: Gate): void {
  if (gate.users > 0 || gate.declared || gate.deferredSlots > 0 || gate.servers.size > 0) return;
  const gates = { dag: state.dags, task: state.tasks, taskInRun: state.tasksInRun, queue: state.queues, pool: state.pools }[gate.kind];
  gates.delete(gate.name);
  state.opened.delete(gate);
}
