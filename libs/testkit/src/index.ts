export type { TestPostgres } from './postgres.ts';
export { withPostgres } from './postgres.ts';
export { aGrant, anEvent, describeEventStore, readFeed } from './event-store.conformance.ts';
export type { BusUnderTest, DeadMessage } from './messaging.conformance.ts';
export { describeMessageBroker, Inbox } from './messaging.conformance.ts';
export { Journal, PIPELINE, planHashOf } from './journal.ts';
export type { EngineRig } from './docker.ts';
export { startEngineRig } from './docker.ts';
