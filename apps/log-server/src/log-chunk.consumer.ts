import type { MessageOf } from '@dagbook/contracts';
import type { DiskLogStore } from '@dagbook/logs';
import { OnMessages } from '@dagbook/messaging';
import { Controller, Inject } from '@nestjs/common';
import { LOG_STORE } from './token.ts';

/** Chunks of logs, from workers to disk. Repeated ones are the store's to drop. */
@Controller()
export class LogChunkConsumer {
  readonly #store: DiskLogStore;
  constructor(@Inject(LOG_STORE) store: DiskLogStore) {
    this.#store = store;
  }

  @OnMessages('LogChunk')
  async append(messages: readonly MessageOf<'LogChunk'>[]): Promise<void> {
    await this.#store.append(messages.map(({ data }) => data));
  }
}
