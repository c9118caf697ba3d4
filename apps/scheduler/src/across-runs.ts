import { decideRun, isRejected, reject, spannedDates, type Rejected, type RunCommand } from '@dagbook/domain';
import { runStream, type CommandBody, type CommandOutcome } from '@dagbook/contracts';
import { parsePosition, type EventStore } from '@dagbook/event-store';
import { foldRuns } from './hot-run.ts';
import { claimedDates, holdersOf } from './logical-date-claim.ts';
import type { PlanLibrary } from './plan-library.ts';
import type { Ask, AskOutcome, RunEngine } from './run-engine.ts';

export type AcrossRuns = Extract<CommandBody, { readonly span: unknown }>;

interface AcrossPorts {
  readonly store: EventStore;
  readonly plans: PlanLibrary;
  readonly engine: () => RunEngine;
}

/**
 * Asks the same of several runs of a DAG and answers what became of it as one outcome, for its owner to write. The run that
 * the span names goes first: what it refuses is asked of no other. A run that lacks the tasks is passed over. Asked again
 * after a crash, what was cleared before and has not begun anew stays as it is.
 */
export async function askAcross(ports: AcrossPorts, dagId: string, span: AcrossRuns['span'], asksOf: (runId: string) => readonly Ask[]): Promise<CommandOutcome> {
  const runIds = await spannedRuns(ports, dagId, span);
  if (isRejected(runIds)) return refused(runIds);
  const refusal = refusedByHot(ports.engine(), dagId, runIds, asksOf);
  if (refusal !== undefined) return refused(refusal);
  const positions: string[] = [];
  const asked = (runId: string): Promise<readonly AskOutcome[]> => Promise.all(asksOf(runId).map((ask) => new Promise<AskOutcome>((done) => ports.engine().ask({ ...ask, done }))));
  const [first, ...others] = runIds;
  const firstOutcomes = first === undefined ? [] : await asked(first);
  const wrong = firstOutcomes.find((outcome) => outcome.kind === 'refused');
  if (span.runId !== undefined && wrong?.kind === 'refused') return wrong;
  const outcomes = [...firstOutcomes, ...(await Promise.all(others.map(asked))).flat()];
  for (const outcome of outcomes) {
    if (outcome.kind === 'done' && outcome.position !== null) positions.push(outcome.position);
    // Whoever owns the DAG now takes the command up again: its row has no outcome yet.
    if (outcome.kind === 'refused' && outcome.code === 'not_owned') throw new Error(outcome.message);
  }
  const nothing = outcomes.find((outcome) => outcome.kind === 'refused');
  if (nothing?.kind === 'refused' && outcomes.every((outcome) => outcome.kind === 'refused')) return nothing;
  return { kind: 'done', position: latest(positions) };
}

async function spannedRuns({ store, plans, engine }: AcrossPorts, dagId: string, span: AcrossRuns['span']): Promise<readonly string[] | Rejected> {
  const base = span.runId === undefined ? undefined : (engine().hotRuns.get(runStream(dagId, span.runId)) ?? (await foldRuns(store, plans, [{ dagId, runId: span.runId }]))[0]);
  if (span.runId !== undefined && base === undefined) return reject('run_not_found', `the DAG ${dagId} has no run ${span.runId}`);
  const dates = spannedDates(await claimedDates(store, dagId), span, base?.created.logicalDateMs ?? null);
  const holders = await holdersOf(store, dagId, dates);
  return [...new Set([...(base === undefined ? [] : [base.runId]), ...dates.flatMap((dateMs) => holders.get(dateMs) ?? [])])];
}

/** What runs stands still nowhere: a refusal for the sake of what is running is found before anything is changed. */
function refusedByHot(engine: RunEngine, dagId: string, runIds: readonly string[], asksOf: (runId: string) => readonly Ask[]): Rejected | undefined {
  for (const runId of runIds) {
    const hot = engine.hotRuns.get(runStream(dagId, runId));
    const command = asksOf(runId).find((ask) => ask.command.type === 'ClearTasks')?.command as RunCommand | undefined;
    const decision = hot === undefined || command === undefined ? [] : decideRun(command, hot.state);
    if (isRejected(decision) && decision.code === 'task_running') return decision;
  }
  return undefined;
}

const refused = ({ code, message }: Rejected): CommandOutcome => ({ kind: 'refused', code, message });

function latest(positions: readonly string[]): string | null {
  const beyond = (a: string, b: string): boolean => {
    const [left, right] = [parsePosition(a), parsePosition(b)];
    return BigInt(left.xid) === BigInt(right.xid) ? BigInt(left.pos) > BigInt(right.pos) : BigInt(left.xid) > BigInt(right.xid);
  };
  return positions.reduce<string | null>((last, position) => (last === null || beyond(position, last) ? position : last), null);
}
