import { assignmentTopic, type AttemptReady, type MessageOf } from '@dagbook/contracts';
import { OnMessages, type MessagePublisher, type OutgoingMessage } from '@dagbook/messaging';
import { Controller, Inject } from '@nestjs/common';
import { AdmissionDesk } from './admission-desk.ts';
import { PUBLISHER } from './token.ts';

/** What schedulers say of attempts. */
@Controller()
export class AttemptConsumer {
  constructor(
    @Inject(AdmissionDesk) private readonly desk: AdmissionDesk,
    @Inject(PUBLISHER) private readonly publisher: MessagePublisher,
  ) {}

  @OnMessages('AttemptReady', 'AttemptClosed', 'AttemptRevoked')
  async attempts(messages: readonly MessageOf<'AttemptReady' | 'AttemptClosed' | 'AttemptRevoked'>[]): Promise<void> {
    const ready: AttemptReady[] = [];
    const revoked: OutgoingMessage[] = [];
    for (const message of messages) {
      if (message.type === 'AttemptReady') ready.push(message.data);
      else if (message.type === 'AttemptClosed') this.desk.closed(message.data.attemptId, message.data.epoch);
      else revoked.push(...this.revoke(message.data.attemptId, message.data.reason));
    }
    if (ready.length > 0) this.desk.ready(ready);
    if (revoked.length > 0) await this.publisher.publish(revoked);
  }

  private revoke(attemptId: string, reason: string): OutgoingMessage[] {
    const lease = this.desk.leaseOf(attemptId);
    this.desk.closed(attemptId, 0);
    if (lease === undefined) return [];
    return [{ topic: assignmentTopic(lease.worker).name, key: attemptId, type: 'AttemptRevoked', data: { attemptId, epoch: lease.epoch, reason } }];
  }
}
