import { closedGate } from './admit.ts';
import { demandOf } from './state.ts';
import type { AdmissionState, Gate, Lane } from './state.ts';

/** Why a ready attempt has no slot yet: a code to act on and a sentence to read. */
export interface WaitingReason {
  readonly code:
    | 'no_worker_serves_queue'
    | 'no_free_worker_slot'
    | 'unknown_pool'
    | 'pool_too_small'
    | 'pool_full'
    | 'dag_at_cap'
    | 'task_at_cap'
    | 'task_in_run_at_cap'
    | 'next_in_turn';
  readonly message: string;
}

/** The first limit that keeps a ready attempt waiting; undefined when the attempt is not ready. */
export function whyWaiting(state: AdmissionState, attemptId: string): WaitingReason | undefined {
  const lane = state.ready.get(attemptId)?.lane;
  if (lane === undefined || lane === null) return undefined;
  const gate = closedGate(lane);
  if (gate === undefined) return { code: 'next_in_turn', message: 'It has a slot as soon as those before it have theirs.' };
  return reasonOf(gate, lane);
}

function reasonOf(gate: Gate, lane: Lane): WaitingReason {
  switch (gate.kind) {
    case 'dag':
      return { code: 'dag_at_cap', message: `DAG "${gate.name}" has ${gate.used} active tasks; maxActiveTasks is ${gate.limit}.` };
    case 'task':
      return { code: 'task_at_cap', message: `Task "${gate.name}" is active ${gate.used} times over all runs; its maxActive is ${gate.limit}.` };
    case 'taskInRun':
      return { code: 'task_in_run_at_cap', message: `Task "${gate.name}" is active ${gate.used} times in this run; its maxActivePerRun is ${gate.limit}.` };
    case 'queue':
      return queueReason(gate);
    case 'pool':
      return poolReason(gate, demandOf(lane, gate));
  }
}

function queueReason(gate: Gate): WaitingReason {
  if (gate.servers.size === 0) {
    return { code: 'no_worker_serves_queue', message: `No worker serves queue "${gate.name}"; start one that lists it, or change the task's queue.` };
  }
  if (gate.limit === 0) {
    return { code: 'no_worker_serves_queue', message: `Every worker that serves queue "${gate.name}" is draining or unreachable.` };
  }
  return { code: 'no_free_worker_slot', message: `All ${gate.limit} slots of the workers that serve queue "${gate.name}" are taken.` };
}

function poolReason(gate: Gate, slots: number): WaitingReason {
  if (!gate.declared) return { code: 'unknown_pool', message: `Pool "${gate.name}" does not exist; create it, or change the task's pool.` };
  if (slots > gate.limit) {
    return { code: 'pool_too_small', message: `It wants ${slots} slots of pool "${gate.name}", which has ${gate.limit}; enlarge the pool or lower the task's pool slots.` };
  }
  return { code: 'pool_full', message: `${gate.used} of ${gate.limit} slots of pool "${gate.name}" are taken and it wants ${slots}; those before it in the pool come first.` };
}
