/** Injection tokens of what the scheduler is handed. */
export const STORE = Symbol('event store');
export const PUBLISHER = Symbol('message publisher');
export const LOG = Symbol('log');
