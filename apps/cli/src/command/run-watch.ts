import type { Api } from '../api/client.ts';
import { followStream } from '../api/event-stream.ts';
import { getDagRun, type DagRunResponse, type RunEventResponse } from '@dagbook/api-client';
import { storedEvents } from '../api/run-content.ts';
import { CliFailure } from '../failure.ts';
import { printLine, printOne } from '../format/print.ts';
import type { Session } from '../session.ts';
import { nameOf, RUN_DETAILS, RUN_EVENT } from '../shape.ts';
import { coloured, oneLine } from '../terminal.ts';

const HIDDEN = /^Attempt/;

/**
 * Tells what happens in a run, from its first event until it has ended. The stream says only that something changed; the
 * events are then read from where the last reading ended, so a broken connection loses none. For people and as JSON
 * lines: an event a line. In other formats: the run, once it has ended.
 */
export async function watchRun(session: Session, api: Api, dagId: string, runId: string): Promise<void> {
  const { terminal, format } = session;
  const tell = (event: RunEventResponse): void => {
    if (format === 'jsonl') printLine(terminal, format, event, RUN_EVENT);
    else if (format === 'table' && !HIDDEN.test(event.type)) terminal.out(`${lineOf(event, (state, text) => coloured(terminal, state, text))}\n`);
  };
  const failed = new Set<string>();
  let after: string | undefined;
  const readOn = async (): Promise<void> => {
    for await (const event of storedEvents(api, dagId, runId, after)) {
      after = event.position;
      tell(event);
      const task = event.task_id === null ? undefined : nameOf({ task_id: event.task_id, map_index: event.map_index ?? -1 });
      if (task !== undefined && event.type === 'TaskFailed') failed.add(task);
      else if (task !== undefined && (event.type === 'TaskCleared' || event.type === 'TaskSucceeded')) failed.delete(task);
    }
  };
  const run = await ended(api, dagId, runId, terminal.signal, readOn);
  if (format !== 'table' && format !== 'jsonl') printOne(terminal, format, run, RUN_DETAILS);
  if (run.state === 'failed') {
    const tasks = failed.size === 0 ? '' : ` Failed: ${[...failed].join(', ')}.`;
    throw new CliFailure('failed', `The run ${runId} of ${dagId} failed (${run.failure_reason ?? 'marked'}).${tasks}`, failed.size === 0 ? undefined : `dagbook tasks logs ${dagId} ${runId} ${[...failed][0] ?? ''}`);
  }
}

/** The run's row is asked for before the events: once it says that the run has ended, the events that follow are all. */
async function ended(api: Api, dagId: string, runId: string, signal: AbortSignal, readOn: () => Promise<void>): Promise<DagRunResponse> {
  for await (const _ of followStream(api, `/api/v2/stream?topics=${encodeURIComponent(`run:${dagId}/${runId}`)}`, signal)) {
    const run = await getDagRun({ client: api.client, path: { dag_id: dagId, dag_run_id: runId } });
    await readOn();
    if (run.state === 'success' || run.state === 'failed') return run;
  }
  throw new CliFailure('unreachable', 'The stream of changes ended before the run did.', `dagbook runs show ${dagId} ${runId}`);
}

const STATE_OF: Readonly<Record<string, string>> = {
  RunSucceeded: 'success', RunFailed: 'failed', TaskSucceeded: 'success', TaskFailed: 'failed', TaskSkipped: 'skipped', TaskStarted: 'running', TaskRetryScheduled: 'up_for_retry', TaskUpstreamFailed: 'upstream_failed',
};

function lineOf(event: RunEventResponse, paint: (state: string, text: string) => string): string {
  const { failure } = event.data as { readonly failure?: { readonly message?: unknown } };
  const parts = [
    event.at,
    paint(STATE_OF[event.type] ?? '', event.type),
    ...(event.task_id === null ? [] : [nameOf({ task_id: event.task_id, map_index: event.map_index ?? -1 })]),
    ...(event.try_number === null ? [] : [`try ${event.try_number}`]),
    ...(typeof failure?.message === 'string' ? [oneLine(failure.message)] : []),
  ];
  return parts.join('  ');
}
