import type { Failure, RunCommand } from '@dagbook/domain';
import { assignmentTopic, attemptId, CALLBACK_TASK, isResultKeyOf, parseAttemptId, runStream, type AttemptFinished, type AttemptKey, type AttemptLost, type AttemptStarted, type MessageOf, type Outcome, WATCHERS } from '@dagbook/contracts';
import { OnMessages } from '@dagbook/messaging';
import { Controller, Inject } from '@nestjs/common';
import { Ownership } from './ownership.loop.ts';
import { Overheard, type Report } from './overheard.ts';
import { RunEngine, type Ask } from './run-engine.ts';
import { ReportGate } from './report-gate.ts';
import { WatcherDesk } from './watcher-desk.ts';

/** What workers report of attempts, and what a dispatcher asks: translated into asks of the run engine. */
@Controller()
export class ReportConsumer {
  constructor(
    @Inject(RunEngine) private readonly engine: RunEngine,
    @Inject(Ownership) private readonly ownership: Ownership,
    @Inject(Overheard) private readonly overheard: Overheard,
    @Inject(ReportGate) private readonly gate: ReportGate,
    @Inject(WatcherDesk) private readonly watchers: WatcherDesk,
  ) {}

  @OnMessages('AttemptStarted', 'AttemptFinished', 'AttemptLost', 'AttemptsWanted', 'SchedulerSeen')
  async reports(messages: readonly MessageOf<'AttemptStarted' | 'AttemptFinished' | 'AttemptLost' | 'AttemptsWanted' | 'SchedulerSeen'>[]): Promise<void> {
    const asks: Ask[] = [];
    const refused: Report[] = [];
    const ofWatchers: Report[] = [];
    for (const message of messages) {
      if (message.type === 'AttemptsWanted') await this.engine.republish(message.data.of);
      else if (message.type === 'SchedulerSeen') this.ownership.seen(message.data.instance, message.data.leaving);
      else if (!this.ownership.owns(parseAttemptId(message.data.attemptId).dagId)) this.overheard.keep(message);
      else if (!this.gate.isProven(message)) refused.push(message);
      else if (isOfWatcher(message)) ofWatchers.push(message);
      else asks.push(...this.asksOf(message));
    }
    this.engine.askAll(asks);
    this.gate.refuse(refused);
    if (ofWatchers.length > 0) await this.watchers.reports(ofWatchers);
  }

  /** Folds what was heard of runs of partitions while they were not ours yet. */
  catchUp(): void {
    const overheard = this.overheard.take(({ data }) => {
      const { dagId, runId } = parseAttemptId(data.attemptId);
      return this.ownership.owns(dagId) && this.engine.hotRuns.has(runStream(dagId, runId));
    });
    this.engine.askAll(overheard.filter((report) => this.gate.isProven(report)).flatMap((report) => this.asksOf(report)));
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

const isOfWatcher = ({ data }: Report): boolean => data.attemptId.startsWith(`${WATCHERS}/`);

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
