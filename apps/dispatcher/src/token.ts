/** Injection tokens of what the dispatcher is handed. */
export const PUBLISHER = Symbol('publisher');
export const STORE = Symbol('event store');
