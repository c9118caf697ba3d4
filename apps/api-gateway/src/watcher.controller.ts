import { type LogReader, parseAttemptId, watcherAttemptId, watcherStream } from '@dagbook/contracts';
import { evolveWatcher, initialWatcher, WATCHER_FINGERPRINT, watchesAgainAtMs, type WatcherEvent, type WatcherFold } from '@dagbook/domain';
import { toFact } from '@dagbook/event-store';
import { watcherKey } from '@dagbook/platform';
import { selectRows } from '@dagbook/read-models';
import { Controller, Get, Inject, Param } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { TaskInstancesLogResponse, WatcherCollectionResponse, type WatcherResponse } from './dto/response.ts';
import { notFound } from './error/api-error.ts';
import { pathDag, pathWatcher } from './error/request.pipe.ts';
import { linesOf } from './log.controller.ts';
import { Operation } from './operation.ts';
import { Reader } from './reader.ts';
import { LOG_READER } from './token.ts';
import { instantOrNull } from './view/instant.ts';

const LOG_BYTES = 1024 * 1024;

/** What watches the assets that a DAG waits for: where, what it saw, why not, and what it wrote. */
@ApiTags('Asset')
@ApiBearerAuth()
@Controller()
export class WatcherController {
  readonly #reader: Reader;
  readonly #logs: LogReader;
  constructor(@Inject(Reader) reader: Reader, @Inject(LOG_READER) logs: LogReader) {
    this.#reader = reader;
    this.#logs = logs;
  }

  @Get('ui/dags/:dag_id/watchers')
  @Operation({ id: 'ui_watchers', summary: 'What watches the assets that a DAG waits for', answers: WatcherCollectionResponse })
  async list(@Param('dag_id', pathDag) dagId: string): Promise<WatcherCollectionResponse> {
    const watchers = await Promise.all((await this.#declared(dagId)).map(({ uri, name }) => this.#view(uri, name)));
    return { watchers, total_entries: watchers.length };
  }

  @Get('ui/dags/:dag_id/watchers/:watcher/log')
  @Operation({ id: 'ui_watcher_log', summary: 'What a watcher wrote lately', answers: TaskInstancesLogResponse })
  async log(@Param('dag_id', pathDag) dagId: string, @Param('watcher', pathWatcher) key: string): Promise<TaskInstancesLogResponse> {
    if (!(await this.#declared(dagId)).some(({ uri, name }) => watcherKey(uri, name) === key)) throw notFound(`The DAG ${dagId} has no watcher ${key}`);
    const slice = await this.#logs.read({ attempt: parseAttemptId(watcherAttemptId(key)), tailBytes: LOG_BYTES, maxBytes: LOG_BYTES });
    return { content: slice === null ? [] : linesOf(slice.text), continuation_token: null };
  }

  async #declared(dagId: string): Promise<readonly { readonly uri: string; readonly name: string }[]> {
    const { planHash } = await this.#reader.dag(dagId);
    return (await this.#reader.plans.get(planHash)).definition.watchers ?? [];
  }

  async #view(uri: string, name: string): Promise<WatcherResponse> {
    const key = watcherKey(uri, name);
    const [leases, watcher] = await Promise.all([
      selectRows<{ readonly worker: string }>(this.#reader.db, 'SELECT worker FROM attempt_leases WHERE attempt_id = $1', [watcherAttemptId(key)]), this.#folded(key),
    ]);
    return {
      key, uri, name, worker: leases[0]?.worker ?? null, last: watcher.last, failures: watcher.failures, failure: watcher.failure?.message ?? null,
      next_at: instantOrNull(watcher.failures === 0 ? null : watchesAgainAtMs(watcher)),
    };
  }

  async #folded(key: string): Promise<WatcherFold> {
    const { store } = this.#reader;
    const snapshot = await store.loadSnapshot(watcherStream(key), WATCHER_FINGERPRINT);
    const known = snapshot === null ? initialWatcher : (snapshot.state as unknown as WatcherFold);
    return (await store.read(watcherStream(key), known.version + 1)).map((stored) => toFact<WatcherEvent>(stored)).reduce(evolveWatcher, known);
  }
}
