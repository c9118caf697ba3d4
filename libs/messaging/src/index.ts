export type {
  BatchHandler, BusFaults, DeadLetter, DeadLetterCode, FailedDelivery, Listener, ListenRequest, MessageAttempts, MessageBroker,
  MessagePublisher, OutgoingMessage, Subscription,
} from './port.ts';
export { BusFault } from './port.ts';
export type { DeliveryPolicy } from './delivery.ts';
export type { MemoryBrokerOptions } from './memory/memory-broker.ts';
export { MemoryBroker } from './memory/memory-broker.ts';
export type { DagbookTransportOptions } from './nest/dagbook-transport.ts';
export { DagbookTransport, OnMessages } from './nest/dagbook-transport.ts';
