/** Injection tokens of what is not a class of this app. */
export const BUNDLES = Symbol('BundleStore');
export const CLOCK = Symbol('AlarmClock');
export const LEASES = Symbol('LeaseStore');
export const LOG_READER = Symbol('LogReader');
export const WORKER_SECRET = Symbol('worker secret');
export const COOKIE_IS_SECURE = Symbol('cookie is secure');
export const STATE_STORE_POLICY = Symbol('StateStorePolicy');
export const VERSION = Symbol('version');
