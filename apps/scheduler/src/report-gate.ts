import { assignmentTopic } from '@dagbook/contracts';
import type { MessagePublisher, OutgoingMessage } from '@dagbook/messaging';
import { errorAttributes, verifyAttemptToken, type Log } from '@dagbook/platform';
import type { Report } from './overheard.ts';

/** Lets no report in that is not proven to come from whom the attempt was granted to. */
export class ReportGate {
  readonly #tokenSecret: string;
  readonly #publisher: MessagePublisher;
  readonly #log: Log;

  constructor(tokenSecret: string, publisher: MessagePublisher, log: Log) {
    this.#tokenSecret = tokenSecret;
    this.#publisher = publisher;
    this.#log = log;
  }

  isProven({ data }: Report): boolean {
    if (verifyAttemptToken(this.#tokenSecret, data.attemptId, data.epoch, data.token)) return true;
    this.#log.warn('a report without a valid token was refused', { attemptId: data.attemptId, epoch: data.epoch });
    return false;
  }

  /** Not waited for: answers go where an unproven report says that it came from, and nothing else may depend on that. */
  refuse(reports: readonly Report[]): void {
    const refusals = reports.flatMap(refusalOf);
    if (refusals.length === 0) return;
    this.#publisher.publish(refusals).catch((error: unknown) => this.#log.warn('refusals could not be sent; they are when the reports come again', errorAttributes(error)));
  }
}

/** A worker sends a final report until it is answered: one that will never count is answered too. */
const refusalOf = ({ type, data }: Report): OutgoingMessage[] =>
  type === 'AttemptFinished'
    ? [{ topic: assignmentTopic(data.worker).name, key: data.attemptId, type: 'ReportAcknowledged', data: { attemptId: data.attemptId, epoch: data.epoch, accepted: false } }]
    : [];
