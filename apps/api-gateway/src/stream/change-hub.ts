import { ID_PATTERN, RUN_ID_PATTERN } from '@dagbook/contracts';
import { formatPosition, parsePosition, type Position } from '@dagbook/event-store';
import { selectRows, type Change, type Queryable } from '@dagbook/read-models';
import { comparePositions, type ReadModelFeed } from '../read-model-feed.ts';
import type { EventStream, ServerSentEvent } from './event-stream.ts';

type Topic =
  | { readonly kind: 'dags' }
  | { readonly kind: 'dag'; readonly dagId: string }
  | { readonly kind: 'run'; readonly dagId: string; readonly runId: string };

/** null: not a topic. */
export function parseTopic(text: string): Topic | null {
  if (text === 'dags') return { kind: 'dags' };
  const [, kind, dagId = '', runId] = /^(dag|run):([^/]*)(?:\/(.*))?$/.exec(text) ?? [];
  if (kind === 'dag' && runId === undefined && ID_PATTERN.test(dagId)) return { kind, dagId };
  if (kind === 'run' && runId !== undefined && ID_PATTERN.test(dagId) && RUN_ID_PATTERN.test(runId)) return { kind, dagId, runId };
  return null;
}

const MAX_REPLAY = 2_000;
/** A page redraws at most this often; what happens in between is told at once afterwards. */
const QUIET_MS = 50;

/**
 * Tells clients what changed. State of a client: what is pending for it (changes merged, however many batches), and
 * whether it is being told. A slow client gets fewer, larger events, never a growing queue.
 */
export class ChangeHub {
  readonly #feed: ReadModelFeed;
  readonly #db: Queryable;
  readonly #clients = new Set<Client>();
  #detach: () => void = () => undefined;

  constructor(feed: ReadModelFeed, db: Queryable) {
    this.#feed = feed;
    this.#db = db;
  }

