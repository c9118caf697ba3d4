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

/** Everything that runs in the group, and what descends from it though it left the group (`setsid`). */
export function groupMembers(groupId: number): readonly ProcessFacts[] {
  const running = runningProcesses();
  const found = new Map(running.filter((facts) => facts.groupId === groupId).map((facts) => [facts.pid, facts]));
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

/**
 * Kills the group and its descendants and waits until nothing of them runs. Answers the pids that outlived `withinMs`
 * (stuck in the kernel), empty as a rule.
 */
export async function killGroup(groupId: number, withinMs = 2_000): Promise<readonly number[]> {
  const deadline = performance.now() + withinMs;
  const escaped = new Map<number, ProcessFacts>();
  for (;;) {
    for (const member of groupMembers(groupId)) {
      if (member.groupId !== groupId) escaped.set(member.pid, member);
    }
    const standing = signalGroup(groupId, 'SIGKILL');
    for (const member of escaped.values()) {
      if (isStillRunning(member)) process.kill(member.pid, 'SIGKILL');
      else escaped.delete(member.pid);
    }
    const left = [...(standing ? groupMembers(groupId).map((member) => member.pid) : []), ...escaped.keys()];
    if (left.length === 0 || performance.now() > deadline) return left;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function isStillRunning(facts: ProcessFacts): boolean {
  const now = processFacts(facts.pid);
  return now !== undefined && now.startTicks === facts.startTicks && !now.zombie;
}
