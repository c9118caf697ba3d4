import type { AttemptAssigned, AttemptLost, Outcome } from '@dagbook/contracts';
import type { Failure } from '@dagbook/domain';
import type { Held } from './lease-keeper.ts';
import type { AttemptLog } from './log-shipper.ts';
import type { RunnerTicket } from './runner-pool.ts';
import type { RunnerProcess } from './runner-process.ts';

/** What becomes of an attempt that ends here. */
export type Ending =
  | { readonly kind: 'report'; readonly outcome: Outcome }
  /** It did not run to an end, and may run elsewhere. */
  | { readonly kind: 'lost'; readonly cause: AttemptLost['cause']; readonly why: string }
  /** It is not this worker's any more: nothing it could say would count. */
  | { readonly kind: 'revoked'; readonly why: string };

/** One attempt on this worker; see the states at the top of `supervisor.ts`. */
export class Attempt implements Held {
  readonly assignment: AttemptAssigned;
  readonly attemptId: string;
  readonly epoch: number;
  readonly lostAfterMs: number;
  readonly log: AttemptLog;
  leaseFromMs: number;
  state: 'waiting' | 'running' | 'ending' = 'waiting';
  /** Set once it waits for a runner. */
  ticket: RunnerTicket | undefined;
  runner: RunnerProcess | undefined;
  startedAtMs = 0;
  isSensor = false;
  timer: NodeJS.Timeout | undefined;
  /** A newer grant of the same attempt, which begins when this one is dead. */
  successor: AttemptAssigned | undefined;

  constructor(assignment: AttemptAssigned, log: AttemptLog) {
    this.assignment = assignment;
    this.attemptId = assignment.attemptId;
    this.epoch = assignment.epoch;
    this.lostAfterMs = assignment.lostAfterMs;
    this.log = log;
    this.leaseFromMs = performance.now();
  }
}

export const failedWith = (failure: Failure): Ending => ({ kind: 'report', outcome: { kind: 'failed', failure } });
