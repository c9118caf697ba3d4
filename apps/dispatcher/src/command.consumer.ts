import { DISPATCHER, type MessageOf } from '@dagbook/contracts';
import type { EventStore } from '@dagbook/event-store';
import { OnMessages } from '@dagbook/messaging';
import { Controller, Inject } from '@nestjs/common';
import { AdmissionDesk } from './admission-desk.ts';
import { STORE } from './token.ts';

/** Commands for the dispatcher: stored by the gateway, or sent by an integration and stored first. Those of DAGs are the schedulers'. */
@Controller()
export class CommandConsumer {
  constructor(
    @Inject(AdmissionDesk) private readonly desk: AdmissionDesk,
    @Inject(STORE) private readonly store: EventStore,
  ) {}

  @OnMessages('CommandStored', 'SubmitCommand')
  async commands(messages: readonly MessageOf<'CommandStored' | 'SubmitCommand'>[]): Promise<void> {
    const own = messages.filter(({ data }) => data.dagId === DISPATCHER);
    for (const message of own) if (message.type === 'SubmitCommand') await this.store.storeCommand(message.data);
    if (own.length > 0 && this.desk.isOpen) this.desk.commanded();
  }
}
