import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { type Json, withoutSecrets } from '@dagbook/domain';
import { type ListedXCom, listXComs, type Range, XCOM_KEY, type XComInstant } from '@dagbook/read-models';
import { Caller } from './auth/auth.guard.ts';
import type { Principal } from './auth/token-desk.ts';
import { pageOf } from './dto/request.ts';
import { XComCollectionResponse, XComListQuery, XComQuery, type XComResponse, XComResponseNative } from './dto/xcom.ts';
import { ApiError, forbidden, notFound } from './error/api-error.ts';
import { pathDag, pathDagOrAll, pathRun, pathRunOrAll, pathTask, pathTaskOrAll, query } from './error/request.pipe.ts';
import { ResultStore } from './execution/result-store.ts';
import { Operation } from './operation.ts';
import { Reader } from './reader.ts';
import { instant, instantOrNull } from './view/instant.ts';

/** What is answered without being asked for by size: reading, hiding and writing more would hold up everybody else. */
const SHOWN_BYTES = 1024 * 1024;
const PATH = 'api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/xcomEntries';
const COMPARISONS = { gte: '>=', gt: '>', lte: '<=', lt: '<' } as const;
const INSTANTS = { logical_date: 'logicalDate', run_after: 'runAfter' } as const satisfies Record<string, XComInstant>;

/** Results of tasks as Airflow shows its XComs. They are what tasks returned: read here, changed by running the task again. */
@ApiTags('XCom')
@ApiBearerAuth()
@Controller(PATH)
export class XComController {
  readonly #reader: Reader;
  readonly #results: ResultStore;
  constructor(@Inject(Reader) reader: Reader, @Inject(ResultStore) results: ResultStore) {
    this.#reader = reader;
    this.#results = results;
  }

  @Get()
  @Operation({ id: 'get_xcom_entries', summary: 'List results of tasks, without their values; ~ for all DAGs, runs or tasks', answers: XComCollectionResponse, query: XComListQuery })
  async list(
    @Param('dag_id', pathDagOrAll) dagId: string,
    @Param('dag_run_id', pathRunOrAll) runId: string,
    @Param('task_id', pathTaskOrAll) taskId: string,
    @Query(query(XComListQuery)) request: XComListQuery,
  ): Promise<XComCollectionResponse> {
    if (dagId !== '~' && runId !== '~') await this.#reader.run(dagId, runId);
    const all = (id: string): string | undefined => (id === '~' ? undefined : id);
    if (request.xcom_key !== undefined && request.xcom_key !== XCOM_KEY) return { xcom_entries: [], total_entries: 0 };
    const { rows, total } = await listXComs(
      this.#reader.db,
      {
        dagId: all(dagId), runId: all(runId), taskId: all(taskId), mapIndex: request.map_index ?? request.map_index_filter,
        keyPattern: request.xcom_key_pattern, dagDisplayNamePattern: request.dag_display_name_pattern, runIdPattern: request.run_id_pattern, taskIdPattern: request.task_id_pattern,
        ranges: rangesOf(request),
      },
      pageOf(request),
    );
    return { xcom_entries: await Promise.all(rows.map((row) => this.#view(row))), total_entries: total };
  }

  @Get(':xcom_key')
  @Operation({ id: 'get_xcom_entry', summary: 'The result of a task instance; what stands under a sensitive name in it is hidden', answers: XComResponseNative, query: XComQuery })
  async get(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Param('xcom_key') key: string,
    @Query(query(XComQuery)) { map_index: mapIndex = -1, stringify = false, max_bytes: maxBytes = SHOWN_BYTES }: XComQuery,
    @Caller() { role }: Principal,
  ): Promise<XComResponseNative> {
    // Compared here: a key may be anything, and Postgres does not take every text.
    const { rows: [row] } = key === XCOM_KEY ? await listXComs(this.#reader.db, { dagId, runId, taskId, mapIndex }, { limit: 1, offset: 0 }) : { rows: [] };
    const bytes = row === undefined ? 0 : bytesOf(row);
    if (bytes > SHOWN_BYTES && role === 'viewer') throw forbidden(`The result is ${bytes} bytes; of more than ${SHOWN_BYTES} it is shown to operators only`);
    if (bytes > maxBytes) throw new ApiError(413, `The result is ${bytes} bytes: ask for it with max_bytes=${bytes}, or read it in a task`);
    const value = row === undefined ? undefined : row.result.kind === 'inline' ? row.result.value : await this.#results.value(row, row.result.key);
    if (row === undefined || value === undefined) throw notFound(`XCom entry with key: \`${key}\` not found`);
    const shown = withoutSecrets(value);
    return { ...(await this.#view(row)), value: stringify ? textOf(shown) : shown };
  }

  async #view({ dagId, runId, taskId, mapIndex, planHash, logicalDateMs, runAfterMs, atMs, ...row }: ListedXCom): Promise<XComResponse> {
    const { definition, tasks, indexOf } = await this.#reader.planOf({ planHash });
    return {
      key: XCOM_KEY, timestamp: instant(atMs), logical_date: instantOrNull(logicalDateMs), map_index: mapIndex, task_id: taskId, dag_id: dagId, run_id: runId,
      dag_display_name: definition.displayName ?? dagId, task_display_name: tasks[indexOf.get(taskId) ?? -1]?.displayName ?? taskId, run_after: instant(runAfterMs), bytes: bytesOf(row),
    };
  }
}

const bytesOf = ({ result }: Pick<ListedXCom, 'result'>): number => (result.kind === 'inline' ? Buffer.byteLength(JSON.stringify(result.value)) : result.bytes);

const textOf = (value: Json): string | null => (value === null || typeof value === 'string' ? value : JSON.stringify(value));

const rangesOf = (request: XComListQuery): readonly Range<XComInstant>[] =>
  Object.entries(INSTANTS).flatMap(([name, field]) =>
    Object.entries(COMPARISONS).flatMap(([suffix, comparison]) => {
      const value = request[`${name}_${suffix}` as `${keyof typeof INSTANTS}_${keyof typeof COMPARISONS}`];
      return value === undefined ? [] : [{ field, comparison, value }];
    }));
