export type { MessagePublisher, OutgoingMessage, Subscription } from './port.ts';
export { BusFault } from './port.ts';
