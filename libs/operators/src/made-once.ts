import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TaskFailure } from '@dagbook/sdk';

/** How soon a task that waits for another's installation looks again. */
const LOOK_AGAIN_MS = 200;

export interface ToMake {
  /** Absolute: a folder of this host, shared by its workers. */
  readonly folder: string;
  /** Of all that decides what is made. */
  readonly hash: string;
  readonly signal: AbortSignal;
  make(path: string): Promise<void>;
  /** Another process is at it. */
  onWait(): void;
}

/**
 * A folder made once per host and hash, absolute. States: absent → being made under a name of its own by the one that holds
 * the lock → complete, when a link by the hash points at it: none sees one half made. A maker that died loses the lock to the
 * next; one that failed leaves its reason, with which all fail that waited for it, and whoever comes later tries anew.
 */
export async function madeOnce(wanted: ToMake): Promise<string> {
  const link = join(wanted.folder, wanted.hash);
  const lock = `${link}.lock`;
  mkdirSync(wanted.folder, { recursive: true });
  for (let waitingSinceMs: number | undefined; !existsSync(link); ) {
    wanted.signal.throwIfAborted();
    if (takeLock(lock)) {
      try {
        if (existsSync(link)) break;
        const reason = waitingSinceMs === undefined ? undefined : failureSince(waitingSinceMs, wanted);
        if (reason !== undefined) throw new TaskFailure('error', reason);
        await make(wanted, link);
      } finally {
        rmSync(lock, { force: true });
      }
    } else {
      if (waitingSinceMs === undefined) wanted.onWait();
      waitingSinceMs ??= performance.timeOrigin + performance.now();
      await sleep(LOOK_AGAIN_MS, undefined, { signal: wanted.signal });
    }
  }
  return resolve(dirname(link), readlinkSync(link));
}

async function make(wanted: ToMake, link: string): Promise<void> {
  const own = `${wanted.hash}-${randomUUID().slice(0, 8)}`;
  const path = join(wanted.folder, own);
  try {
    await wanted.make(path);
    // A link whose folder somebody removed.
    rmSync(link, { force: true });
    symlinkSync(own, link);
  } catch (error) {
    rmSync(path, { recursive: true, force: true });
    if (error instanceof TaskFailure && !wanted.signal.aborted) noteFailure(wanted, error.message);
    throw error;
  }
}

/** Beside the folder, which holds what is complete. */
const failureNote = ({ folder, hash }: ToMake): string => join(`${folder}-failed`, hash);

function noteFailure(wanted: ToMake, reason: string): void {
  mkdirSync(`${wanted.folder}-failed`, { recursive: true });
  writeFileSync(failureNote(wanted), reason);
}

function failureSince(sinceMs: number, wanted: ToMake): string | undefined {
  const note = statSync(failureNote(wanted), { throwIfNoEntry: false });
  return note !== undefined && note.mtimeMs >= sinceMs ? read(failureNote(wanted), 'utf8') : undefined;
}

function takeLock(lock: string): boolean {
  const mine = `${process.pid} ${startTicks(process.pid)}`;
  try {
    writeFileSync(lock, mine, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  // Several tasks of this process may be at it: the lock is of one of them.
  const [pid, ticks] = read(lock).split(' ');
  if (pid !== undefined && ticks !== undefined && startTicks(Number(pid)) !== ticks) rmSync(lock, { force: true });
  return false;
}

const read = (path: string, encoding: 'latin1' | 'utf8' = 'latin1'): string => {
  try {
    return readFileSync(path, encoding);
  } catch {
    return '';
  }
};

/** With the pid it names one process for good; empty when there is none. */
function startTicks(pid: number): string {
  const stat = read(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
