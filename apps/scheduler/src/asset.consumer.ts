import { assetCommandKey, TOPICS, type CommandBody, type MessageOf } from '@dagbook/contracts';
import { decideAssetEvent, isRejected, type Json } from '@dagbook/domain';
import { parsePosition, type EventStore } from '@dagbook/event-store';
import { OnMessages, type MessagePublisher } from '@dagbook/messaging';
import { Controller, Inject } from '@nestjs/common';
import { AssetLoop } from './asset.loop.ts';
import { PUBLISHER, STORE } from './token.ts';

/** Updates of assets: what schedulers tell each other, and what systems outside write. */
@Controller()
export class AssetConsumer {
  constructor(
    @Inject(AssetLoop) private readonly assets: AssetLoop,
    @Inject(STORE) private readonly store: EventStore,
    @Inject(PUBLISHER) private readonly publisher: MessagePublisher,
  ) {}

  @OnMessages('AssetsUpdated')
  async updated(messages: readonly MessageOf<'AssetsUpdated'>[]): Promise<void> {
    for (const { data } of messages) this.assets.wake(parsePosition(data.position));
  }

  /** Each becomes a command under its message's id. What can never be recorded goes to the dead letters. */
  @OnMessages('SubmitAssetEvent')
  async submitted(messages: readonly MessageOf<'SubmitAssetEvent'>[]): Promise<void> {
    for (const { id, data } of messages) {
      const { uri, extra = {}, partitionKey } = data;
      const body: CommandBody = { type: 'RecordAssetEvent', uri, extra, ...(partitionKey === undefined ? {} : { partitionKey }), user: 'kafka' };
      const refused = decideAssetEvent({ ...body, nowMs: 0 });
      if (isRejected(refused)) throw new Error(refused.message);
      const command = { commandId: `${TOPICS.assetEvents.name}/${id}`, dagId: assetCommandKey(uri) };
      await this.store.storeCommand({ ...command, body: body as unknown as Json });
      await this.publisher.publish([{ topic: TOPICS.commands.name, key: command.dagId, type: 'CommandStored', data: command }]);
    }
  }
}
