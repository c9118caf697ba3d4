/** Injection tokens of what the scheduler is handed. */
export const STORE = Symbol('event store');
export const LOG = Symbol('log');
