import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { killGroup, killMarked, markedProcesses, processFacts, runningProcesses } from './process-group.ts';
import { WorkerFault } from './worker-options.ts';

/**
 * What a worker leaves on disk about itself and its runners' process groups, so that the next incarnation on the slot
 * can kill what a dead one left before it says so. Guardians have done it as a rule; this is the proof. What left its
 * group is known by the mark in its environment.
 *
 * Lines of `groups`: `<boot id> <group id> <start ticks of its leader>`, appended before a runner gets a task.
 */
export class Predecessor {
  /** What all runners of this folder's worker carry, see `RUNNER_MARK`; each adds its own. */
  readonly mark: string;
  readonly #stateDir: string;
  readonly #ownerFile: string;
  readonly #groupsFile: string;
  readonly #groups = new Map<number, string>();
  readonly #bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

  constructor(stateDir: string) {
    this.#stateDir = stateDir;
    this.mark = `${createHash('sha256').update(resolve(stateDir)).digest('hex').slice(0, 16)}-`;
    this.#ownerFile = join(stateDir, 'worker.pid');
    this.#groupsFile = join(stateDir, 'groups');
  }

  /** Takes the slot's folder; refuses while another process lives that has it. */
  claim(): void {
    const stateDir = this.#stateDir;
    try {
      mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new WorkerFault('worker.state_dir', `the worker's state folder ${stateDir} cannot be made (${(error as NodeJS.ErrnoException).code}): give the user of this process the right to write there`, error);
    }
    const [bootId, pid, startTicks] = readText(this.#ownerFile).split(' ');
    const owner = processFacts(Number(pid));
    const alive = bootId === this.#bootId && owner !== undefined && !owner.zombie && owner.startTicks === startTicks;
    if (alive && owner.pid !== process.pid) {
      throw new WorkerFault('worker.slot_in_use', `process ${owner.pid} is a worker on ${stateDir} already: stop it, or give this one another slot name and folder`);
    }
    writeFileSync(this.#ownerFile, `${this.#bootId} ${process.pid} ${processFacts(process.pid)?.startTicks ?? ''}`, { mode: 0o600 });
  }

  /** Kills what runs of the predecessor's tasks; answers the ids of groups and processes that had to be killed. */
  async reap(): Promise<readonly number[]> {
    const killed: number[] = [];
    const left = readText(this.#groupsFile).split('\n').map((line) => line.split(' '));
    for (const [bootId, group, startTicks] of left) {
      const groupId = Number(group);
      if (bootId !== this.#bootId || startTicks === undefined || !this.#isItsGroup(groupId, startTicks)) continue;
      killed.push(groupId);
      await killGroup(groupId);
    }
    killed.push(...markedProcesses(this.mark).map((facts) => facts.pid));
    await killMarked(this.mark);
    this.#write();
    return killed;
  }

  /** On a full disk the guardian and the mark must do. */
  add(groupId: number, startTicks: string): void {
    this.#groups.set(groupId, startTicks);
    this.#tolerateFullDisk(() => appendFileSync(this.#groupsFile, this.#line(groupId, startTicks), { mode: 0o600 }));
  }

  remove(groupId: number): void {
    if (this.#groups.delete(groupId)) this.#tolerateFullDisk(() => this.#write());
  }

  release(): void {
    rmSync(this.#ownerFile, { force: true });
  }

  /**
   * The kernel gives no process the number of a group that still has members. So a leader with another start time
   * means that the group is empty, and members without a leader are the group's own, if they are not older than it.
   */
  #isItsGroup(groupId: number, startTicks: string): boolean {
    const leader = processFacts(groupId);
    if (leader !== undefined) return leader.startTicks === startTicks;
    return runningProcesses().some((facts) => facts.groupId === groupId && Number(facts.startTicks) >= Number(startTicks));
  }

  #tolerateFullDisk(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!['ENOSPC', 'EDQUOT', 'EIO'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }

  #write(): void {
    writeFileSync(this.#groupsFile, [...this.#groups].map(([groupId, startTicks]) => this.#line(groupId, startTicks)).join(''), { mode: 0o600 });
  }

  #line(groupId: number, startTicks: string): string {
    return `${this.#bootId} ${groupId} ${startTicks}\n`;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
