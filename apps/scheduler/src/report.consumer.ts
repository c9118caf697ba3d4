import type { Failure, RunCommand } from '@dagbook/domain';
import { assignmentTopic, attemptId, CALLBACK_TASK, isResultKeyOf, parseAttemptId, runStream, type AttemptFinished, type AttemptKey, type AttemptLost, type AttemptStarted, type MessageOf, type Outcome } from '@dagbook/contracts';
import { OnMessages, type MessagePublisher, type OutgoingMessage } from '@dagbook/messaging';
import { errorAttributes, verifyAttemptToken, type Log } from '@dagbook/platform';
import { Controller, Inject } from '@nestjs/common';
import { Ownership } from './ownership.loop.ts';
import { Overheard, type Report } from './overheard.ts';
import { RunEngine, type Ask } from './run-engine.ts';
import { LOG, PUBLISHER, TOKEN_SECRET } from './token.ts';

/** What workers report of attempts, and what a dispatcher asks: translated into asks of the run engine. */
@Controller()
export class ReportConsumer {
  constructor(
    @Inject(RunEngine) private readonly engine: RunEngine,
    @Inject(Ownership) private readonly ownership: Ownership,
    @Inject(Overheard) private readonly overheard: Overheard,
    @Inject(TOKEN_SECRET) private readonly tokenSecret: string,
    @Inject(PUBLISHER) private readonly publisher: MessagePublisher,
    @Inject(LOG) private readonly log: Log,
  ) {}

  @OnMessages('AttemptStarted', 'AttemptFinished', 'AttemptLost', 'AttemptsWanted', 'SchedulerSeen')
  async reports(messages: readonly MessageOf<'AttemptStarted' | 'AttemptFinished' | 'AttemptLost' | 'AttemptsWanted' | 'SchedulerSeen'>[]): Promise<void> {
    const asks: Ask[] = [];
    const refusals: OutgoingMessage[] = [];
    for (const message of messages) {
      if (message.type === 'AttemptsWanted') await this.engine.republish();
      else if (message.type === 'SchedulerSeen') this.ownership.seen(message.data.instance, message.data.leaving);
      else if (!this.ownership.owns(parseAttemptId(message.data.attemptId).dagId)) this.overheard.keep(message);
      else if (this.isRefused(message)) refusals.push(...refusalOf(message));
      else asks.push(...this.asksOf(message));
    }
    this.engine.askAll(asks);
    // Not waited for: they go where an unproven report says that it came from, and nothing else may depend on that.
    if (refusals.length > 0) this.publisher.publish(refusals).catch((error: unknown) => this.log.warn('refusals could not be sent; they are when the reports come again', errorAttributes(error)));
  }

  /** Folds what was heard of runs of partitions while they were not ours yet. */
  catchUp(): void {
    const overheard = this.overheard.take(({ data }) => {
      const { dagId, runId } = parseAttemptId(data.attemptId);
      return this.ownership.owns(dagId) && this.engine.hotRuns.has(runStream(dagId, runId));
    });
    this.engine.askAll(overheard.filter((report) => !this.isRefused(report)).flatMap((report) => this.asksOf(report)));
  }

  private isRefused({ data }: Report): boolean {
    if (verifyAttemptToken(this.tokenSecret, data.attemptId, data.epoch, data.token)) return false;
    this.log.warn('a report without a valid token was refused', { attemptId: data.attemptId, epoch: data.epoch });
    return true;
  }

  private asksOf(message: Report): readonly Ask[] {
    const key = parseAttemptId(message.data.attemptId);
    switch (message.type) {
      case 'AttemptStarted':
        return [started(key, message.data)];
      case 'AttemptFinished':
        return key.taskId === CALLBACK_TASK ? [finished(key, message.data)] : [started(key, message.data), finished(key, message.data)];
      case 'AttemptLost':
        return [lost(key, message.data)];
    }
  }
}

/** A worker sends a final report until it is answered: one that will never count is answered too. */
const refusalOf = ({ type, data }: Report): OutgoingMessage[] =>
  type === 'AttemptFinished'
    ? [{ topic: assignmentTopic(data.worker).name, key: data.attemptId, type: 'ReportAcknowledged', data: { attemptId: data.attemptId, epoch: data.epoch, accepted: false } }]
    : [];

