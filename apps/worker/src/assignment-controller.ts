import { Controller, Inject } from '@nestjs/common';
import type { Message } from '@dagbook/contracts';
import { OnMessages } from '@dagbook/messaging';
import { Supervisor } from './supervisor.ts';

/**
 * What the dispatcher and the scheduler tell this slot. One method for all types keeps them in the order of the topic:
 * an acknowledgement is not overtaken by the assignment that followed it.
 */
@Controller()
export class AssignmentController {
  readonly #supervisor: Supervisor;

  constructor(@Inject(Supervisor) supervisor: Supervisor) {
    this.#supervisor = supervisor;
  }

  @OnMessages('AttemptAssigned', 'AttemptRevoked', 'ReportAcknowledged', 'RenewalGranted', 'DrainWorker')
  async onMessages(messages: readonly Message[]): Promise<void> {
    for (const message of messages) this.#supervisor.handle(message);
  }
}
