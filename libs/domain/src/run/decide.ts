import { isRejected, reject, type Decision } from '../decider.ts';
import { advance, passTime } from './advance.ts';
import { recordCallbackEnded, recordCallbackLost, withCallbacks } from './callback.ts';
import type { RunCommand } from './command.ts';
import type { RunEvent } from './event.ts';
import { answerInput } from './human-input.ts';
import { clearTasks, eraseRun, markRun, markTasks, replanRun, setTaskNote } from './operate.ts';
import {
  recordAwaitingInput, recordDeferred, recordFailed, recordLost, recordRescheduled, recordSkipped, recordStarted, recordSucceeded,
} from './report.ts';
import type { DagRun } from './state.ts';
import { recordTriggerFired, recordTriggerLost } from './trigger.ts';
import { deleteXCom, setXCom } from './xcom.ts';

/** Decides one command against a run; never changes it. See `RunCommand` for what follows each command. */
export function decideRun(command: RunCommand, run: DagRun): Decision<RunEvent> {
  const decision = decided(command, run);
  return run.plan.hasCallbacks && !isRejected(decision) ? withCallbacks(run, command, decision) : decision;
}

function decided(command: RunCommand, run: DagRun): Decision<RunEvent> {
  if (command.type === 'CreateRun') {
    if (run.created !== null) return reject('run_exists', `Run ${run.created.runId} of DAG ${run.created.dagId} exists already: choose another run id.`);
    const { nowMs, ...facts } = command;
    return [{ ...facts, type: 'RunCreated', atMs: nowMs }];
  }
  if (run.created === null) return reject('unknown_run', 'There is no such run: create it first.');
  if (run.erased) return reject('unknown_run', `Run ${run.created.runId} of DAG ${run.created.dagId} was erased.`);
  switch (command.type) {
    case 'StartRun':
      if (run.state !== 'queued') return reject('run_not_queued', `Run ${run.created.runId} is ${run.state}: only a queued run can start.`);
      return [{ type: 'RunStarted', atMs: command.nowMs }];
    case 'Advance': return advance(run, command.nowMs, command.past);
    case 'RecordTimePassed': return passTime(run, command.nowMs);
    case 'RecordTaskStarted': return recordStarted(run, command);
    case 'RecordTaskSucceeded': return recordSucceeded(run, command);
    case 'RecordTaskFailed': return recordFailed(run, command);
    case 'RecordTaskSkipped': return recordSkipped(run, command);
    case 'RecordTaskRescheduled': return recordRescheduled(run, command);
    case 'RecordTaskDeferred': return recordDeferred(run, command);
    case 'RecordTriggerFired': return recordTriggerFired(run, command);
    case 'RecordAwaitingInput': return recordAwaitingInput(run, command);
    case 'RecordAttemptLost': return recordTriggerLost(run, command) ?? recordLost(run, command);
    case 'RecordCallbackEnded': return recordCallbackEnded(run, command);
    case 'RecordCallbackLost': return recordCallbackLost(run, command);
    case 'AnswerInput': return answerInput(run, command);
    case 'ClearTasks': return clearTasks(run, command);
    case 'MarkTasks': return markTasks(run, command);
    case 'MarkRun': return markRun(run, command);
    case 'EraseRun': return eraseRun(run, command);
    case 'ReplanRun': return replanRun(run, command);
    case 'SetRunNote': return [{ type: 'RunNoteSet', note: command.note, by: command.by, atMs: command.nowMs }];
    case 'SetTaskNote': return setTaskNote(run, command);
    case 'SetXCom': return setXCom(run, command);
    case 'DeleteXCom': return deleteXCom(run, command);
  }
}
