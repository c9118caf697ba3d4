import { createHash } from 'node:crypto';
import type { AttemptKey, OtherRun, OtherRunQuery, RunRequest, RunRequested } from '@dagbook/contracts';
import { getRun, getRunAt, taskInstancesOf } from '@dagbook/read-models';
import type { CommandDesk } from '../command/command-desk.ts';
import { ApiError } from '../error/api-error.ts';
import type { Reader } from '../reader.ts';

/** An owner that has not answered in these many times five seconds is away; the task tries again by its own rules. */
const MOST_ASKINGS = 6;

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
    try {
      const body = { type: 'TriggerRun', ...(runId === undefined ? {} : { runId }), logicalDateMs, conf, triggeredBy: 'operator', user } as const;
      const begun = (await this.#submitted(dagId, body, key)) as { readonly runId: string };
      return { kind: 'begun', runId: begun.runId };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const exists = error.getStatus() === 409 && runId !== undefined;
      if (exists && onExisting === 'skip') return { kind: 'existed', runId };
      if (!exists || onExisting !== 'reset') return { kind: 'refused', reason: error.message };
      await this.#submitted(dagId, { type: 'ClearTasks', runId, resetRun: true, user }, `${key}.reset`);
      return { kind: 'begun', runId };
    }
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

  async #submitted(dagId: string, body: Parameters<CommandDesk['submit']>[1], key: string): Promise<unknown> {
    for (let asked = 0; asked < MOST_ASKINGS; asked++) {
      const submitted = await this.#commands.submit(dagId, body, key);
      if (submitted.kind === 'done') return submitted.result;
    }
    throw new ApiError(503, `The scheduler of ${dagId} has not carried out the command yet; it is stored and will be`);
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
