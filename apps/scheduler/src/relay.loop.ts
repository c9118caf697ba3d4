import type { Json } from '@dagbook/domain';
import { isSecretStream, TOPICS } from '@dagbook/contracts';
import { formatPosition, Relay, type Stores, type StoredEvent } from '@dagbook/event-store';
import type { MessagePublisher, OutgoingMessage } from '@dagbook/messaging';
import { errorAttributes, Leadership, WakeableLoop, type Log } from '@dagbook/platform';

const EVERY_MS = 50;
const RETRY_MS = 500;
const BATCH = 1_000;

/**
 * Hands every stored event to `dagbook.events`, for integrations: one scheduler relays, the others stand by. Nothing of
 * Dagbook itself listens there, so a relay that is behind holds nothing up.
 */
export class RelayLoop {
  readonly #leadership: Leadership;
  readonly #loop: WakeableLoop<void>;

  constructor(ports: { readonly stores: Stores; readonly publisher: MessagePublisher; readonly log: Log }) {
    const { stores, publisher, log } = ports;
    const relay = new Relay({
      events: stores.events,
      checkpoints: stores.checkpoints,
      publish: (events) => publisher.publish(events.filter(({ streamId }) => !isSecretStream(streamId)).map(toMessage)),
      batchSize: BATCH,
    });
    this.#loop = new WakeableLoop({
      round: async () => {
        while ((await relay.runOnce()) === BATCH);
      },
      intervalMs: EVERY_MS,
      onError: (error) => log.warn('events could not be relayed; they are again in a moment', errorAttributes(error)),
    });
    this.#leadership = new Leadership({
      ownership: stores.ownership,
      lock: 'dagbook.relay',
      retryMs: RETRY_MS,
      onLead: async () => this.#loop.start(),
      onStepDown: () => this.#loop.stop(),
      log,
    });
  }

  start(): void {
    this.#leadership.start();
  }

  async stop(): Promise<void> {
    await this.#leadership.stop();
    await this.#loop.stop();
  }
}

function toMessage(event: StoredEvent): OutgoingMessage {
  const { streamId, version, type, data, position, eventId } = event;
  // The stream's own order is the order of its key: a run's events stay on one partition.
  return { topic: TOPICS.events.name, key: streamId, type: 'EventStored', id: eventId, data: { streamId, version, type, position: formatPosition(position), data: data as Json } };
}
