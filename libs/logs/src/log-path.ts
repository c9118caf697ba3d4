import { constants } from 'node:fs';
import { mkdir, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { type AttemptKey, ID_PATTERN, RUN_ID_PATTERN } from '@dagbook/contracts';

/** An attempt key that is none: nothing is stored or read for it. */
export class InvalidAttemptKey extends Error {
  readonly code = 'log.invalid_attempt';
  readonly retryable = false;
}

/** The folder of a task instance's logs below the root: `<dag>/<run>/<task>/<map index>`. */
export function folderOf(key: AttemptKey): string {
  check('dag id', key.dagId, ID_PATTERN.test(key.dagId));
  check('run id', key.runId, RUN_ID_PATTERN.test(key.runId));
  check('task id', key.taskId, ID_PATTERN.test(key.taskId));
  check('map index', key.mapIndex, Number.isSafeInteger(key.mapIndex) && key.mapIndex >= -1);
  check('try number', key.tryNumber, Number.isSafeInteger(key.tryNumber) && key.tryNumber >= 0);
  return join(component(key.dagId), component(key.runId), component(key.taskId), String(key.mapIndex));
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

/**
 * Makes (when asked) and resolves a folder below the root. Fails when a link on the way leads out of it: log-server
 * may read and write nothing but logs, whatever else can write to its disk.
 */
export async function resolveBelow(root: string, folder: string, options: { make: boolean }): Promise<string> {
  const wanted = join(root, folder);
  if (options.make) await mkdir(wanted, { recursive: true });
  const real = await realpath(wanted);
  if (!real.startsWith(root + sep)) throw new InvalidAttemptKey(`${wanted} leads out of ${root}`);
  return real;
}

/** Never through a link in place of the file itself. */
export const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW;
export const WRITE_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;

/** `.` and `..` are ids by Airflow's rule and no names of folders; `%` stands in no id. */
const component = (id: string): string => (/^\.+$/.test(id) ? id.replaceAll('.', '%2E') : id);

function check(field: string, value: unknown, holds: boolean): void {
  if (!holds) throw new InvalidAttemptKey(`${field} ${JSON.stringify(value)} is not one by Airflow's rule`);
}