  start(): void {
    this.#detach = this.#feed.onChange((change) => {
      for (const client of this.#clients) client.take(change);
    });
  }

  stop(): void {
    this.#detach();
    for (const client of this.#clients) client.stream.close();
    this.#clients.clear();
  }

  /** Resolves when something of the task has changed, or the signal has aborted. */
  changed({ dagId, runId, taskId }: { readonly dagId: string; readonly runId: string; readonly taskId: string }, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        detach();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const detach = this.#feed.onChange(({ runs }) => {
        if (runs.some((run) => run.dagId === dagId && run.runId === runId && run.taskIds.includes(taskId))) done();
      });
      if (signal.aborted) done();
      else signal.addEventListener('abort', done);
    });
  }

  /** Serves a client until it goes. `lastEventId` resumes after it, or says `reset` when that is too long ago. */
  async serve(stream: EventStream, topics: readonly Topic[], lastEventId: string | undefined): Promise<void> {
    const client = new Client(stream, topics);
    this.#clients.add(client);
    stream.signal.addEventListener('abort', () => this.#clients.delete(client));
    const since = lastEventId === undefined || !/^\d{1,19}-\d{1,19}$/.test(lastEventId) ? null : parsePosition(lastEventId);
    const missed = since === null ? [] : await this.#since(since);
    if (missed === null || (lastEventId !== undefined && since === null)) await stream.send({ ...positionId(this.#feed.position), event: 'reset', data: '{}' });
    else for (const change of missed) client.take(change);
    if (missed?.length === 0) await stream.send({ ...positionId(this.#feed.position ?? undefined), event: 'ready', data: '{}' });
  }

  /** What happened after a position; null when it is not known any more. */
  async #since(since: Position): Promise<readonly Change[] | null> {
    if (this.#feed.position !== undefined && comparePositions(since, this.#feed.position) === 0) return [];
    const rows = await selectRows<{ change: Change; isAfter: boolean }>(
      this.#db,
      `SELECT change, (xid, pos) > ($1::bigint, $2::bigint) AS "isAfter" FROM gateway.changes
       WHERE (xid, pos) >= ($1::bigint, $2::bigint) ORDER BY xid, pos LIMIT $3`,
      [since.xid, since.pos, MAX_REPLAY + 1],
    );
    // The client's own position must still be there, or changes before the oldest row may be missing.
    if (rows[0]?.isAfter !== false || rows.length > MAX_REPLAY) return null;
    return rows.slice(1).map((row) => row.change);
  }
}

const positionId = (position: Position | undefined): { readonly id?: string } => (position === undefined ? {} : { id: formatPosition(position) });

class Client {
  readonly stream: EventStream;
  readonly #topics: readonly Topic[];
  #pending: Pending | undefined;
  #isTelling = false;

  constructor(stream: EventStream, topics: readonly Topic[]) {
    this.stream = stream;
    this.#topics = topics;
  }

  take(change: Change): void {
    const pending = this.#pending ?? emptyPending(change.position);
    if (!merge(pending, change, this.#topics)) return;
    this.#pending = pending;
    if (!this.#isTelling) void this.#tell();
  }

  async #tell(): Promise<void> {
    this.#isTelling = true;
    try {
      while (this.#pending !== undefined && !this.stream.signal.aborted) {
        const pending = this.#pending;
        this.#pending = undefined;
        const events = eventsOf(pending);
        // Only the last carries the id: a client that breaks off in between is told the rest again.
        for (const [at, event] of events.entries()) await this.stream.send(at === events.length - 1 ? { ...event, id: formatPosition(pending.position) } : event);
        await new Promise<void>((resolve) => setTimeout(resolve, QUIET_MS));
      }
    } finally {
      this.#isTelling = false;
    }
  }
}

interface Pending {
  position: Position;
  readonly dagIds: Set<string>;
  readonly runIds: Map<string, Set<string>>;
  readonly tasks: Map<string, { readonly dagId: string; readonly runId: string; readonly taskIds: Set<string> }>;
  importErrors: boolean;
}

const emptyPending = (position: Position): Pending => ({ position, dagIds: new Set(), runIds: new Map(), tasks: new Map(), importErrors: false });

/** Adds what these topics want of a change; false when that is nothing. */
function merge(pending: Pending, change: Change, topics: readonly Topic[]): boolean {
  let isWanted = false;
  for (const topic of topics) {
    if (topic.kind === 'dags') {
      for (const dagId of change.dagIds) pending.dagIds.add(dagId);
      pending.importErrors ||= change.importErrors;
      isWanted ||= change.dagIds.length > 0 || change.importErrors;
      continue;
    }
    if (topic.kind === 'dag' && change.dagIds.includes(topic.dagId)) {
      if (!pending.runIds.has(topic.dagId)) pending.runIds.set(topic.dagId, new Set());
      isWanted = true;
    }
    for (const { dagId, runId, taskIds } of change.runs) {
      if (dagId !== topic.dagId) continue;
      if (topic.kind === 'dag') {
        const known = pending.runIds.get(dagId) ?? new Set();
        pending.runIds.set(dagId, known.add(runId));
        isWanted = true;
      } else if (runId === topic.runId) {
        const known = pending.tasks.get(`${dagId}/${runId}`) ?? { dagId, runId, taskIds: new Set<string>() };
        for (const taskId of taskIds) known.taskIds.add(taskId);
        pending.tasks.set(`${dagId}/${runId}`, known);
        isWanted = true;
      }
    }
  }
  if (isWanted) pending.position = change.position;
  return isWanted;
}

function eventsOf(pending: Pending): ServerSentEvent[] {
  const events: ServerSentEvent[] = [];
  const add = (event: string, data: object): void => void events.push({ event, data: JSON.stringify(data) });
  if (pending.dagIds.size > 0) add('dags', { dag_ids: [...pending.dagIds] });
  if (pending.importErrors) add('import_errors', {});
  for (const [dagId, runIds] of pending.runIds) add('dag', { dag_id: dagId, dag_run_ids: [...runIds] });
  for (const { dagId, runId, taskIds } of pending.tasks.values()) add('run', { dag_id: dagId, dag_run_id: runId, task_ids: [...taskIds] });
  return events;
}
