export type {
  AppendEntry, AppendResult, ContentKind, EventMeta, EventStore, Fence, Lease, LeaseGrant, LeaseStore, NewCommand, NewEvent,
  OwnershipSession, OwnershipStore, PendingCommand, Position, Snapshot, StoredEvent,
} from './port.ts';
export { FEED_START, formatPosition, parsePosition, StoreFault } from './port.ts';
