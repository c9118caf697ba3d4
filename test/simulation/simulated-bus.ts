import type { Message } from '@dagbook/contracts';
import { BusFault, MemoryBroker, type MessageBroker, type OutgoingMessage } from '@dagbook/messaging';
import type { Chance } from './chance.ts';
import { never } from './simulated-store.ts';
import { Actor, type VirtualTime } from './virtual-time.ts';
import type { Weather } from './weather.ts';
import type { Witness } from './witness.ts';

/**
 * The real in-memory bus in bad weather: whatever is published is held, and each message delivered by itself after a
 * while of its own, once, twice or never; so order is kept by nobody.
 */
export class SimulatedBus {
  readonly #bus = new Actor('bus');
  readonly #broker: MemoryBroker;
  readonly #time: VirtualTime;
  readonly #chance: Chance;
  readonly #weather: Weather;
  readonly #witness: Witness;
  readonly #trace: (actor: Actor, line: string) => void;
  /** Workers that are cut off, with the instant that this ends. */
  readonly #cuts = new Map<string, number>();
  #messages = 0;

  constructor(parts: { time: VirtualTime; chance: Chance; weather: Weather; witness: Witness; trace: (actor: Actor, line: string) => void }) {
    this.#time = parts.time;
    this.#chance = parts.chance;
    this.#weather = parts.weather;
    this.#witness = parts.witness;
    this.#trace = parts.trace;
    this.#broker = new MemoryBroker({
      faults: { onPublish: () => [] },
      onDeadLetter: ({ type, code, reason }) => parts.witness.fail('no message is given up', `${type ?? 'a message'} ${code}: ${reason}`),
    });
  }

  /** The bus as one process sees it. `hears` may change what reaches it. */
  for(actor: Actor, hears: (message: Message) => readonly Message[] = (message) => [message]): MessageBroker {
    const publish = async (messages: readonly OutgoingMessage[]): Promise<void> => {
      if (!actor.isAlive) return never();
      const { refusal } = this.#weather;
      // Users do not die of what they ask for.
      const crash = actor.name === 'world' ? 0 : this.#weather.crash;
      if (this.#stormy(refusal)) throw new BusFault('bus.unavailable', 'simulated', { retryable: true });
      const sent = this.#stormy(crash) ? messages.slice(0, this.#chance.below(messages.length + 1)) : messages;
      for (const message of sent) this.#send(actor, message);
      if (sent.length === messages.length) return;
      this.#trace(actor, `crashes while it publishes, ${sent.length} of ${messages.length} sent`);
      actor.die();
      return never();
    };
    return {
      publisher: () => ({ publish }),
      listen: (request) => this.#broker.listen({
        ...request,
        handlerOf: (type) => {
          const handler = request.handlerOf(type);
          if (handler === undefined) return undefined;
          // A new function each time: messages come one by one, and one that is stuck in a dead process holds up no other.
          return async (messages) => {
            if (!actor.isAlive) return;
            const heard = messages.flatMap(hears);
            if (heard.length > 0) await this.#time.inside(actor, () => handler(heard));
          };
        },
      }),
      close: () => Promise.resolve(),
    };
  }

  cut(worker: string, untilMs: number): void {
    this.#cuts.set(worker, untilMs);
  }

  #isCut(worker: string): boolean {
    return (this.#cuts.get(worker) ?? 0) > this.#time.nowMs;
  }

  #stormy(probability: number): boolean {
    return this.#time.nowMs < this.#weather.calmFromMs && this.#chance.happens(probability);
  }

  #send(from: Actor, outgoing: OutgoingMessage): void {
    const message = { ...outgoing, id: `message-${(this.#messages += 1)}` } as Message;
    if (message.type === 'ReportAcknowledged') this.#witness.acknowledged(message.data.attemptId, message.data.epoch, message.data.accepted);
    const worker = message.topic.startsWith('dagbook.assignments.') ? message.topic.slice('dagbook.assignments.'.length) : from.name;
    const { loss, repetition, delay, longestDelayMs } = this.#weather;
    const fate = this.#isCut(worker) ? 'cut' : this.#stormy(loss) ? 'lost' : this.#stormy(repetition) ? 'twice' : 'sent';
    if (message.type !== 'SchedulerSeen') this.#trace(from, `→ ${message.type} ${nameOf(message)}${fate === 'sent' ? '' : ` (${fate})`}`);
    for (let copies = fate === 'sent' ? 1 : fate === 'twice' ? 2 : 0; copies > 0; copies -= 1) {
      const laterMs = this.#stormy(delay) ? this.#chance.below(longestDelayMs) : this.#chance.below(4);
      this.#time.after(this.#bus, laterMs, () => {
        if (!this.#isCut(worker)) this.#broker.deliver([message]);
      });
    }
  }
}

function nameOf(message: Message): string {
  const data = message.data as { readonly attemptId?: string; readonly epoch?: number; readonly lastEpoch?: number; readonly commandId?: string; readonly sequence?: number; readonly accepted?: boolean };
  const epoch = data.epoch ?? data.lastEpoch;
  return [data.attemptId === undefined ? undefined : `${data.attemptId}${epoch === undefined ? '' : `@${epoch}`}`, data.commandId, data.sequence, data.accepted === false ? 'refused' : undefined].filter((part) => part !== undefined).join(' ');
}
