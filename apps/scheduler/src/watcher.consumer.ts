import type { MessageOf } from '@dagbook/contracts';
import { OnMessages } from '@dagbook/messaging';
import { Controller, Inject } from '@nestjs/common';
import { WatcherDesk } from './watcher-desk.ts';

/** What schedulers tell each other of watchers. */
@Controller()
export class WatcherConsumer {
  constructor(@Inject(WatcherDesk) private readonly watchers: WatcherDesk) {}

  @OnMessages('WatcherEnded')
  async ended(messages: readonly MessageOf<'WatcherEnded'>[]): Promise<void> {
    for (const attemptId of new Set(messages.map(({ data }) => data.attemptId))) await this.watchers.ended(attemptId);
  }
}
