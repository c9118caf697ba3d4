import { attemptStream, parseAttemptId, runStream, type LogReader } from '@dagbook/contracts';
import type { EventStore, StateStore } from '@dagbook/event-store';
import type { ResultStore } from './execution/result-store.ts';

const ATTEMPTS_AT_A_TIME = 200;
const LOG_BYTES = 4 * 1024 * 1024;

/**
 * All that is kept of a run, a JSON object a line: `event` (of the run, then of its attempts), `xcom`, `state` and `rendered` (what
 * stands apart from events), `log` (a piece of a try's log, in order), and last `end` with the number of lines before it.
 */
export async function* runArchive({ store, results, states, logs }: { readonly store: EventStore; readonly results: ResultStore; readonly states: StateStore; readonly logs: LogReader }, dagId: string, runId: string): AsyncIterable<string> {
  let lines = 0;
  const line = (value: object): string => {
    lines += 1;
    return `${JSON.stringify(value)}\n`;
  };
  const events = await store.read(runStream(dagId, runId));
  for (const event of events) yield line({ kind: 'event', ...event });
  for (const key of keysIn(events)) {
    const value = await results.value({ dagId, runId }, key);
    if (value !== undefined) yield line({ kind: 'xcom', key, value });
  }
  for await (const { taskId, mapIndex, key, value } of states.ofRun(dagId, runId)) yield line({ kind: 'state', task_id: taskId, map_index: mapIndex, key, value });
  const prefix = attemptStream(`${dagId}/${runId}/`);
  const streams = await store.listStreams(prefix);
  for (let at = 0; at < streams.length; at += ATTEMPTS_AT_A_TIME) {
    for (const [streamId, attempt] of await store.readMany(streams.slice(at, at + ATTEMPTS_AT_A_TIME))) {
      for (const event of attempt) yield line({ kind: 'event', ...event });
      const attemptId = streamId.slice(attemptStream('').length);
      const rendered = await store.getContent('rendered', attemptId);
      if (rendered !== null) yield line({ kind: 'rendered', attempt: attemptId, fields: JSON.parse(new TextDecoder().decode(rendered)) as unknown });
      for (let fromByte = 0; ; ) {
        const slice = await logs.read({ attempt: parseAttemptId(attemptId), fromByte, maxBytes: LOG_BYTES });
        if (slice === null || slice.nextByte === fromByte) break;
        yield line({ kind: 'log', attempt: attemptId, from_byte: slice.fromByte, text: slice.text });
        fromByte = slice.nextByte;
      }
    }
  }
  yield line({ kind: 'end', dag_id: dagId, dag_run_id: runId, lines });
}

/** Under which large results of the run are kept. */
type KeptApart = { readonly kind?: unknown; readonly key?: unknown } | null;

const keysIn = (events: readonly { readonly data: unknown }[]): Set<string> =>
  new Set(events.flatMap(({ data }) => {
    const { result: returned, value } = data as { readonly result?: KeptApart; readonly value?: KeptApart };
    const result = returned ?? value;
    return result?.kind === 'stored' && typeof result.key === 'string' ? [result.key] : [];
  }));
