import { setTimeout as delay } from 'node:timers/promises';
import { TOPICS } from '@dagbook/contracts';
import { formatPosition, isAfter, type EventStore, type Position } from '@dagbook/event-store';
import type { MessagePublisher } from '@dagbook/messaging';
import { errorAttributes, WakeableLoop, type Log } from '@dagbook/platform';
import type { AssetDesk } from './asset-desk.ts';

const BATCH = 1_000;
const LOOK_AGAIN_AFTER_MS = [1, 2, 5, 10, 20, 50, 100, 200];

/**
 * Reads the feed of assets for the queues of this scheduler's DAGs: when a message says that something stands there, and now
 * and then in case one was lost. While none of its DAGs waits for an asset it reads nothing.
 *
 * What a message speaks of may still be behind the fence of the feed, because an older transaction runs: then it looks again
 * in a moment.
 */
export class AssetLoop {
  readonly #ports: AssetLoopPorts;
  readonly #loop: WakeableLoop<void>;
  #expected: Position | undefined;

  constructor(ports: AssetLoopPorts) {
    this.#ports = ports;
    this.#loop = new WakeableLoop({
      round: () => this.#round(),
      intervalMs: ports.everyMs,
      onError: (error) => ports.log.warn('the feed of assets could not be read; it is again in a moment', errorAttributes(error)),
    });
  }

  start(): void {
    this.#loop.start();
  }

  runOnce(): Promise<void> {
    return this.#loop.runOnce();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  wake(position?: Position): void {
    if (position !== undefined && (this.#expected === undefined || isAfter(position, this.#expected))) this.#expected = position;
    this.#loop.wake();
  }

  /** Tells every scheduler, this one too, what stands in the feed. */
  announce(position: Position): void {
    this.wake(position);
    const { publisher, log } = this.#ports;
    publisher.publish([{ topic: TOPICS.reports.name, key: 'assets', type: 'AssetsUpdated', data: { position: formatPosition(position) } }])
      .catch((error: unknown) => log.warn('others could not be told of an asset; they look by themselves in a moment', errorAttributes(error)));
  }

  async #round(): Promise<void> {
    for (const againAfterMs of LOOK_AGAIN_AFTER_MS) {
      if (await this.#catchUp()) return;
      await delay(againAfterMs);
    }
    this.#expected = undefined;
  }

  /** Answers whether all that was spoken of has been seen. */
  async #catchUp(): Promise<boolean> {
    const { desk, store } = this.#ports;
    for (;;) {
      const from = desk.position;
      if (from === undefined) break;
      const batch = await store.assetFeed(from, BATCH);
      desk.fold(from, batch);
      if (batch.length > 0) continue;
      if (this.#expected !== undefined && isAfter(this.#expected, from)) return false;
      break;
    }
    this.#expected = undefined;
    return true;
  }
}

export interface AssetLoopPorts {
  readonly store: Pick<EventStore, 'assetFeed'>;
  readonly desk: Pick<AssetDesk, 'position' | 'fold'>;
  readonly publisher: MessagePublisher;
  readonly everyMs: number;
  readonly log: Log;
}
