import { readdirSync, readFileSync } from 'node:fs';

/** A process as /proc tells it. `startTicks` with the pid names one process for good, until the host boots anew. */
export interface ProcessFacts {
  readonly pid: number;
  readonly parentPid: number;
  readonly groupId: number;
  readonly startTicks: string;
  readonly zombie: boolean;
}

export function processFacts(pid: number): ProcessFacts | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The name stands in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { pid, parentPid: Number(fields[1]), groupId: Number(fields[2]), startTicks: fields[19] as string, zombie: fields[0] === 'Z' };
}

/** All processes that run. Zombies are left out: they hold nothing, and only their parent can reap them. */
export function runningProcesses(): readonly ProcessFacts[] {
  return readdirSync('/proc').flatMap((name) => {
    const facts = /^\d+$/.test(name) ? processFacts(Number(name)) : undefined;
    return facts === undefined || facts.zombie ? [] : [facts];
  });
}

/**
 * The environment variable by which a process is known as a task's, though it left the group (`setsid`) and its parent
 * is dead. It holds no secret.
 */
export const RUNNER_MARK = 'DAGBOOK_RUNNER';

/** What runs with a mark that begins with `prefix`. */
export function markedProcesses(prefix: string): readonly ProcessFacts[] {
  return runningProcesses().filter((facts) => environmentOf(facts.pid).includes(`\0${RUNNER_MARK}=${prefix}`));
}

/** Everything that runs in the group, descends from it, or carries its mark. */
export function groupMembers(groupId: number, mark?: string): readonly ProcessFacts[] {
  const running = runningProcesses();
  const wanted = mark === undefined ? undefined : `\0${RUNNER_MARK}=${mark}\0`;
  const ofGroup = running.filter((facts) => facts.groupId === groupId || (wanted !== undefined && environmentOf(facts.pid).includes(wanted)));
  const found = new Map(ofGroup.map((facts) => [facts.pid, facts]));
  for (let grown = true; grown; ) {
    grown = false;
    for (const facts of running) {
      if (found.has(facts.pid) || !found.has(facts.parentPid)) continue;
      found.set(facts.pid, facts);
      grown = true;
    }
  }
  return [...found.values()];
}

/** Sends a signal to a group; false when there is no such group. */
export function signalGroup(groupId: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-groupId, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** NUL-framed on both sides; empty for a process of another user, or one that is gone. */
function environmentOf(pid: number): string {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}\0`;
  } catch {
    return '';
  }
}

/**
 * Kills the group, its descendants and what carries its mark, and waits until nothing of them runs. Answers the pids
 * that outlived `withinMs` (stuck in the kernel), empty as a rule.
 */
export async function killGroup(groupId: number, mark?: string, withinMs = 2_000): Promise<readonly number[]> {
  return killUntilNone(() => groupMembers(groupId, mark), withinMs, () => signalGroup(groupId, 'SIGKILL'));
}

/** The same for whatever carries a mark that begins with `prefix`. */
export async function killMarked(prefix: string, withinMs = 2_000): Promise<readonly number[]> {
  return killUntilNone(() => markedProcesses(prefix), withinMs);
}

async function killUntilNone(find: () => readonly ProcessFacts[], withinMs: number, first?: () => void): Promise<readonly number[]> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = find().map((facts) => facts.pid);
    if (found.length === 0 || performance.now() > deadline) return found;
    first?.();
    for (const pid of found) killProcess(pid);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
