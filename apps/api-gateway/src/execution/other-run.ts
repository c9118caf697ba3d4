import { createHash } from 'node:crypto';
import type { AttemptKey, CommandBody, OtherRun, OtherRunQuery, RunRequest, RunRequested } from '@dagbook/contracts';
import { getRun, getRunAt, taskInstancesOf } from '@dagbook/read-models';
import type { CommandDesk, Submitted } from '../command/command-desk.ts';
import { ApiError } from '../error/api-error.ts';
import type { Reader } from '../reader.ts';

/** What a task may do with runs of other DAGs: begin one, and look how one stands. */
export class OtherRuns {
  readonly #commands: CommandDesk;
  readonly #reader: Reader;

  constructor(commands: CommandDesk, reader: Reader) {
    this.#commands = commands;
    this.#reader = reader;
  }

  /**
   * Begins a run in the name of a try. Its command is named after the try, so a try that runs again, because its worker was
   * lost or because it looks again whether the run has ended, begins none and is told of the first.
   */
  async request(by: AttemptKey, { dagId, runId, conf, logicalDateMs, onExisting }: RunRequest): Promise<RunRequested> {
    const user = `${by.dagId}.${by.taskId}`;
    const key = createHash('sha256').update([by.dagId, by.runId, by.taskId, by.mapIndex, by.tryNumber].join('/')).digest('hex');
    const asked = await this.#asked(dagId, { type: 'TriggerRun', ...(runId === undefined ? {} : { runId }), logicalDateMs, conf, triggeredBy: 'operator', user }, key);
    if (asked.kind === 'done') return { kind: 'begun', runId: (asked.result as { readonly runId: string }).runId };
    if (asked.kind === 'accepted') return { kind: 'stored' };
    if (!asked.exists || runId === undefined || onExisting === 'refuse') return { kind: 'refused', reason: asked.reason };
    if (onExisting === 'skip') return { kind: 'existed', runId };
    const cleared = await this.#asked(dagId, { type: 'ClearTasks', runId, resetRun: true, user }, `${key}.reset`);
    if (cleared.kind === 'accepted') return { kind: 'stored' };
    return cleared.kind === 'done' ? { kind: 'begun', runId } : { kind: 'refused', reason: cleared.reason };
  }

  async find({ dagId, runId, logicalDateMs, taskIds, groupId }: OtherRunQuery): Promise<OtherRun | null> {
    const { db } = this.#reader;
    const run = runId !== undefined ? await getRun(db, dagId, runId) : logicalDateMs !== undefined ? await getRunAt(db, dagId, logicalDateMs) : null;
    if (run === null) return null;
    const wanted = groupId === undefined ? (taskIds ?? []) : await this.#membersOf(run, groupId);
    const instances = wanted.length === 0 ? [] : await taskInstancesOf(db, dagId, run.runId, wanted);
    const tasks: Record<string, string[]> = {};
    for (const { taskId, state } of instances) (tasks[taskId] ??= []).push(state);
    return { runId: run.runId, state: run.state, tasks, unknownTasks: await this.#unknownTo(run, wanted, groupId) };
  }

  /** A refusal is an answer to the task, not to its request. */
  async #asked(dagId: string, body: CommandBody, key: string): Promise<Submitted | { readonly kind: 'refused'; readonly exists: boolean; readonly reason: string }> {
    try {
      return await this.#commands.submit(dagId, body, key);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { kind: 'refused', exists: error.getStatus() === 409, reason: error.message };
    }
  }

  async #membersOf(run: { readonly planHash: string }, groupId: string): Promise<string[]> {
    const { definition } = await this.#reader.planOf(run);
    const parents = new Map((definition.groups ?? []).map((group) => [group.groupId, group.parentId]));
    const isWithin = (at: string | undefined): boolean => at !== undefined && (at === groupId || isWithin(parents.get(at)));
    return definition.tasks.filter((task) => isWithin(task.groupId)).map((task) => task.taskId);
  }

  async #unknownTo(run: { readonly planHash: string }, wanted: readonly string[], groupId: string | undefined): Promise<string[]> {
    if (groupId !== undefined) return wanted.length === 0 ? [groupId] : [];
    const { indexOf } = await this.#reader.planOf(run);
    return wanted.filter((taskId) => !indexOf.has(taskId));
  }
}
