import { constants } from 'node:fs';
import { mkdir, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { type AttemptKey, ID_PATTERN, isAttemptDag, isAttemptTask, RUN_ID_PATTERN } from '@dagbook/contracts';

/** An attempt key that is none: nothing is stored or read for it. */
export class InvalidAttemptKey extends Error {
  readonly code = 'log.invalid_attempt';
  readonly retryable = false;
}

/** The folder of a task instance's logs below the root: `<dag>/<run>/<task>/<map index>`. */
export function folderOf(key: AttemptKey): string {
  check('dag id', key.dagId, isAttemptDag(key.dagId));
  check('run id', key.runId, RUN_ID_PATTERN.test(key.runId));
  check('task id', key.taskId, isAttemptTask(key.taskId));
  check('map index', key.mapIndex, Number.isSafeInteger(key.mapIndex) && key.mapIndex >= -1);
  check('try number', key.tryNumber, Number.isSafeInteger(key.tryNumber) && key.tryNumber >= 0);
  return join(component(key.dagId), component(key.runId), component(key.taskId), String(key.mapIndex));
}

/** The folder of all logs of a run. */
export function runFolderOf(dagId: string, runId: string): string {
  check('dag id', dagId, ID_PATTERN.test(dagId));
  check('run id', runId, RUN_ID_PATTERN.test(runId));
  return join(component(dagId), component(runId));
}

export const fileOf = (tryNumber: number, epoch: number): string => `${tryNumber}-${epoch}.jsonl`;

/** The epochs that have a log of this try, oldest first. */
export function epochsAmong(names: readonly string[], tryNumber: number): readonly number[] {
  return names
    .map((name) => /^(\d+)-(\d+)\.jsonl$/.exec(name))
    .filter((match) => match !== null && Number(match[1]) === tryNumber)
    .map((match) => Number(match![2]))
    .sort((a, b) => a - b);
}

/** Resolves a folder below the root; null when it is not there. Fails like `LogFolders.make`. */
export async function resolveBelow(root: string, folder: string): Promise<string | null> {
  try {
    const real = await realpath(join(root, folder));
    if (real.startsWith(root + sep)) return real;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  throw leadsOut(root, folder);
}

/**
 * Makes the folders of logs. Fails when a link on the way leads out of the root: log-server may read and write nothing
 * but logs, whatever else can write to its disk.
 */
export class LogFolders {
  readonly #root: string;
  /** Runs whose folder was seen to lie below the root, so that a folder just made in it need not be looked at. */
  readonly #checkedRuns = new Set<string>();

  constructor(root: string) {
    this.#root = root;
  }

  async make(folder: string): Promise<{ readonly path: string; readonly isNew: boolean }> {
    const wanted = join(this.#root, folder);
    const run = folder.split(sep, 2).join(sep);
    const isNew = (await mkdir(wanted, { recursive: true })) !== undefined;
    if (isNew && this.#checkedRuns.has(run)) return { path: wanted, isNew };
    const path = await resolveBelow(this.#root, folder);
    if (path === null) throw leadsOut(this.#root, folder);
    if (this.#checkedRuns.size >= MAX_CHECKED_RUNS) this.#checkedRuns.clear();
    this.#checkedRuns.add(run);
    return { path, isNew };
  }
}

const MAX_CHECKED_RUNS = 1_000;
const leadsOut = (root: string, folder: string): InvalidAttemptKey => new InvalidAttemptKey(`${folder} leads out of ${root}`);

/** Never through a link in place of the file itself. */
export const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW;
export const WRITE_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;

/** `.` and `..` are ids by Airflow's rule and no names of folders; `%` stands in no id. */
const component = (id: string): string => (/^\.+$/.test(id) ? id.replaceAll('.', '%2E') : id);

function check(field: string, value: unknown, holds: boolean): void {
  if (!holds) throw new InvalidAttemptKey(`${field} ${JSON.stringify(value)} is not one by Airflow's rule`);
}
