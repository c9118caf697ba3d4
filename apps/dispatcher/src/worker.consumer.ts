import type { MessageOf } from '@dagbook/contracts';
import { OnMessages } from '@dagbook/messaging';
import { Controller, Inject } from '@nestjs/common';
import { AdmissionDesk } from './admission-desk.ts';
import { LeaseKeeper } from './lease-keeper.loop.ts';
import { WorkerRoster } from './worker-roster.ts';

/** What workers say of themselves. A standby keeps the roster too, so that it knows its workers when it takes over. */
@Controller()
export class WorkerConsumer {
  constructor(
    @Inject(AdmissionDesk) private readonly desk: AdmissionDesk,
    @Inject(LeaseKeeper) private readonly keeper: LeaseKeeper,
    @Inject(WorkerRoster) private readonly roster: WorkerRoster,
  ) {}

  @OnMessages('WorkerRenewed', 'WorkerStopped')
  async workers(messages: readonly MessageOf<'WorkerRenewed' | 'WorkerStopped'>[]): Promise<void> {
    for (const message of messages) {
      if (message.type === 'WorkerStopped') {
        const fact = this.roster.stopped(message.data.worker, message.data.incarnation);
        if (fact !== undefined) this.desk.fact(fact);
      } else if (this.desk.isOpen) {
        await this.keeper.renew(message.data);
      } else {
        this.roster.renewed(message.data);
      }
    }
  }
}
