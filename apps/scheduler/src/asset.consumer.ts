import type { MessageOf } from '@dagbook/contracts';
import { parsePosition } from '@dagbook/event-store';
import { OnMessages } from '@dagbook/messaging';
import { Controller, Inject } from '@nestjs/common';
import { AssetLoop } from './asset.loop.ts';

/** What schedulers tell each other of assets. */
@Controller()
export class AssetConsumer {
  constructor(@Inject(AssetLoop) private readonly assets: AssetLoop) {}

  @OnMessages('AssetsUpdated')
  async updated(messages: readonly MessageOf<'AssetsUpdated'>[]): Promise<void> {
    for (const { data } of messages) this.assets.wake(parsePosition(data.position));
  }
}
