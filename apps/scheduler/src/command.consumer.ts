import type { MessageOf } from '@dagbook/contracts';
import type { EventStore } from '@dagbook/event-store';
import { OnMessages } from '@dagbook/messaging';
import { Controller, Inject } from '@nestjs/common';
import { CommandIntake } from './command-intake.ts';
import { Ownership } from './ownership.loop.ts';
import { STORE } from './token.ts';

/** Commands: stored by the gateway, or sent by an integration, whose command is stored first. */
@Controller()
export class CommandConsumer {
  constructor(
    @Inject(CommandIntake) private readonly intake: CommandIntake,
    @Inject(Ownership) private readonly ownership: Ownership,
    @Inject(STORE) private readonly store: EventStore,
  ) {}

  @OnMessages('CommandStored', 'SubmitCommand')
  async commands(messages: readonly MessageOf<'CommandStored' | 'SubmitCommand'>[]): Promise<void> {
    const own = messages.filter((message) => this.ownership.owns(message.data.dagId));
    for (const message of own) if (message.type === 'SubmitCommand') await this.store.storeCommand(message.data);
    if (own.length > 0) await this.intake.takeUp(own.map((message) => message.data.commandId));
  }
}
