import { IndexedHeap } from './heap.ts';
import type { HeapItem } from './heap.ts';

/**
 * Admission: which of the attempts that are ready may have a slot now, and on which worker.
 *
 * The state is folded from facts (`evolveAdmission`) and from its own grants (`admit`), in place, by its one owner, the
 * dispatcher that holds the session lock. What is live is counted from leases and from nothing else.
 *
 * - A **gate** is one limit: worker slots of a queue, slots of a pool, `maxActiveTasks` of a DAG, `maxActive` of a task,
 *   `maxActivePerRun` of a task in a run. It is open while `free` covers what is asked.
 * - A **lane** holds the ready attempts that ask for exactly the same of exactly the same gates, best first. So a lane
 *   passes or is blocked as a whole: 100,000 attempts behind a full pool cost one look at each of their lanes.
 * - A lane lies in one place: in `runnable`, or, after it met a closed gate, parked at that gate. Room at a gate wakes
 *   its best lane, and once that lane is dealt with the next, while there is room: so every open gate that lanes wait at
 *   has its best one in `runnable`, and the best of `runnable` is the best of all.
 * - A lane parked at a pool because its attempts want more slots than are free keeps the pool from lanes that rank below
 *   it, else small attempts would starve it. One that wants more than the pool has keeps it from nobody (`stuck`).
 * - A **flow** is the lanes of one DAG in one pool and queue. Lanes of equal priority take turns by flow, the one served
 *   longest ago first, and a flow that appears queues behind those that wait. So an attempt waits for at most one grant
 *   of each other flow of its priority for each attempt ahead of it in its own, however much another DAG has ready.
 */
export interface AdmissionState {
  /** Ready attempts and leases by attempt id; an attempt is in one of the two. */
  readonly ready: Map<string, Ready>;
  readonly leases: Map<string, Lease>;
  readonly workers: Map<string, Worker>;
  readonly pools: Map<string, Gate>;
  readonly queues: Map<string, Gate>;
  readonly dags: Map<string, Gate>;
  /** Keyed by `<dag>/<task>` and `<dag>/<run>/<task>`; only tasks that have such a cap have a gate. */
  readonly tasks: Map<string, Gate>;
  readonly tasksInRun: Map<string, Gate>;
  readonly lanes: Map<string, Lane>;
  readonly flows: Map<string, Flow>;
  readonly runnable: IndexedHeap<Lane>;
  /** Gates with room that they have not offered to a waiting lane yet. */
  readonly opened: Set<Gate>;
  /** Grants made so far: the clock by which flows take turns. */
  turn: number;
  sequence: number;
}

/** A try that waits for a slot; a message `AttemptReady` has this shape. */
export interface ReadyAttempt {
  readonly attemptId: string;
  readonly queue: string;
  readonly pool: string;
  /** 0: it holds no slot of anything, of the pool, the DAG or a worker, and only wants a worker that is there: what a trigger waits in. */
  readonly poolSlots: number;
  /** Of one that holds no slot: what its deferred task counts for in a pool that includes deferred ones. Absent: nothing. */
  readonly deferredSlots?: number;
  /** Higher goes first. */
  readonly priority: number;
  readonly readyAtMs: number;
  /** Newest epoch that the run knew of when it said so; what is behind another is of an earlier state of the try. Default 0. */
  readonly lastEpoch?: number;
  readonly caps: { readonly maxActiveTasks: number; readonly maxActive?: number; readonly maxActivePerRun?: number };
}

export interface Ready extends HeapItem {
  readonly attempt: ReadyAttempt;
  readonly sequence: number;
  lane: Lane | null;
}

export interface Lease {
  readonly attemptId: string;
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly poolSlots: number;
  readonly worker: Worker;
  /** Of one that holds no slot: where its deferred task counts. */
  readonly deferred?: Deferred;
  /** What ends with it: the pool's, the DAG's and the caps' units. Worker and queue are kept by `worker`. */
  readonly gates: Gate[];
  /** 0 until the grant has committed. */
  epoch: number;
  /** The newest epoch heard closed while the lease's own was not known yet. */
  closedEpoch: number;
  /** What was granted; absent when the lease was found in the database. */
  readonly granted?: Ready;
  /** Heard ready while this lease still stood: messages overtake one another. */
  next?: ReadyAttempt;
}

export interface Deferred {
  readonly pool: string;
  readonly deferredSlots?: number;
}

