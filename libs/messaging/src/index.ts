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
export type { ConsumerLimits } from './kafka/group-consumer.ts';
export type { BusLog, KafkaBrokerOptions } from './kafka/kafka-broker.ts';
export { KafkaBroker } from './kafka/kafka-broker.ts';
export { PostgresMessageAttempts } from './postgres-message-attempts.ts';
