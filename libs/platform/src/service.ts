import type { Service } from '@dagbook/contracts';

/** A service that runs, in a process of its own or beside others in standalone. */
export interface RunningService {
  readonly name: Service;
  /** Stops taking work, drains until the deadline, closes what it opened. Safe twice. */
  stop(deadlineMs?: number): Promise<void>;
}
