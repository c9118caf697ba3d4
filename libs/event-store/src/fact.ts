import type { Json } from '@dagbook/domain';
import type { EventMeta, NewEvent, StoredEvent } from './port.ts';

/**
 * A domain event as it is stored: `type` stands in its own column, `data` holds the other members. Every writer and
 * every reader goes by this pair, so that nobody has to guess.
 */
export function toNewEvent(fact: { readonly type: string }, options: { readonly eventId: string; readonly schemaVersion?: number; readonly meta?: EventMeta }): NewEvent {
  const { type, ...data } = fact;
  return {
    eventId: options.eventId,
    type,
    schemaVersion: options.schemaVersion ?? 1,
    // Facts are plain data by the domain's rule; what is not JSON in them would not survive the store in any case.
    data: data as unknown as Json,
    ...(options.meta ? { meta: options.meta } : {}),
  };
}

/** The domain event of a stored one that already has its newest shape. */
export const toFact = <Fact extends { readonly type: string }>(stored: Pick<StoredEvent, 'type' | 'data'>): Fact =>
  ({ type: stored.type, ...(stored.data as object) }) as unknown as Fact;

/** Takes an event one schema version on. Pure: history is not changed, only how it is read. */
export type Upcaster = (event: Pick<StoredEvent, 'type' | 'data'>) => Pick<StoredEvent, 'type' | 'data'>;

/**
 * Reads events of any shape ever written: the upcaster of (type, version) leads to version + 1, and the chain ends
 * where there is none. Keys are `<type>.v<schemaVersion>`.
 */
export function upcastChain(upcasters: Readonly<Record<string, Upcaster>>): (stored: StoredEvent) => StoredEvent {
  return (stored) => {
    let event = stored;
    for (;;) {
      const upcast = upcasters[`${event.type}.v${event.schemaVersion}`];
      if (!upcast) return event;
      event = { ...event, ...upcast(event), schemaVersion: event.schemaVersion + 1 };
    }
  };
}
