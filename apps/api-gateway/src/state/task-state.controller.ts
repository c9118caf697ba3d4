import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Patch, Put, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { type StateStorePolicy, stateClearsWithTry, stateLifetimeMs } from '@dagbook/domain';
import { StateStore, type TaskStateEntry, type TaskStateScope } from '@dagbook/event-store';
import type { Clock } from '@dagbook/platform';
import { taskInstancesOf } from '@dagbook/read-models';
import { pageOf } from '../dto/request.ts';
import { StateBody, StateMapIndexQuery, TaskStateBody, TaskStateClearQuery, TaskStateCollectionResponse, TaskStateListQuery, TaskStateResponse } from '../dto/state.ts';
import { notFound } from '../error/api-error.ts';
import { body, pathDag, pathRun, pathTask, query } from '../error/request.pipe.ts';
import { Operation } from '../operation.ts';
import { Reader } from '../reader.ts';
import { CLOCK, STATE_STORE_POLICY } from '../token.ts';
import { instant, instantOrNull } from '../view/instant.ts';
import { pathStateKey, shownState, textIn } from './state-request.ts';

const PATH = 'api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/state-store';

/** What a task instance keeps over its tries, as Airflow serves it: to be looked at, mended, and taken away before it is cleared. */
@ApiTags('Task State Store')
@ApiBearerAuth()
@Controller(PATH)
export class TaskStateController {
  readonly #states: StateStore;
  readonly #reader: Reader;
  readonly #policy: StateStorePolicy;
  readonly #clock: Clock;
  constructor(@Inject(StateStore) states: StateStore, @Inject(Reader) reader: Reader, @Inject(STATE_STORE_POLICY) policy: StateStorePolicy, @Inject(CLOCK) clock: Clock) {
    this.#states = states;
    this.#reader = reader;
    this.#policy = policy;
    this.#clock = clock;
  }

  @Get()
  @Operation({ id: 'list_task_state_store', summary: 'What a task instance keeps, by key', answers: TaskStateCollectionResponse, query: TaskStateListQuery })
  async list(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Query(query(TaskStateListQuery)) request: TaskStateListQuery,
  ): Promise<TaskStateCollectionResponse> {
    const { entries, total } = await this.#states.taskEntries({ dagId, runId, taskId, mapIndex: request.map_index ?? -1 }, pageOf(request));
    return { task_state_store: entries.map(view), total_entries: total };
  }

  @Get(':key')
  @Operation({ id: 'get_task_state_store', summary: 'One entry', answers: TaskStateResponse, query: StateMapIndexQuery })
  async get(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Param('key', pathStateKey) key: string,
    @Query(query(StateMapIndexQuery)) { map_index: mapIndex = -1 }: StateMapIndexQuery,
  ): Promise<TaskStateResponse> {
    const entry = await this.#states.taskEntry({ dagId, runId, taskId, mapIndex }, key);
    if (entry === null) throw keyNotFound(key);
    return view(entry);
  }

  @Put(':key')
  @HttpCode(204)
  @Operation({ id: 'set_task_state_store', summary: 'Keep a value for the next try', answers: null, status: 204, query: StateMapIndexQuery, body: TaskStateBody })
  async set(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Param('key', pathStateKey) key: string,
    @Query(query(StateMapIndexQuery)) { map_index: mapIndex = -1 }: StateMapIndexQuery,
    @Body(body(TaskStateBody)) { value, expires_at: expiresAt = 'default' }: TaskStateBody,
  ): Promise<void> {
    const scope = { dagId, runId, taskId, mapIndex };
    const instance = await this.#instance(scope);
    const lifetimeMs = typeof expiresAt === 'number' ? expiresAt - this.#clock.nowMs() : stateLifetimeMs(expiresAt ?? 'never', this.#policy);
    await this.#states.setTask(scope, { key, text: textIn(value, this.#policy), lifetimeMs, clearsWithTry: stateClearsWithTry(instance) });
  }

  @Patch(':key')
  @Operation({ id: 'patch_task_state_store', summary: 'Change the value of an entry; when it expires stays', answers: null, query: StateMapIndexQuery, body: StateBody })
  async patch(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Param('key', pathStateKey) key: string,
    @Query(query(StateMapIndexQuery)) { map_index: mapIndex = -1 }: StateMapIndexQuery,
    @Body(body(StateBody)) { value }: StateBody,
  ): Promise<null> {
    const scope = { dagId, runId, taskId, mapIndex };
    await this.#instance(scope);
    if (!(await this.#states.changeTask(scope, key, textIn(value, this.#policy)))) throw keyNotFound(key);
    return null;
  }

  @Delete(':key')
  @HttpCode(204)
  @Operation({ id: 'delete_task_state_store', summary: 'Delete an entry, if there is one', answers: null, status: 204, query: StateMapIndexQuery })
  async delete(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Param('key', pathStateKey) key: string,
    @Query(query(StateMapIndexQuery)) { map_index: mapIndex = -1 }: StateMapIndexQuery,
  ): Promise<void> {
    const scope = { dagId, runId, taskId, mapIndex };
    await this.#instance(scope);
    await this.#states.deleteTask(scope, key);
  }

  @Delete()
  @HttpCode(204)
  @Operation({ id: 'clear_task_state_store', summary: 'Delete all entries of a task instance, or of every instance of a mapped task', answers: null, status: 204, query: TaskStateClearQuery })
  async clear(
    @Param('dag_id', pathDag) dagId: string,
    @Param('dag_run_id', pathRun) runId: string,
    @Param('task_id', pathTask) taskId: string,
    @Query(query(TaskStateClearQuery)) { map_index: mapIndex = -1, all_map_indices: all = false }: TaskStateClearQuery,
  ): Promise<void> {
    if (!all) {
      await this.#instance({ dagId, runId, taskId, mapIndex });
      await this.#states.deleteTask({ dagId, runId, taskId, mapIndex }, null);
    } else {
      if ((await taskInstancesOf(this.#reader.db, dagId, runId, [taskId])).length === 0) throw instanceNotFound({ dagId, runId, taskId }, 'all_map_indices=True');
      await this.#states.clearTask({ dagId, runId, taskId });
    }
  }

  async #instance(scope: TaskStateScope): Promise<{ readonly state: string; readonly tryNumber: number }> {
    const instance = (await taskInstancesOf(this.#reader.db, scope.dagId, scope.runId, [scope.taskId])).find(({ mapIndex }) => mapIndex === scope.mapIndex);
    if (instance === undefined) throw instanceNotFound(scope, `map_index=${scope.mapIndex}`);
    return instance;
  }
}

const view = ({ key, value, updatedAtMs, expiresAtMs }: TaskStateEntry): TaskStateResponse => ({ key, value: shownState(key, value), updated_at: instant(updatedAtMs), expires_at: instantOrNull(expiresAtMs) });

const keyNotFound = (key: string) => notFound(`Task state store key '${key}' not found`);
const instanceNotFound = ({ dagId, runId, taskId }: Omit<TaskStateScope, 'mapIndex'>, which: string) => notFound(`Task instance not found for dag_id='${dagId}', run_id='${runId}', task_id='${taskId}', ${which}`);
