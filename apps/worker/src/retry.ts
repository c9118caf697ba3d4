/** Something outside is away; what waited for it may be tried again. */
export class RetryableError extends Error {
  readonly code = 'worker.outside_away';
  readonly retryable = true;
  constructor(message: string, cause: unknown) {
    super(`${message}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'RetryableError';
  }
}
