/**
 * The stream `attempt-<dag id>/<run id>/<task id>/<map index>/<try number>`: who was given the try, written only by
 * the dispatcher, in the transaction of the row in `attempt_leases`. The version of an `AttemptGranted` is its epoch.
 */
export type AttemptEvent = {
  readonly type: 'AttemptGranted';
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number;
  readonly tryNumber: number;
  /** The worker's slot name. */
  readonly worker: string;
  readonly queue: string;
  readonly pool: string;
  readonly poolSlots: number;
  readonly atMs: number;
};
