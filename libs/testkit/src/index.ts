export type { TestPostgres } from './postgres.ts';
export { withPostgres } from './postgres.ts';
export { aGrant, anEvent, describeEventStore, readFeed } from './event-store.conformance.ts';
