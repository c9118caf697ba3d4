export type {
  AppendEntry, AppendResult, BundleState, BundleStore, CheckpointStore, ContentKind, EventMeta, EventStore, Fence, Lease, LeaseGrant, LeaseStore, NewCommand, NewEvent,
  OwnershipSession, OwnershipStore, PendingCommand, Position, Snapshot, StoredEvent, Stores,
} from './port.ts';
export { FEED_START, formatPosition, isAfter, parsePosition, StoreFault } from './port.ts';
export type { Executed, ExecuteOptions, StreamDecider } from './execute.ts';
export { execute, loadState, loadStates } from './execute.ts';
export type { Upcaster } from './fact.ts';
export { toFact, toNewEvent, upcastChain } from './fact.ts';
export type { MemoryEventStore } from './memory/stores.ts';
export { createMemoryStores } from './memory/stores.ts';
export type { PoolOptions } from './postgres/connection.ts';
export { createPool } from './postgres/connection.ts';
export { migrate } from './postgres/migrate.ts';
export type { JournalService, ServiceUser } from './postgres/service-users.ts';
export { giveServiceRights } from './postgres/service-users.ts';
export type { ErasedRun } from './postgres/run-eraser.ts';
export { RunEraser } from './postgres/run-eraser.ts';
export type { AssetStateEntry, ExpiredState, LeaseHolder, StatePage, TaskStateEntry, TaskStateScope } from './postgres/state-store.ts';
export { StateStore } from './postgres/state-store.ts';
export type { PostgresStores } from './postgres/stores.ts';
export { openPostgresStores } from './postgres/stores.ts';
export type { Projection, ProjectionRound } from './projection-runner.ts';
export { ProjectionRunner, rebuildProjection } from './projection-runner.ts';
export { Relay } from './relay.ts';