type Attempt = Pick<AttemptStarted, 'attemptId' | 'epoch'>;

const fenceOf = (report: Attempt, release: boolean) => ({ attemptId: report.attemptId, epoch: report.epoch, release });

/** Fenced also when the end comes with it: should the end be refused, the start may not stand alone. */
function started(key: AttemptKey, report: AttemptStarted | AttemptFinished): Ask {
  const { taskId, mapIndex, tryNumber, dagId, runId } = key;
  const { epoch, worker, pid } = report;
  return {
    dagId,
    runId,
    command: { type: 'RecordTaskStarted', taskId, mapIndex, tryNumber, epoch, worker, pid, nowMs: 0 },
    fence: fenceOf(report, false),
  };
}

function finished(key: AttemptKey, report: AttemptFinished): Ask {
  const { dagId, runId } = key;
  return {
    dagId,
    runId,
    command: commandOf(key, report.epoch, report.outcome),
    fence: fenceOf(report, true),
    acknowledge: { topic: assignmentTopic(report.worker).name, attemptId: report.attemptId, epoch: report.epoch },
  };
}

function lost(key: AttemptKey, report: AttemptLost): Ask {
  const { taskId, mapIndex, tryNumber, dagId, runId } = key;
  const { epoch, worker, cause } = report;
  const isCallback = taskId === CALLBACK_TASK;
  return {
    dagId,
    runId,
    command: isCallback ? { type: 'RecordCallbackLost', callback: mapIndex, tryNumber, epoch, worker, cause, nowMs: 0 } : { type: 'RecordAttemptLost', taskId, mapIndex, tryNumber, epoch, worker, cause, nowMs: 0 },
    fence: fenceOf(report, true),
  };
}

/** The process that runs a task's code says where its result lies, so it might say anything. */
const FOREIGN_RESULT: Failure = { code: 'bad_output', message: 'the task reported a result that is not its own' };

function commandOf(key: AttemptKey, epoch: number, outcome: Outcome): RunCommand {
  const { taskId, mapIndex, tryNumber } = key;
  if (taskId === CALLBACK_TASK) return callbackEnded(mapIndex, tryNumber, epoch, outcome);
  const attempt = { taskId, mapIndex, tryNumber, epoch, nowMs: 0 };
  switch (outcome.kind) {
    case 'succeeded': {
      const { kind: _, ...success } = outcome;
      if (success.result?.kind === 'stored' && !isResultKeyOf(success.result.key, attemptId(key), epoch)) return { type: 'RecordTaskFailed', ...attempt, failure: FOREIGN_RESULT, retry: { action: 'fail' } };
      return { type: 'RecordTaskSucceeded', ...attempt, ...success };
    }
    case 'failed':
      return { type: 'RecordTaskFailed', ...attempt, failure: outcome.failure, ...(outcome.retry === undefined ? {} : { retry: outcome.retry }) };
    case 'skipped':
      return { type: 'RecordTaskSkipped', ...attempt, ...(outcome.softFail === undefined ? {} : { softFail: outcome.softFail }) };
    case 'rescheduled':
      return { type: 'RecordTaskRescheduled', ...attempt, nextPokeAtMs: outcome.nextPokeAtMs };
    case 'deferred': {
      const { kind: _, ...deferral } = outcome;
      return { type: 'RecordTaskDeferred', ...attempt, ...deferral };
    }
    case 'fired':
      return { type: 'RecordTriggerFired', ...attempt, event: outcome.event };
    case 'awaiting_input': {
      const { kind: _, ...request } = outcome;
      return { type: 'RecordAwaitingInput', ...attempt, ...request };
    }
  }
}

/** Whatever it came to short of a failure is well: nothing depends on what a callback answers. */
const callbackEnded = (callback: number, tryNumber: number, epoch: number, outcome: Outcome): RunCommand => ({
  type: 'RecordCallbackEnded', callback, tryNumber, epoch,
  ...(outcome.kind === 'failed' ? { failure: outcome.failure, ...(outcome.retry === undefined ? {} : { retry: outcome.retry }) } : {}), nowMs: 0,
});
