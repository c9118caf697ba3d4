import type { OtherRun, RunRequest } from '@dagbook/contracts';
import { type OperatorContext, type OperatorExecutor, poke, SkipTask, TaskFailure } from '@dagbook/sdk';
import { Fields } from './field.ts';

export const triggerDag: OperatorExecutor = async (given, context) => {
  const fields = new Fields('triggerDag', given);
  const runId = await begun(fields, context);
  context.io.log('info', `The run ${runId} of ${fields.text('dagId')} has begun.`, { logger: 'triggerDag' });
  return { runId };
};

/** Asking again begins nothing new, so each poke asks and then looks. */
export const triggerDagAndWait: OperatorExecutor = async (given, context) => {
  const fields = new Fields('triggerDag', given);
  const dagId = fields.text('dagId');
  const allowed = statesOf(fields, 'allowedStates', ['success']);
  const failed = statesOf(fields, 'failedStates', ['failed']);
  const runId = await begun(fields, context);
  const state = (await context.io.findRun({ dagId, runId }))?.state ?? 'queued';
  context.io.log('info', `The run ${runId} of ${dagId} is ${state}.`, { logger: 'triggerDag' });
  if (allowed.includes(state)) return poke.done({ runId, state });
  if (failed.includes(state)) throw new TaskFailure('error', `the run ${runId} of ${dagId} ended as ${state}`);
  return poke.again();
};

export const externalTask: OperatorExecutor = async (given, context) => {
  const fields = new Fields('externalTask', given);
  const dagId = fields.text('dagId');
  const which = whichRun(fields, context);
  const taskIds = fields.texts('taskId');
  const groupId = fields.optionalText('groupId');
  const run = await context.io.findRun({ dagId, ...which, ...(taskIds.length === 0 ? {} : { taskIds }), ...(groupId === undefined ? {} : { groupId }) });
  const called = 'runId' in which ? which.runId : `of ${new Date(which.logicalDateMs).toISOString()}`;
  if (run === null) {
    context.io.log('info', `There is no run ${called} of ${dagId} yet.`, { logger: 'externalTask' });
    return poke.again();
  }
  if (run.unknownTasks.length > 0) {
    throw new TaskFailure('bad_input', `externalTask: the run ${run.runId} of ${dagId} has no ${groupId === undefined ? 'task' : 'group'} ${run.unknownTasks.join(', ')}, so it would be waited for in vain`, { retry: false });
  }
  const states = taskIds.length === 0 && groupId === undefined ? [run.state] : Object.values(run.tasks).flat();
  context.io.log('info', `The run ${run.runId} of ${dagId}: ${described(run, states)}.`, { logger: 'externalTask' });
  return judged(fields, run, dagId, states);
};

function judged(fields: Fields, { runId }: OtherRun, dagId: string, states: readonly string[]): unknown {
  const among = (name: string, fallback: readonly string[]): string | undefined => {
    const wanted = statesOf(fields, name, fallback);
    return states.find((state) => wanted.includes(state));
  };
  const failed = among('failedStates', []);
  if (failed !== undefined) throw new TaskFailure('error', `what is waited for in the run ${runId} of ${dagId} is ${failed}`);
  const skipped = among('skippedStates', []);
  if (skipped !== undefined) throw new SkipTask(`what is waited for in the run ${runId} of ${dagId} is ${skipped}`);
  const allowed = statesOf(fields, 'allowedStates', ['success']);
  return states.length > 0 && states.every((state) => allowed.includes(state)) ? poke.done({ runId }) : poke.again();
}

async function begun(fields: Fields, context: OperatorContext): Promise<string> {
  const conf = fields.raw('conf') ?? {};
  if (typeof conf !== 'object' || Array.isArray(conf)) fields.refuse('conf', conf, 'an object of names and values');
  const runId = fields.optionalText('runId');
  const onExisting = fields.oneOf('onExisting', ['fail', 'skip', 'reset'], 'fail');
  const request: RunRequest = {
    dagId: fields.text('dagId'),
    ...(runId === undefined ? {} : { runId }),
    logicalDateMs: fields.has('logicalDate') ? instantOf(fields, 'logicalDate') : null,
    conf: JSON.parse(JSON.stringify(conf)) as RunRequest['conf'],
    onExisting: onExisting === 'fail' ? 'refuse' : onExisting,
  };
  // The gateway waits for the owner's word each time; a try that gave up here would begin a second run with its successor.
  let answer = await context.io.requestRun(request);
  while (answer.kind === 'stored') {
    context.io.signal.throwIfAborted();
    answer = await context.io.requestRun(request);
  }
  if (answer.kind === 'refused') throw new TaskFailure('error', `the run could not begin: ${answer.reason}`);
  if (answer.kind === 'existed') throw new SkipTask(`there is a run ${answer.runId} of ${fields.text('dagId')} already`);
  return answer.runId;
}

function whichRun(fields: Fields, context: OperatorContext): { readonly runId: string } | { readonly logicalDateMs: number } {
  const runId = fields.optionalText('runId');
  if (runId !== undefined) return { runId };
  if (fields.has('logicalDate')) return { logicalDateMs: instantOf(fields, 'logicalDate') };
  const own = context.request.work.run.logicalDateMs;
  if (own === null) throw new TaskFailure('bad_input', 'externalTask: this run has no logical date to find the other by; give runId or logicalDate', { retry: false });
  return { logicalDateMs: own - fields.durationMs('earlierBy', 0) };
}

function instantOf(fields: Fields, name: string): number {
  const text = fields.text(name);
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) fields.refuse(name, text, 'an ISO-8601 date and time with its zone, like 2027-01-05T06:30:00+09:00');
  return ms;
}

function statesOf(fields: Fields, name: string, fallback: readonly string[]): readonly string[] {
  return fields.has(name) ? fields.texts(name) : fallback;
}

function described(run: OtherRun, states: readonly string[]): string {
  const tasks = Object.entries(run.tasks).map(([taskId, of]) => `${taskId} is ${[...new Set(of)].join(' and ')}`);
  return tasks.length > 0 ? tasks.join(', ') : states.length === 0 ? 'its tasks have not begun' : `it is ${states.join(' and ')}`;
}
