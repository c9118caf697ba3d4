import type { Message } from '@dagbook/contracts';
import type { KafkaMessage } from 'kafkajs';
import type { Delivery } from '../delivery.ts';
import { DeliveryStopped } from '../delivery.ts';
import type { DeadLetter } from '../port.ts';
import { decode } from './cloud-event.ts';

/** Records of one partition that may wait here before its fetch is held back. */
const HIGH_WATER = 5_000;

/**
 * The records of one partition between fetch and handler, so that fetching goes on while a batch is handled and what
 * gathered meanwhile is the next batch.
 *
 * States: idle → delivering ⇄ delivering the next batch → idle; from any: stopped (nothing more is delivered or
 * committed; the batch in hand may still finish).
 */
export class PartitionQueue {
  readonly #topic: string;
  readonly #group: string;
  readonly #delivery: Delivery;
  readonly #setAside: (letter: DeadLetter, record: KafkaMessage) => Promise<void>;
  readonly #onDone: (nextOffset: string) => void;
  #waiting: KafkaMessage[] = [];
  #inHand: readonly KafkaMessage[] = [];
  #inHandSinceMs = 0;
  #running: Promise<void> | undefined;
  #stopped = false;
  #drained: (() => void)[] = [];

  constructor(options: {
    topic: string;
    group: string;
    makeDelivery: (setAside: (letter: DeadLetter, message: Message) => Promise<void>) => Delivery;
    setAside: (letter: DeadLetter, record: KafkaMessage) => Promise<void>;
    /** The messages before this offset have had their effect. */
    onDone: (nextOffset: string) => void;
  }) {
    this.#topic = options.topic;
    this.#group = options.group;
    this.#setAside = options.setAside;
    this.#onDone = options.onDone;
    this.#delivery = options.makeDelivery(async (letter, message) => {
      const record = this.#inHand.find(({ headers }) => String(headers?.['ce_id']) === message.id);
      if (record !== undefined) await this.#setAside(letter, record);
    });
  }

  /** True: there is room for more. */
  push(records: readonly KafkaMessage[]): boolean {
    if (this.#stopped) return true;
    for (const record of records) this.#waiting.push(record);
    this.#running ??= this.#run();
    return this.#waiting.length < HIGH_WATER;
  }

  /** Resolves when there is room again, or when stopped. */
  async room(): Promise<void> {
    if (this.#waiting.length < HIGH_WATER || this.#stopped) return;
    await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  /** Forgets what waits: the group was rebalanced, and what is not committed is fetched again by whoever has the partition. */
  forgetWaiting(): void {
    this.#waiting = [];
    this.#announceRoom();
  }

  inHandMs(nowMs: number): number {
    return this.#inHand.length === 0 ? 0 : nowMs - this.#inHandSinceMs;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#delivery.stop();
    this.forgetWaiting();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#stopped) {
      this.#inHand = this.#waiting;
      this.#inHandSinceMs = performance.now();
      this.#waiting = [];
      this.#announceRoom();
      try {
        await this.#deliver(this.#inHand);
        this.#onDone(String(BigInt(this.#inHand.at(-1)!.offset) + 1n));
      } catch (error) {
        if (error instanceof DeliveryStopped) break;
        // Not committed: again in front, after a breath, as after a crash. Only a broker that takes no dead letter comes here.
        await new Promise((resolve) => setTimeout(resolve, 100));
        this.#waiting = [...this.#inHand, ...this.#waiting];
      }
    }
    this.#inHand = [];
    this.#running = undefined;
  }

  async #deliver(records: readonly KafkaMessage[]): Promise<void> {
    const messages: Message[] = [];
    for (const record of records) {
      const decoded = decode(this.#topic, record);
      if ('message' in decoded) {
        messages.push(decoded.message);
      } else {
        const key = record.key?.toString('utf8') ?? '';
        await this.#setAside({ topic: this.#topic, key, group: this.#group, code: 'unparseable', reason: decoded.problem }, record);
      }
    }
    if (messages.length > 0) await this.#delivery.deliver(messages);
  }

  #announceRoom(): void {
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}