export interface Worker {
  readonly name: string;
  queues: readonly Gate[];
  slots: number;
  used: number;
  /** Attempts on it that hold no slot. */
  hosted: number;
  /** False: draining, unreachable, gone, or known only from a lease. */
  available: boolean;
}

export type GateKind = 'dag' | 'task' | 'taskInRun' | 'queue' | 'pool';

export interface Gate {
  readonly kind: GateKind;
  readonly name: string;
  limit: number;
  /** Above `limit` when that was lowered under what is live. */
  used: number;
  /** Lanes, workers and leases that hold on to it. */
  users: number;
  readonly waiting: IndexedHeap<Lane>;
  /** Lanes that want more than `limit`: no end of an attempt can help them. */
  readonly stuck: Set<Lane>;
  /** Of a DAG: its leases, which a cap that appears later counts from. */
  readonly leases: Set<Lease>;
  /** Of a queue: who serves it. */
  readonly servers: Set<Worker>;
  /** Of a pool. */
  declared: boolean;
  includeDeferred: boolean;
  /** Of deferred task instances, whose triggers are ready or live; among `used` when the pool includes them. */
  deferredSlots: number;
}

export interface Lane extends HeapItem {
  readonly key: string;
  readonly flow: Flow;
  /** In the order in which they are tried; the pool last, so that no lane keeps a pool while something else stops it. */
  readonly gates: readonly Gate[];
  readonly poolSlots: number;
  readonly attempts: IndexedHeap<Ready>;
  /** The gate that it waits at; null: in `runnable`. */
  parkedAt: Gate | null;
  /** The gate whose room brought it to `runnable`. */
  wokenBy: Gate | null;
  /** Rank, as of when it was put where it lies. */
  priority: number;
  turn: number;
  readyAtMs: number;
  sequence: number;
}

export interface Flow {
  readonly key: string;
  turn: number;
  lanes: number;
}

export const DEFAULT_POOL = 'default_pool';
export const DEFAULT_POOL_SLOTS = 128;

/** Nothing ready, nothing live, no worker; `default_pool` has 128 slots until a fact says otherwise. */
export function initialAdmission(): AdmissionState {
  const state: AdmissionState = {
    ready: new Map(),
    leases: new Map(),
    workers: new Map(),
    pools: new Map(),
    queues: new Map(),
    dags: new Map(),
    tasks: new Map(),
    tasksInRun: new Map(),
    lanes: new Map(),
    flows: new Map(),
    runnable: new IndexedHeap(laneBefore),
    opened: new Set(),
    turn: 0,
    sequence: 0,
  };
  const pool = newGate('pool', DEFAULT_POOL, DEFAULT_POOL_SLOTS);
  pool.declared = true;
  state.pools.set(DEFAULT_POOL, pool);
  return state;
}

export const newGate = (kind: GateKind, name: string, limit: number): Gate => ({
  kind,
  name,
  limit,
  used: 0,
  users: 0,
  waiting: new IndexedHeap(laneBefore),
  stuck: new Set(),
  leases: new Set(),
  servers: new Set(),
  declared: false,
  includeDeferred: false,
  deferredSlots: 0,
});

export function laneBefore(a: Lane, b: Lane): boolean {
  if (a.priority !== b.priority) return a.priority > b.priority;
  if (a.turn !== b.turn) return a.turn < b.turn;
  if (a.readyAtMs !== b.readyAtMs) return a.readyAtMs < b.readyAtMs;
  return a.sequence < b.sequence;
}

export function readyBefore(a: Ready, b: Ready): boolean {
  if (a.attempt.priority !== b.attempt.priority) return a.attempt.priority > b.attempt.priority;
  if (a.attempt.readyAtMs !== b.attempt.readyAtMs) return a.attempt.readyAtMs < b.attempt.readyAtMs;
  return a.sequence < b.sequence;
}

/** Whether the gate stops what the lane asks. Without slots any worker of the queue will do. */
export const stops = (gate: Gate, lane: Lane): boolean => (lane.poolSlots === 0 ? gate.limit === 0 : roomOf(gate) < demandOf(lane, gate));

export const roomOf = (gate: Gate): number => gate.limit - gate.used;

/** What one attempt of the lane takes of the gate. */
export const demandOf = (lane: Lane, gate: Gate): number => (gate.kind === 'pool' ? lane.poolSlots : 1);
